import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeInert } from "../../src/core/text/inert-text.ts";
import { type FakeGithub, startFakeGithub } from "../support/fake-github.ts";
import { withDeputy } from "../support/fixtures.ts";
import { hasGitHttpBackend } from "../support/git-http.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";

/** Rolling back what was delivered to a GitHub: its pull request is closed, nothing is pushed. */
describe.skipIf(!hasGitHttpBackend)("rollback of a pull request", () => {
  let github: FakeGithub;
  beforeAll(async () => {
    github = await startFakeGithub();
  });
  afterAll(() => github?.close());
  const { deputy, repository: project } = withDeputy({
    files: greetingProject,
    env: () => ({ GITHUB_TOKEN: github.token, GITHUB_API_URL: github.apiUrl }),
  });

  const deliver = async (name: string, how = "pr") => {
    const app = await github.add(name, { from: project.path });
    const task = await deputy.run({
      ...{ repository: github.cloneUrl(name), goal: "Repair the greeting, @ada" },
      ...{ agent: repairGreeting, checks: ["npm test"], deliver: how },
    });
    expect(task.state, task.end_detail).toBe("completed");
    return { app, task, refs: () => github.git(name, "for-each-ref") };
  };
  const writes = () => github.requests.filter(({ method }) => method !== "GET").length;

  test("an open one is closed with a comment, and its branch stays", async () => {
    const { app, refs, task } = await deliver("acme/open");
    const before = refs();
    const { code, stderr, stdout } = await deputy.cli(["rollback", task.id]);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe(
      `${task.delivery_url} is closed; ${task.branch} stays until deputy discard ${task.id}\n`,
    );
    expect(app.pulls).toMatchObject([{ state: "closed", title: "Repair the greeting, ＠ada" }]);
    const words = `Closed without a merge, because \`${task.id}\` was rolled back. The branch stays.`;
    expect(app.comments).toMatchObject([
      { issue: 1, body: `<!-- deputy:${task.id}:rollback -->\n${words}` },
    ]);
    expect(makeInert(words)).toBe(words);
    expect(refs()).toBe(before);
    expect((await deputy.cli(["show", task.id])).stdout).toContain("rolled back");
    const sent = writes();
    const again = await deputy.cli(["rollback", task.id]);
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("rolled back already")]);
    expect(writes()).toBe(sent);
  });

  test("killed before that is recorded: said again it adds no comment", async () => {
    const { app, task } = await deliver("acme/killed");
    await deputy.stop();
    await deputy.start({ DEPUTY_FAULT: "task.rolled_back:reported" });
    await deputy.cli(["rollback", task.id]);
    expect(await deputy.ended()).toBe("SIGKILL");
    expect(app.pulls).toMatchObject([{ state: "closed" }]);
    await deputy.start();
    expect((await deputy.cli(["rollback", task.id])).code).toBe(0);
    expect(app.comments).toHaveLength(1);
    const { task: after } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
    expect(after.rolled_back_at).not.toBeNull();
  });

  test.each([
    ["merged", true, `is merged: undo it there with its "Revert" button.`],
    ["closed by somebody", false, "was closed there and not merged, so there is nothing to undo"],
  ])("one that was %s is left as it is", async (_, merged, words) => {
    const { app, refs, task } = await deliver(`acme/over-${merged}`);
    Object.assign(app.pulls[0] ?? {}, { state: "closed", merged });
    const before = [refs(), writes()];
    const { code, stderr } = await deputy.cli(["rollback", task.id]);
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)]);
    expect([refs(), writes()]).toEqual(before);
    expect(app.comments).toEqual([]);
    const { task: after } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
    expect(after.rolled_back_at).toBeNull();
  });

  test("what GitHub refuses is said, and nothing is recorded", async () => {
    const { app, task } = await deliver("acme/forbidden");
    const answer = { status: 403, body: JSON.stringify({ message: "No" }) };
    github.refusals.push(({ method }) => (method === "GET" ? null : answer));
    const { code, stderr } = await deputy.cli(["rollback", task.id]);
    github.refusals = [];
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining(`Could not close ${task.delivery_url}`),
    ]);
    expect(app.pulls).toMatchObject([{ state: "open" }]);
    expect((await deputy.cli(["rollback", task.id])).code).toBe(0);
  });

  test("a branch in a remote repository is undone there", async () => {
    const { refs, task } = await deliver("acme/branch", "branch");
    const before = refs();
    const { code, stderr } = await deputy.cli(["rollback", task.id]);
    expect([code, stderr]).toEqual([
      2,
      `deputy: ${task.branch} was pushed to ${task.repository}: revert it there if it was merged, else delete it with deputy discard ${task.id}.\n`,
    ]);
    expect(refs()).toBe(before);
  });
});

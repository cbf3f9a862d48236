import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { type FakeGithub, fakeUserId, startFakeGithub } from "../support/fake-github.ts";
import { withDeputy } from "../support/fixtures.ts";
import { hasGitHttpBackend } from "../support/git-http.ts";
import { type Hooks, hookRepository, makeHooks } from "../support/github-hooks.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";
import { until } from "../support/until.ts";

/** What people say to Deputy in comments, and what it answers. */
const secret = "a-shared-secret";

describe.skipIf(!hasGitHttpBackend)("commands in comments", () => {
  let github: FakeGithub;
  let hooks: Hooks;
  let app: Awaited<ReturnType<FakeGithub["add"]>>;
  beforeAll(async () => {
    github = await startFakeGithub();
  });
  afterAll(() => github?.close());
  const { deputy, repository: project } = withDeputy({
    files: greetingProject,
    env: () => ({
      GITHUB_TOKEN: github.token,
      GITHUB_API_URL: github.apiUrl,
      GITHUB_WEBHOOK_SECRET: secret,
      DEPUTY_SANDBOX: "auto",
    }),
    start: false,
  });
  beforeAll(async () => {
    const clone = `clone: ${github.url}/{repository}.git`;
    await writeFile(
      join(deputy.home, "triggers.yaml"),
      `github:
  - on: [issues.labeled, command]
    repository: acme/app
    label: deputy
    ${clone}
    agent: '${repairGreeting}; if grep -q "Say more" "$DEPUTY_BRIEF_FILE"; then echo "// more" >> src/greeting.js; fi; if grep -q "Hold on" "$DEPUTY_BRIEF_FILE"; then sleep 600; fi'
  - on: [pull_request.opened, command]
    repository: acme/app
    recipe: review
    ${clone}
    agent: 'command:if grep -q "Read slowly" "$DEPUTY_BRIEF_FILE"; then sleep 600; fi; echo ''{"summary": "It reads well."}'''
  - on: issues.labeled
    repository: acme/silent
    label: deputy
    ${clone}
    agent: '${repairGreeting}'
`,
    );
    app = await github.add("acme/app", { from: project.path, permissions: { ada: "write" } });
    await deputy.start();
    hooks = makeHooks(deputy, secret);
  });
  const read = async (id: string) => (await deputy.api("GET", `/v1/tasks/${id}`)).body.task as Json;
  const commanded = async (id: string) =>
    (await deputy.events(id)).filter(({ type }) => type === "task.commanded");

  test("an issue is worked on, its pull request worked on again and reviewed, each by one line", async () => {
    const repository = "acme/app";
    const last = () => app.comments.at(-1)?.body ?? "";
    const issue = { repository, number: 31 };
    const quoted = await hooks.comment(issue, "> /deputy fix\n\nWhat does that do?");
    expect(quoted).toEqual({ result: "ignored: no task is about it", taskId: null });

    const stranger = { ...issue, by: "eve", association: "NONE" };
    expect((await hooks.comment(stranger, "/deputy fix")).result).toContain("eve has write access");
    expect(app.comments).toEqual([]);
    expect(app.reactions).toEqual([]);

    const none = await hooks.comment(issue, "/deputy stop");
    expect(none).toEqual({
      taskId: null,
      result: "refused: No task of mine is about this issue.",
    });
    const unknown = await hooks.comment(issue, "@deputy-bot dance");
    expect(unknown.result).toBe("refused: I know these commands:");
    expect(last()).toContain("- `/deputy answer TEXT`");
    expect(last()).not.toMatch(/^(?:\/deputy|@deputy-bot)/m);

    const started = await hooks.comment(issue, "Please.\n/deputy fix");
    const { id, state, end_detail, delivery_url, branch } = await deputy.untilOver(
      started.taskId ?? "",
    );
    expect(state, end_detail).toBe("completed");
    expect(app.reactions).toHaveLength(3);
    const pull = { ...issue, number: app.pulls[0]?.number ?? 0, url: delivery_url };
    expect(app.pulls[0]?.body).toContain("Closes acme/app#31");

    const nothing = await hooks.comment(pull, "/deputy fix");
    expect(nothing.result).toContain("Say what is to be fixed");
    const mark = (await deputy.events(id)).at(-1)?.seq ?? 0;
    const more = await hooks.comment(pull, "/deputy fix Say more");
    expect(more).toMatchObject({ taskId: id, result: expect.stringMatching(/^rework: ada asks/) });
    await deputy.untilEvent(id, ({ seq, type }) => type === "task.completed" && seq > mark);
    expect(github.git(repository, "show", `${branch}:src/greeting.js`)).toContain("// more");
    expect(app.pulls).toHaveLength(1);

    const review = await hooks.comment(pull, "/deputy review");
    const reviewed = await deputy.untilOver(review.taskId ?? "");
    expect(reviewed.state, reviewed.end_detail).toBe("completed");
    expect(app.comments.filter(({ body }) => body.includes("It reads well."))).toHaveLength(1);

    const closed = await hooks.comment({ ...pull, state: "closed" }, "/deputy review");
    expect(closed.result).toMatch(/^refused: acme\/app#\d+ is closed/);
    const elsewhere = { ...issue, number: 90, url: `${github.url}/acme/app/pull/90` };
    expect((await hooks.comment(elsewhere, "/deputy fix it")).result).toContain(
      "no pull request of",
    );
  });

  test("a task is explained, stopped, retried and answered, by those who may, with their names on record", async () => {
    const repository = "acme/app";
    const issue = { repository, number: 32 };
    const asks = { ...issue, by: "eve", association: "NONE" };
    const { taskId } = await hooks.issue("labeled", asks);
    const id = taskId ?? "";
    const last = () => app.comments.at(-1)?.body ?? "";
    await hooks.comment(issue, "/deputy why");
    expect(last()).toContain("The work waits for an approval before it starts.");
    expect(last()).not.toContain("Hullo");

    // The event calls him a member, and GitHub knows better.
    const member = { ...issue, by: "mallory" };
    const refused = await hooks.comment(member, "/deputy answer yes");
    expect(refused.result).toBe("ignored: nothing shows that mallory has write access");
    const odd = await hooks.comment(issue, "/deputy answer maybe");
    expect(odd.result).toContain('answer "yes" or "no"');
    const budget = await hooks.comment(issue, "/deputy budget +$2");
    expect(budget.result).toContain("does not ask for more budget");
    expect((await read(id)).state).toBe("waiting");
    expect((await hooks.comment(issue, "/deputy answer yes")).taskId).toBe(id);
    const first = await deputy.untilOver(id);
    expect(first.state, first.end_detail).toBe("completed");
    expect((await commanded(id)).map(({ message }) => message)).toEqual([
      'ada said "/deputy answer" on acme/app#32',
    ]);
    // As if the daemon had died before it wrote down that this was done.
    const comments = app.comments.length;
    const answered =
      "delivery_id = (select delivery_id from inbox where result like '%deputy answer%on acme/app#32')";
    const said = hookedComment(32, "/deputy answer yes");
    await deputy.database?.query(
      `update inbox set processed_at = null, result = null, payload = '${said}' where ${answered}`,
    );
    await until(async () => {
      const open = await deputy.database?.query("select 1 from inbox where processed_at is null");
      return open?.length === 0;
    }, "it was looked at again");
    expect(await commanded(id)).toHaveLength(1);
    expect(app.comments).toHaveLength(comments);
    const again = await hooks.comment(issue, "/deputy retry");
    expect(again.result).toContain("only a failed task can be retried");

    const other = { repository, number: 33 };
    const slow = await hooks.comment(other, "/deputy fix Hold on");
    await deputy.untilEvent(slow.taskId ?? "", ({ type }) => type === "attempt.started");
    const told = await hooks.comment(other, "/deputy fix also this");
    expect(told).toMatchObject({ taskId: slow.taskId });
    expect((await hooks.comment(other, "/deputy stop")).result).toContain(
      'ada said "/deputy stop"',
    );
    expect((await deputy.untilOver(slow.taskId ?? "")).state).toBe("cancelled");
    const told33 = () => app.comments.filter(({ issue }) => issue === 33).map(({ body }) => body);
    await until(() => told33().join().includes("The work was stopped"), "the comment says so");
  });

  test("a fix that is asked for during a review begins once that has ended", async () => {
    const issue = { repository: "acme/app", number: 34, body: "Read slowly: it says Hullo." };
    const review = await hooks.comment(issue, "/deputy review");
    await deputy.untilEvent(review.taskId ?? "", ({ type }) => type === "attempt.started");
    const fix = hooks.comment(issue, "/deputy fix the greeting");
    await until(async () => {
      const waiting = `tried again later: it waits for ${review.taskId} to end`;
      const rows = await deputy.database?.query(`select 1 from inbox where result = '${waiting}'`);
      return rows?.length === 1;
    }, "the fix waits");
    expect((await hooks.comment(issue, "/deputy stop")).taskId).toBe(review.taskId);
    const { taskId } = await fix;
    expect(taskId).not.toBe(review.taskId);
    const fixed = await deputy.untilOver(taskId ?? "");
    expect(fixed.state, fixed.end_detail).toBe("completed");
  });

  const hookedComment = (number: number, body: string) => {
    const sender = { login: "ada", id: fakeUserId("ada"), type: "User" };
    return JSON.stringify({
      ...{ ...hookRepository("acme/app"), sender, action: "created", issue: { number } },
      comment: { id: 1, body, user: sender, author_association: "MEMBER" },
    });
  };

  test("where no rule is for commands a comment is words", async () => {
    const repository = "acme/silent";
    const app = await github.add(repository, { from: project.path });
    const said = await hooks.comment({ repository, number: 1 }, "/deputy fix");
    expect(said).toEqual({ result: "ignored: no task is about it", taskId: null });
    expect(app.comments).toEqual([]);
  });
});

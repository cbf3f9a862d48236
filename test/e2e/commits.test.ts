import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { appendFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";

/** What is delivered is what its repository takes: whose commits, in which words, and signed. */
const hasKeygen = spawnSync("ssh-keygen", ["-?"]).error === undefined;

const { deputy, repository, repositoryWith, run, receiptOf, scratch } = withDeputy({
  files: { "a.txt": "a\n", "commitlint.config.js": "throw new Error('never run');\n" },
  start: false,
  config: `
commits:
  author: Ada Lovelace <ada@example.org>
  co_authored_by: ["Deputy <deputy@localhost>"]
  sign_off: true
`,
});
beforeAll(async () => {
  const file = join(deputy.home, "config.yaml");
  const own = `repositories:\n  ${repository.path}:\n    commits: {sign: ${hasKeygen}}\n`;
  await appendFile(file, own);
  await deputy.start();
});
const body = (commit: string) =>
  repository.git("log", "-1", "--format=%an <%ae>|%cn <%ce>|%B", commit);

/** Takes `type: subject` and what the repository began with; leaves a trace where it runs. */
const hook = `#!/bin/sh
touch hook-ran
head -n 1 "$1" | grep -qE '^(start|(feat|fix): .{1,40})$' || { echo "no type in it"; exit 1; }
! grep -q WIP "$1" || { echo "it is work in progress"; exit 1; }
`;

test("the repository's commit-msg hook tries the messages, in a box and not in the checkout", async () => {
  const own = await repositoryWith({ "a.txt": "a\n", ".husky/commit-msg": hook });
  const input = { repository: own.path, checks: ["true"] };
  const mended = await run({ ...input, goal: "Add b", agent: "command:echo b > b.txt" });
  expect(mended.state, mended.end_detail).toBe("completed");
  expect(own.git("log", "-1", "--format=%s", mended.branch ?? "")).toBe("feat: add b");
  expect((await deputy.events(mended.id)).at(-1)?.message).not.toContain("husky");

  const refused = await run({
    ...input,
    goal: "Add the WIP of c",
    agent: "command:echo c > c.txt; ln -s ../secret out; ln -s a.txt in",
  });
  expect(refused.state, refused.end_detail).toBe("completed");
  const note = /\.husky\/commit-msg refuses a message of its commits \(/;
  const links = ["out → ../secret"];
  const last = (await deputy.events(refused.id)).at(-1)?.message;
  expect(last).toMatch(note);
  expect(last).toContain(`links that lead outside the repository: ${links[0]}`);
  // The same wherever the receipt is read.
  const { delivery, not_checked } = await receiptOf(refused.id);
  expect(delivery).toMatchObject({ note: expect.stringMatching(note), outside_links: links });
  expect(not_checked).toContainEqual(expect.stringMatching(note));
  const { stdout } = await deputy.cli(["receipt", refused.id]);
  expect(stdout).toMatch(note);
  expect(stdout).toContain(`## Links that lead outside the repository\n\n- ${links[0]}\n`);
  expect(own.git("status", "--porcelain", "--ignored")).toBe("");
});

describe.skipIf(!hasKeygen)("delivered commits", () => {
  let key = "";
  const verify = (commit: string) => {
    const signers = `gpg.ssh.allowedSignersFile=${scratch.at("signers")}`;
    return repository.git("-c", signers, "log", "-1", "--format=%G? %GS", commit);
  };
  beforeAll(async () => {
    key = scratch.at("key");
    spawnSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key]);
    const { stdout } = spawnSync("ssh-keygen", ["-y", "-f", key], { encoding: "utf8" });
    await writeFile(scratch.at("signers"), `ada@example.org ${stdout}`);
    repository.git("config", "gpg.format", "ssh");
    repository.git("config", "user.signingkey", key);
  });

  test("are the person's, signed, in the repository's convention; a rework adds to them", async () => {
    const agent =
      'command:if grep -q "Say more" "$DEPUTY_BRIEF_FILE"; then echo more >> a.txt; else echo b > a.txt; fi; echo \'{"summary":"It says b."}\'';
    const task = await run({
      goal: "Repair the greeting.\n\nIt is wrong.",
      agent,
      checks: ["true"],
    });
    expect(task.state, task.end_detail).toBe("completed");
    const commit = task.delivered_commit;
    expect(repository.git("rev-parse", "deputy/repair-the-greeting")).toBe(commit);
    expect(body(commit)).toBe(
      `Ada Lovelace <ada@example.org>|Ada Lovelace <ada@example.org>|fix: repair the greeting\n\nIt says b.\n\nDeputy-Task: ${task.id}\nDeputy-Subtask: main\nCo-authored-by: Deputy <deputy@localhost>\nSigned-off-by: Ada Lovelace <ada@example.org>`,
    );
    expect(verify(commit)).toBe("G ada@example.org");
    expect((await receiptOf(task.id)).delivery).toMatchObject({
      ...{ commit, commits: [commit], signed: true },
    });

    const mark = (await deputy.events(task.id)).at(-1)?.seq ?? 0;
    expect((await deputy.cli(["comment", task.id, "a.txt:1", "Say more"])).code).toBe(0);
    await deputy.untilEvent(task.id, ({ seq, type }) => type === "task.completed" && seq > mark);
    const again = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body.task;
    expect(again.branch).toBe(task.branch);
    expect(repository.git("rev-list", `main..${again.branch}`).split("\n")).toEqual([
      again.delivered_commit,
      commit,
    ]);
    expect(verify(again.delivered_commit)).toBe("G ada@example.org");
    expect((await deputy.cli(["accept", task.id])).code).toBe(0);
    expect((await deputy.cli(["rollback", task.id])).code).toBe(0);
  });

  test("stay what they are when people push to the branch: their own commit on top is built upon", async () => {
    const agent =
      'command:if grep -q "Say more" "$DEPUTY_BRIEF_FILE"; then echo more >> p.txt; else echo p > p.txt; fi';
    const task = await run({ goal: "Begin a page", agent, checks: ["true"] });
    expect(task.state, task.end_detail).toBe("completed");
    repository.git("checkout", "-q", task.branch);
    await repository.write({ "p.txt": "by a person\n" });
    repository.git("commit", "-qam", "mine, in my words");
    const pushed = repository.git("rev-parse", "HEAD");
    repository.git("checkout", "-q", "main");
    const mark = (await deputy.events(task.id)).at(-1)?.seq ?? 0;
    expect((await deputy.cli(["comment", task.id, "p.txt:1", "Say more"])).code).toBe(0);
    await deputy.untilEvent(task.id, ({ seq, type }) => type === "task.completed" && seq > mark);
    const again = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body.task;
    expect(repository.git("rev-list", `main..${task.branch}`).split("\n")).toEqual([
      again.delivered_commit,
      pushed,
      task.delivered_commit,
    ]);
    expect(body(pushed)).toContain("Tester <tester@localhost>|Tester <tester@localhost>|mine");
    expect(repository.git("show", `${task.branch}:p.txt`)).toBe("by a person\nmore");
  });

  test("are never delivered unsigned: what git says is told, and a retry delivers", async () => {
    await rename(key, `${key}.away`);
    const task = await run({ goal: "Add c", agent: "command:echo c > c.txt", checks: ["true"] });
    expect(task.state).toBe("failed");
    expect(task.end_detail).toMatch(
      /could not be delivered: git could not sign the commits \(.*key.*\): see that .* set commits\.sign to false/,
    );
    expect(repository.git("branch", "--list", "deputy/add-c")).toBe("");
    await rename(`${key}.away`, key);
    expect((await deputy.cli(["retry", task.id])).code).toBe(0);
    const done = await deputy.untilOver(task.id);
    expect(done.state, done.end_detail).toBe("completed");
    expect(verify(done.delivered_commit)).toBe("G ada@example.org");
    expect(existsSync(`${repository.path}/c.txt`)).toBe(false);
  });
});

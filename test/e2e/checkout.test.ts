import { chmodSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";

/**
 * The user's checkout is byte-identical however a task ends, whatever lies about in it: changes,
 * staged and not, untracked and ignored files, a stash, hooks and configuration of its own.
 */
const { deputy, repository, scratch, submit } = withDeputy({
  files: {
    "src/a.txt": "a\n",
    "src/b.txt": "b\n",
    "src/c.txt": "c\n",
    ".gitignore": "*.log\n.env\n",
  },
  start: false,
});
let before: Record<string, string>;

beforeAll(async () => {
  await repository.write({ "src/a.txt": "stashed\n" });
  repository.git("stash");
  repository.git("branch", "feature");
  repository.git("tag", "v1");
  repository.git("config", "core.fsmonitor", `touch ${scratch.at("fsmonitor-ran")}`);
  await repository.write({
    "src/a.txt": "not staged\n",
    "src/b.txt": "staged\n",
    "new.txt": "untracked\n",
    "debug.log": "ignored\n",
    ".env": "SECRET=1\n",
  });
  // Every hook that git could run for what is done to a repository.
  for (const hook of [
    "post-checkout",
    "post-merge",
    "pre-commit",
    "pre-push",
    "reference-transaction",
    "update",
    "pre-receive",
    "post-receive",
    "post-update",
    "fsmonitor-watchman",
  ]) {
    const path = `.git/hooks/${hook}`;
    await repository.write({ [path]: `#!/bin/sh\necho ${hook} >> ${scratch.at("hooks-ran")}\n` });
    chmodSync(join(repository.path, path), 0o755);
  }
  symlinkSync("src/a.txt", join(repository.path, "link"));
  repository.git("-c", "core.fsmonitor=false", "add", "src/b.txt");
  await deputy.start();
});
beforeEach(async () => {
  before = await fingerprintCheckout(repository.path);
});

test("success: only the delivered branch is new, and it starts from what was committed", async () => {
  const task = await deputy.run({
    repository: repository.path,
    goal: "Succeed",
    agent: "command:cat src/a.txt src/b.txt > seen.txt; rm src/c.txt; echo x > 'odd name'",
    checks: ["! test -e new.txt"],
  });
  expect(task).toMatchObject({ state: "completed", branch: "deputy/succeed" });
  expect(await fingerprintCheckout(repository.path)).toEqual(before);
  expect(repository.git("show", "deputy/succeed:seen.txt")).toBe("a\nb");
  expect(repository.git("for-each-ref", "--format=%(refname)").split("\n").sort()).toEqual([
    "refs/heads/deputy/succeed",
    "refs/heads/feature",
    "refs/heads/main",
    "refs/stash",
    "refs/tags/v1",
  ]);
});

test("failure: nothing is new", async () => {
  const task = await deputy.run({
    repository: repository.path,
    goal: "Fail",
    agent: "command:echo red > src/a.txt",
    checks: ["false"],
  });
  expect(task).toMatchObject({ state: "failed", branch: null });
  expect(await fingerprintCheckout(repository.path)).toEqual(before);
  expect(repository.git("branch", "--list", "deputy/fail*")).toBe("");
});

test("cancel: the agent is gone, nothing is new", async () => {
  const agent = await scratch.agent(
    "endless.sh",
    `echo half > src/a.txt; echo $$ > ${scratch.at("pid")}; ${waitFor("never")}`,
  );
  const id = await submit({ goal: "Never end", agent });
  await scratch.until("pid");
  expect((await deputy.cli(["cancel", id])).code).toBe(0);
  expect((await deputy.untilOver(id)).state).toBe("cancelled");
  const pid = Number(await scratch.read("pid"));
  expect(isProcessAlive({ pid, startTicks: null })).toBe(false);
  expect(await fingerprintCheckout(repository.path)).toEqual(before);
  expect(repository.git("branch", "--list", "deputy/never*")).toBe("");
});

test("an agent that goes for the repository through git reaches nothing of it", async () => {
  const agent = await scratch.agent(
    "git.sh",
    `git config core.hooksPath /tmp || true
git stash || true
git branch -f main HEAD || true
git checkout -b mine || true
echo x > x.txt
git add -A && git -c user.name=a -c user.email=a@b commit -m mine || true
git push origin HEAD:refs/heads/main HEAD:refs/heads/pwned || true
git remote -v || true`,
  );
  const task = await deputy.run({ repository: repository.path, goal: "Use git", agent });
  expect(task.state).toBe("completed");
  expect(await fingerprintCheckout(repository.path)).toEqual(before);
  expect(repository.git("show", "deputy/use-git:x.txt")).toBe("x");
});

test("no hook and no program of the repository's configuration was ever run", () => {
  expect(scratch.has("hooks-ran")).toBe(false);
  expect(scratch.has("fsmonitor-ran")).toBe(false);
});

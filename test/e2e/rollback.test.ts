import { existsSync } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import type { TestRepository } from "../support/repository.ts";
import { waitFor } from "../support/scratch.ts";

/** Undoing delivered work where its branch was merged, and leaving everything else as it is. */

const { deputy, repositoryWith, scratch } = withDeputy();

const files = { "a.txt": "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "b.txt": "b\n", ".gitignore": "*.log\n" };
/** Changes a line, adds a file and removes one. */
const work = "sed -i s/2/two/ a.txt; echo new > new.txt; rm b.txt";
/** Stands for gpg. */
const signs = `#!/bin/sh
cat > /dev/null
echo "[GNUPG:] SIG_CREATED " >&2
printf '%s\\n' '-----BEGIN PGP SIGNATURE-----' x '-----END PGP SIGNATURE-----'
`;

const deliver = async (own: TestRepository, goal: string, agent = work): Promise<Json> => {
  const task = await deputy.run({
    ...{ repository: own.path, goal, agent: `command:${agent}`, checks: ["true"] },
  });
  expect(task.state, task.end_detail).toBe("completed");
  return task;
};

const commit = async (own: TestRepository, changes: Record<string, string>, message = "mine") => {
  await own.write(changes);
  own.git("add", "--all");
  own.git("commit", "--quiet", "--message", message);
};

const accept = async (id: string) => {
  const { code, stderr } = await deputy.cli(["accept", id]);
  expect(code, stderr).toBe(0);
};

const rollBack = async (id: string): Promise<string> => {
  const { code, stderr, stdout } = await deputy.cli(["rollback", id]);
  expect(code, stderr).toBe(0);
  return stdout;
};

/** The one sentence of a refusal; nothing in the repository or about the task has changed. */
const refuse = async (own: TestRepository, id: string): Promise<string> => {
  const look = async () => ({
    ...(await fingerprintCheckout(own.path)),
    branches: own.git("for-each-ref", "refs/heads/deputy"),
    task: (await deputy.api("GET", `/v1/tasks/${id}`)).body.task,
  });
  const before = await look();
  const { code, stderr } = await deputy.cli(["rollback", id]);
  expect(code, stderr).toBe(2);
  expect(await look()).toEqual(before);
  expect(stderr).toMatch(/^deputy: [^\n]+\.\n$/);
  return stderr;
};

const countReverts = (own: TestRepository) =>
  own
    .git("log", "--format=%s")
    .split("\n")
    .filter((subject) => subject.startsWith("Revert")).length;

describe("what was merged", () => {
  test("is undone by one commit of the person's, on top of what they did since", async () => {
    const own = await repositoryWith(files);
    for (const hook of ["pre-commit", "commit-msg", "post-merge", "reference-transaction"]) {
      const path = `.git/hooks/${hook}`;
      await own.write({ [path]: `#!/bin/sh\ntouch ${scratch.at("hook-ran")}\n` });
      await chmod(join(own.path, path), 0o755);
    }
    const task = await deliver(own, "Fast forward");
    await accept(task.id);
    await rm(scratch.at("hook-ran"), { force: true });
    await own.write({ "a.txt": files["a.txt"].replace("2", "two").replace("9", "nine") });
    own.git("-c", "core.hooksPath=/dev/null", "commit", "--quiet", "--all", "--message", "mine");
    await own.write({ "notes.txt": "untracked\n", "debug.log": "ignored\n" });
    const head = own.git("rev-parse", "HEAD");

    const said = await rollBack(task.id);
    const made = own.git("rev-parse", "HEAD");
    expect(said).toBe(
      `deputy/fast-forward is undone on main (revert commit ${made.slice(0, 10)})\n`,
    );
    expect(own.git("log", "-1", "--format=%P %an %ce")).toBe(`${head} Tester tester@localhost`);
    expect(own.git("log", "-1", "--format=%B")).toBe(
      `Revert deputy/fast-forward\n\nThis undoes what ${task.id} brought, ${task.preparation.base_commit.slice(0, 10)}..${task.delivered_commit.slice(0, 10)}.\n\nDeputy-Rollback: ${task.id}`,
    );
    expect(own.git("diff", "--name-status", task.preparation.base_commit, "HEAD")).toBe("M\ta.txt");
    expect(own.git("show", "HEAD:a.txt")).toBe("1\n2\n3\n4\n5\n6\n7\n8\nnine");
    expect(own.git("status", "--porcelain")).toBe("?? notes.txt");
    expect(existsSync(join(own.path, "debug.log"))).toBe(true);
    expect(existsSync(scratch.at("hook-ran"))).toBe(false);

    const { task: after } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
    expect(after).toMatchObject({ state: "completed", discarded_at: null });
    const at = after.rolled_back_at;
    expect(at).not.toBeNull();
    expect((await deputy.cli(["show", task.id])).stdout).toContain(`rolled back  ${at}`);
    expect((await deputy.cli(["receipt", task.id])).stdout).toContain(`| Rolled back | at ${at} |`);
    expect((await deputy.events(task.id)).at(-1)).toMatchObject({
      type: "task.rolled_back",
      message: `Rolled back: ${said.trim()}`,
    });

    const again = `deputy: ${task.id} was rolled back already, at ${at}.\n`;
    expect(await refuse(own, task.id)).toBe(again);
    expect((await deputy.cli(["accept", task.id])).stderr).toBe(again);
    const comment = await deputy.cli(["comment", task.id, "a.txt:2", "Shorter"]);
    expect(comment.code).toBe(2);
    expect((await deputy.cli(["discard", task.id])).code).toBe(0);
    expect(own.git("branch", "--list", "deputy/*")).toBe("");
  });

  test("by a merge commit is undone in the same way", async () => {
    const own = await repositoryWith(files);
    const task = await deliver(own, "Diverged");
    await commit(own, { "c.txt": "c\n" });
    const tree = own.git("rev-parse", "HEAD^{tree}");
    own.git("merge", "--quiet", "--no-ff", "--no-edit", task.branch);
    // Its branch is no longer needed then; merged by hand it counts as accepted.
    const { stdout } = await deputy.cli(["discard", task.id]);
    expect(stdout).toContain("it was accepted, so its record stays");
    expect(own.git("rev-list", "--parents", "-1", "HEAD").split(" ")).toHaveLength(3);
    const signer = scratch.at("signer");
    await scratch.write("signer", signs);
    await chmod(signer, 0o755);
    own.git("config", "gpg.program", signer);
    own.git("config", "commit.gpgSign", "true");
    const { body } = await deputy.api("POST", `/v1/tasks/${task.id}/rollback`);
    expect(body.detail).toContain("deputy/diverged is undone on main");
    expect(body.task.rolled_back_at).not.toBeNull();
    expect(own.git("rev-parse", "HEAD^{tree}")).toBe(tree);
    expect(own.git("cat-file", "commit", "HEAD")).toContain("gpgsig -----BEGIN PGP SIGNATURE-----");
    expect(own.git("status", "--porcelain")).toBe("");
  });

  test("by the person, who added commits to the branch: those stay", async () => {
    const own = await repositoryWith(files);
    const task = await deliver(own, "Moved");
    own.git("switch", "--quiet", task.branch);
    await commit(own, { "more.txt": "more\n", "new.txt": "new\n" }, "more");
    const moved = own.git("rev-parse", "HEAD");
    own.git("switch", "--quiet", "main");
    expect(await refuse(own, task.id)).toContain(
      "main is checked out and has not merged deputy/moved: check out deputy/moved, which has",
    );
    own.git("merge", "--quiet", "--no-ff", "--message", "merged", task.branch);
    await rollBack(task.id);
    expect(own.git("diff", "--name-status", task.preparation.base_commit, "HEAD")).toBe(
      "A\tmore.txt",
    );
    expect(own.git("rev-parse", task.branch)).toBe(moved);
  });

  test("as a folder of another name: what the person put into it stays there", async () => {
    const own = await repositoryWith({ ...files, "old/1.txt": "one\n", "old/2.txt": "two\n" });
    const task = await deliver(own, "Rename", "mv old new");
    await accept(task.id);
    await commit(own, { "new/3.txt": "three\n" });
    own.git("config", "merge.directoryRenames", "true");
    await rollBack(task.id);
    expect(own.git("diff", "--name-status", task.preparation.base_commit, "HEAD")).toBe(
      "A\tnew/3.txt",
    );
  });

  test("and reworked since: what was merged is undone, the rework stays on its branch", async () => {
    const own = await repositoryWith(files);
    const agent = `if grep -q "Say more" "$DEPUTY_BRIEF_FILE"; then echo 3 >> new.txt; else ${work}; fi`;
    const task = await deliver(own, "Reworked", agent);
    own.git("merge", "--quiet", task.branch);
    const mark = (await deputy.events(task.id)).at(-1)?.seq ?? 0;
    expect((await deputy.cli(["comment", task.id, "new.txt:1", "Say more"])).code).toBe(0);
    await deputy.untilEvent(task.id, ({ seq, type }) => type === "task.completed" && seq > mark);
    await rollBack(task.id);
    expect(own.git("diff", "--name-only", task.preparation.base_commit, "HEAD")).toBe("");
    expect(own.git("show", `${task.branch}:new.txt`)).toBe("new\n3");
  });

  test("killed before it is recorded: said again it finds its commit and makes no other", async () => {
    const own = await repositoryWith(files);
    const task = await deliver(own, "Killed");
    await accept(task.id);
    await deputy.stop();
    await deputy.start({ DEPUTY_FAULT: "task.rolled_back:reported" });
    await deputy.cli(["rollback", task.id]);
    expect(await deputy.ended()).toBe("SIGKILL");
    const made = own.git("rev-parse", "HEAD");
    expect(countReverts(own)).toBe(1);
    await deputy.start();
    expect(await rollBack(task.id)).toContain(`(revert commit ${made.slice(0, 10)}, made before)`);
    expect(own.git("rev-parse", "HEAD")).toBe(made);
    const { task: after } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
    expect(after.rolled_back_at).not.toBeNull();
  });
});

describe("refused in one sentence, and nothing is touched:", () => {
  test("nobody merged it; it is gone", async () => {
    const own = await repositoryWith(files);
    const task = await deliver(own, "Alone");
    const said = await refuse(own, task.id);
    expect(said).toContain("No branch of ");
    expect(said).toContain("so nothing of yours has changed");
    expect(said).toContain(`delete it with deputy discard ${task.id}`);
    own.git("switch", "--quiet", task.branch);
    expect(await refuse(own, task.id)).toBe(said);
    own.git("switch", "--quiet", "main");
    expect((await deputy.cli(["discard", task.id])).code).toBe(0);
    expect(await refuse(own, task.id)).toContain(
      "so nothing of yours has changed: it was discarded",
    );
  });

  test("later commits change the same lines", async () => {
    const own = await repositoryWith(files);
    const task = await deliver(own, "Conflict");
    await accept(task.id);
    await commit(own, { "a.txt": files["a.txt"].replace("2", "zwei"), "new.txt": "newer\n" });
    expect(await refuse(own, task.id)).toContain(
      "Later commits on main change what deputy/conflict brought (a.txt, new.txt): undo it by hand",
    );
  });

  test("the checkout is dirty, in the middle of something, has a file in the way, or nobody's name", async () => {
    const own = await repositoryWith(files);
    const task = await deliver(own, "In the way", `${work}; echo b.txt >> .gitignore`);
    await accept(task.id);
    await own.write({ "a.txt": "dirty\n" });
    expect(await refuse(own, task.id)).toContain("has uncommitted changes (a.txt)");
    own.git("checkout", "--quiet", "a.txt");
    await own.write({ ".git/MERGE_HEAD": `${own.git("rev-parse", "HEAD")}\n` });
    expect(await refuse(own, task.id)).toContain("A merge is in progress");
    await rm(join(own.path, ".git/MERGE_HEAD"));
    // The task removed it; it is ignored now, and it is the person's.
    await own.write({ "b.txt": "a secret of the person\n" });
    expect(await refuse(own, task.id)).toContain(
      "has files of yours where deputy/in-the-way removed some (b.txt): move them away first.",
    );
    await rm(join(own.path, "b.txt"));
    own.git("config", "user.name", "");
    expect(await refuse(own, task.id)).toContain("git does not know your name in ");
    own.git("config", "user.name", "Tester");
    await rollBack(task.id);
    expect(own.git("show", "HEAD:b.txt")).toBe("b");
  });

  test("another branch is checked out, or none", async () => {
    const own = await repositoryWith(files);
    const task = await deliver(own, "Elsewhere");
    own.git("branch", "other");
    await accept(task.id);
    own.git("switch", "--quiet", "other");
    expect(await refuse(own, task.id)).toContain(
      "other is checked out and has not merged deputy/elsewhere: check out main, which has, and roll back again.",
    );
    own.git("switch", "--quiet", "--detach", "main");
    expect(await refuse(own, task.id)).toContain("is on no branch (detached HEAD): check out main");
    own.git("switch", "--quiet", task.branch);
    expect(await refuse(own, task.id)).toContain("deputy/elsewhere is checked out");
  });

  test("the person undid it", async () => {
    const own = await repositoryWith(files);
    const task = await deliver(own, "By hand");
    await accept(task.id);
    own.git("revert", "--no-edit", "HEAD");
    expect(await refuse(own, task.id)).toContain(
      "main has nothing left of what deputy/by-hand brought: it is undone already.",
    );
  });

  test("it is not delivered: at work, cancelled, failed, without a change to the repository", async () => {
    const own = await repositoryWith(files);
    const agent = `command:${waitFor(scratch.at("never"))}`;
    const { body } = await deputy.api("POST", "/v1/tasks", {
      ...{ repository: own.path, goal: "Wait", agent, checks: ["true"] },
    });
    await deputy.untilEvent(body.id, ({ type }) => type === "attempt.started");
    expect((await deputy.cli(["rollback", body.id])).stderr).toBe(
      `deputy: ${body.id} is running and has delivered no branch.\n`,
    );
    await deputy.cli(["cancel", body.id]);
    await deputy.untilOver(body.id);
    expect(await refuse(own, body.id)).toBe(
      `deputy: ${body.id} is cancelled and has delivered no branch.\n`,
    );
    const failed = await deputy.run({
      ...{ repository: own.path, goal: "Fail", agent: "command:false", checks: ["true"] },
    });
    expect(await refuse(own, failed.id)).toBe(
      `deputy: ${failed.id} is failed and has delivered no branch.\n`,
    );
    const unknown = `task_${"0".repeat(20)}`;
    expect((await deputy.cli(["rollback", unknown])).stderr).toBe(
      `deputy: There is no task ${unknown}.\n`,
    );
  });
});

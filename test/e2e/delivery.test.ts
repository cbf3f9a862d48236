import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { waitFor } from "../support/scratch.ts";

/** Merging, handing over, and what a person does with what was handed over. */

const { deputy, repository, scratch } = withDeputy({
  files: { "a.txt": "a\n", "list.txt": "start\n" },
});

/** To its end; what the command said, and the task after it. */
const update = async (id: string): Promise<{ detail: string; task: Json }> => {
  const mark = (await deputy.events(id)).at(-1)?.seq ?? 0;
  const { status, body } = await deputy.api("POST", `/v1/tasks/${id}/update`);
  expect(status, JSON.stringify(body)).toBe(200);
  await deputy.untilEvent(
    id,
    ({ seq, type }) => /^task\.(completed|failed|waiting)$/.test(type) && seq > mark,
  );
  return { detail: body.detail, task: (await deputy.api("GET", `/v1/tasks/${id}`)).body.task };
};

const deliver = (goal: string, agent: string, path = repository.path): Promise<Json> =>
  deputy.run({ repository: path, goal, agent: `command:${agent}`, checks: ["true"] });

test("of two parts that conflict the later one is done again on the merged base", async () => {
  const meet = (own: string, other: string) =>
    scratch.agent(
      `${own}.sh`,
      `touch ${scratch.at(own)}\n${waitFor(scratch.at(other))}\necho ${own} >> list.txt`,
    );
  const task = await deputy.run({
    repository: repository.path,
    goal: "Conflict",
    checks: ["true"],
    plan: {
      subtasks: [
        { id: "one", title: "One", agent: await meet("one", "two") },
        { id: "two", title: "Two", agent: await meet("two", "one") },
      ],
    },
  });
  expect(task.state, task.end_detail).toBe("completed");
  const lines = repository.git("show", "deputy/conflict:list.txt").split("\n");
  expect([lines[0], ...lines.slice(1).sort()]).toEqual(["start", "one", "two"]);
  const receipt: Json = (await deputy.api("GET", `/v1/tasks/${task.id}/receipt`)).body;
  expect(receipt.verified).toBe(true);
  expect(receipt.attempts).toHaveLength(3);
  const lost = receipt.attempts.find(({ recovery }: Json) => recovery !== null);
  expect(lost.recovery).toMatchObject({ action: "retry", failure: "conflict" });
  expect(lost.recovery.reason).toContain("merge conflict in list.txt");
  expect(receipt.attempts[2].base_commit).not.toBe(lost.base_commit);
});

test("a gate that is red after the merge sends the later part back, on the new base", async () => {
  // Each alone is green; together they are one too many until the later one sees the earlier one.
  const meet = (own: string, other: string) =>
    scratch.agent(
      `gate-${own}.sh`,
      `touch ${scratch.at(`gate-${own}`)}\n${waitFor(scratch.at(`gate-${other}`))}
if [ -e only-${other} ]; then echo both > both.txt; else echo ${own} > only-${own}; fi`,
    );
  const task = await deputy.run({
    repository: repository.path,
    goal: "Gate",
    checks: ["! { test -e only-one && test -e only-two; }"],
    plan: {
      subtasks: [
        { id: "one", title: "One", agent: await meet("one", "two") },
        { id: "two", title: "Two", agent: await meet("two", "one") },
      ],
    },
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", "deputy/gate:both.txt")).toBe("both");
  const receipt: Json = (await deputy.api("GET", `/v1/tasks/${task.id}/receipt`)).body;
  const lost = receipt.attempts.find(({ recovery }: Json) => recovery !== null);
  expect(lost).toMatchObject({
    verdict: { result: "pass" },
    after_merge: { result: "fail" },
    recovery: { failure: "integration_red" },
  });
});

test("a bare repository gets its branch, and the patch beside the receipt applies", async () => {
  const bare = scratch.at("bare.git");
  spawnSync("git", ["clone", "--quiet", "--bare", repository.path, bare]);
  const task = await deliver("Into a bare one", "echo b > b.txt", bare);
  expect(task.state, task.end_detail).toBe("completed");
  const show = spawnSync("git", ["-C", bare, "show", `${task.branch}:b.txt`], { encoding: "utf8" });
  expect(show.stdout).toBe("b\n");
  const folder = join(deputy.home, "artifacts", task.id);
  expect(readdirSync(folder).sort()).toEqual(["change.patch", "receipt.json", "receipt.md"]);
  const patch = await readFile(join(folder, "change.patch"), "utf8");
  const check = spawnSync("git", ["-C", repository.path, "apply", "--check", "-"], {
    input: patch,
  });
  expect(check.status, String(check.stderr)).toBe(0);
  const refused = await deputy.cli(["accept", task.id]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("is a bare repository");
});

test("a repository that is away when its branch comes gets it once it is back", async () => {
  const own = await makeRepository({ "a.txt": "a\n" });
  try {
    const agent = `command:echo b > b.txt; ${waitFor(scratch.at("moved"))}`;
    const { body } = await deputy.api("POST", "/v1/tasks", {
      ...{ repository: own.path, goal: "Come back", agent, checks: ["true"] },
    });
    await deputy.untilEvent(body.id, ({ type }) => type === "attempt.started");
    await rename(own.path, `${own.path}-away`);
    await scratch.write("moved");
    const failed = await deputy.untilEvent(body.id, ({ type }) => type === "stage.failed");
    expect(failed.message).toBe(
      `deliver could not do its work: The path ${own.path} does not exist: check its spelling.`,
    );
    await rename(`${own.path}-away`, own.path);
    const task = await deputy.untilOver(body.id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(own.git("show", `${task.branch}:b.txt`)).toBe("b");
  } finally {
    await own.remove();
  }
});

test("a name that is taken is left alone: the next number is used", async () => {
  repository.git("branch", "deputy/collide", "main");
  const before = repository.git("rev-parse", "deputy/collide");
  const first = await deliver("Collide", "echo 1 > c.txt");
  expect(first.branch).toBe("deputy/collide-2");
  const second = await deliver("Collide", "echo 2 > c.txt");
  expect(second.branch).toBe("deputy/collide-3");
  expect(repository.git("rev-parse", "deputy/collide")).toBe(before);
  expect(repository.git("show", "deputy/collide-2:c.txt")).toBe("1");
});

test("names have no end, and one whose branch is gone is free again, also when its task is discarded", async () => {
  const own = await makeRepository({ "a.txt": "a\n" });
  try {
    const names = [
      "deputy/many",
      ...Array.from({ length: 119 }, (_, at) => `deputy/many-${at + 2}`),
    ];
    for (const name of names) own.git("branch", name, "main");
    const first = await deliver("Many", "echo 1 > m.txt", own.path);
    expect(first.branch).toBe("deputy/many-121");
    own.git("branch", "-D", "deputy/many-7", "deputy/many-121");
    expect((await deliver("Many", "echo 2 > m.txt", own.path)).branch).toBe("deputy/many-7");
    own.git("branch", "deputy/many-8x", "deputy/many-7");
    own.git("branch", "-D", ...names.filter((name) => name !== "deputy/many-7").slice(0, 20));
    const again = await deliver("Many", "echo 3 > m.txt", own.path);
    expect(again.branch).toBe("deputy/many");
    own.git("branch", "-D", "deputy/many");
    const later = await deliver("Many", "echo 4 > m.txt", own.path);
    expect(later.branch).toBe("deputy/many");
    // The name is another task's by now, and so is the branch.
    expect((await deputy.cli(["discard", again.id])).code).toBe(0);
    expect(own.git("show", "deputy/many:m.txt")).toBe("4");
  } finally {
    await own.remove();
  }
});

test("a goal in any script has a branch in it, and nothing unseen reaches terminal or branch", async () => {
  const task = await deliver(
    "## Почини \u202eвход\u0007 в 登录\n\nIt is broken.",
    "echo x > x.txt",
  );
  expect(task).toMatchObject({ branch: "deputy/почини-вход-в-登录", title: "Почини вход в 登录" });
  expect(repository.git("show", `${task.branch}:x.txt`)).toBe("x");
  const list = (await deputy.cli(["ls"])).stdout;
  expect(list).toContain("Почини вход в 登录\n");
});

test("a branch called `deputy` leaves no room below it, and the reason is said", async () => {
  const blocked = await makeRepository({ "a.txt": "a\n" });
  try {
    blocked.git("branch", "deputy");
    const task = await deliver("No room", "echo b > b.txt", blocked.path);
    expect(task).toMatchObject({ state: "failed", branch: null });
    expect(task.end_detail).toMatch(/branch.*deputy/);
    blocked.git("branch", "-m", "deputy", "other");
    expect((await deputy.cli(["retry", task.id])).code).toBe(0);
    expect((await deputy.untilOver(task.id)).branch).toBe("deputy/no-room");
  } finally {
    await blocked.remove();
  }
});

describe("accept", () => {
  test("refuses a dirty tree with the reason, and a branch that moved until the work is up to date with it", async () => {
    const task = await deliver("Merge me", "echo m > merged.txt");
    await repository.write({ "a.txt": "dirty\n" });
    const head = repository.git("rev-parse", "HEAD");
    const refused = await deputy.cli(["accept", task.id]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /^deputy: \S+ has uncommitted changes \(a\.txt\): commit or stash them first\.\n$/,
    );
    expect(repository.git("rev-parse", "HEAD")).toBe(head);
    repository.git("commit", "--quiet", "--all", "--message", "mine");

    const moved = await deputy.cli(["accept", task.id]);
    expect([moved.code, moved.stderr]).toEqual([
      2,
      `deputy: main has moved by a commit since ${task.branch} was checked, so nobody has checked the two together: have that done with deputy update ${task.id}, or merge it yourself with git merge ${task.branch}.\n`,
    ]);
    const { detail } = await update(task.id);
    expect(detail).toMatch(/^main at \w{10} is merged into the work, which is checked and/);
    const again = await deputy.cli(["update", task.id]);
    expect(again.stdout).toMatch(/^deputy\/merge-me is up to date with main at \w{10} already\n$/);
    const events = await deputy.events(task.id);
    expect(events.filter(({ type }) => type === "task.updated")).toHaveLength(1);
    expect(events.at(-1)?.message).toMatch(/1 file changed, verified; up to date with main at/);
    const receipt: Json = (await deputy.api("GET", `/v1/tasks/${task.id}/receipt`)).body;
    const now = repository.git("rev-parse", "main");
    expect(receipt.task.base).toEqual({ ref: "main", commit: now, updated_from: head });
    expect(receipt).toMatchObject({ verified: true, delivery: { files: ["merged.txt"] } });
    expect(receipt.verdict).toContain(`up to date with main at ${now.slice(0, 10)}, and checked`);
    expect(receipt.checks.at(-1)).toMatchObject({ stage: "whole", result: "pass" });

    const accepted = await deputy.cli(["accept", task.id, "--json"]);
    expect(accepted.code, accepted.stderr).toBe(0);
    expect(JSON.parse(accepted.stdout).detail).toContain("fast-forward");
    expect(repository.git("rev-list", "--parents", "-1", "HEAD").split(" ")).toHaveLength(3);
    expect(repository.git("show", "HEAD:a.txt")).toBe("dirty");
    expect(repository.git("show", "HEAD:merged.txt")).toBe("m");
    expect(repository.git("status", "--porcelain")).toBe("");
  });

  test("refuses what conflicts before a file is touched", async () => {
    const task = await deliver("Clash", "echo theirs > a.txt");
    await repository.write({ "a.txt": "mine\n" });
    repository.git("commit", "--quiet", "--all", "--message", "mine again");
    const refused = await deputy.cli(["accept", task.id]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("conflicts with your branch (a.txt)");
    expect(repository.git("status", "--porcelain")).toBe("");
    expect(existsSync(join(repository.path, ".git/MERGE_HEAD"))).toBe(false);
  });
});

describe("update", () => {
  const commitMain = async (files: Record<string, string>) => {
    await repository.write(files);
    repository.git("add", "--all");
    repository.git("commit", "--quiet", "--message", "mine");
  };

  test("what conflicts is resolved by the agent, and delivered only without a marker, with what people pushed", async () => {
    const agent = `if ! grep -q "conflict markers" "$DEPUTY_BRIEF_FILE"; then echo theirs > list.txt; elif [ ! -e ${scratch.at("tried")} ]; then touch ${scratch.at("tried")}; echo more > more.txt; else printf 'mine\\ntheirs\\n' > list.txt; fi`;
    const task = await deliver("Conflict late", agent);
    const { branch } = task;
    repository.git("checkout", "-q", branch);
    await commitMain({ "pushed.txt": "p\n" });
    const pushed = repository.git("rev-parse", "HEAD");
    repository.git("checkout", "-q", "main");
    await commitMain({ "list.txt": "mine\n" });
    const { detail, task: done } = await update(task.id);
    expect(detail).toContain("conflicts with the work in list.txt, which is worked on again");
    expect(done.state, done.end_detail).toBe("completed");
    expect(done.branch).toBe(branch);
    expect(repository.git("show", `${branch}:list.txt`)).toBe("mine\ntheirs");
    const history = repository.git("rev-list", branch).split("\n");
    expect(history).toEqual(
      expect.arrayContaining([task.delivered_commit, pushed, repository.git("rev-parse", "main")]),
    );
    const receipt: Json = (await deputy.api("GET", `/v1/tasks/${task.id}/receipt`)).body;
    const [, left, resolved] = receipt.attempts;
    expect(left.recovery.failure).toBe("content_rejected");
    expect(left.detail).toContain("the conflict with the base is not resolved in list.txt");
    expect(resolved.base_commit).toBe(left.base_commit);
    expect(receipt.messages).toMatchObject([{ place: "main", state: "done" }]);
    expect((await deputy.cli(["accept", task.id])).stdout).toContain("fast-forward");
  });

  test("what is red with the base as it is now is worked on again", async () => {
    const task = await deputy.run({
      ...{ repository: repository.path, goal: "Red late" },
      agent: `command:if grep -q "do not pass" "$DEPUTY_BRIEF_FILE"; then rm only-work; echo both > both.txt; else echo w > only-work; fi`,
      checks: ["! { test -e only-work && test -e only-base; }"],
    });
    await commitMain({ "only-base": "b\n" });
    const { task: done } = await update(task.id);
    expect(done.state, done.end_detail).toBe("completed");
    const files = repository.git("ls-tree", "--name-only", done.branch).split("\n");
    expect(files).toEqual(expect.arrayContaining(["both.txt", "only-base"]));
    expect(files).not.toContain("only-work");
    const said = (await deputy.events(task.id)).map(({ message }) => message);
    expect(said).toContain("With main as it is now the checks do not pass: the work goes on");
  });

  test("there is something to update, and something to update it with", async () => {
    const refused = async (id: string) => {
      const { code, stderr } = await deputy.cli(["update", id]);
      const told = (await deputy.events(id)).filter(({ type }) => type === "task.updated");
      expect([code, told]).toEqual([2, []]);
      return stderr;
    };
    const go = scratch.at("go-on");
    repository.git("branch", "side");
    const { body } = await deputy.api("POST", "/v1/tasks", {
      ...{ repository: repository.path, goal: "Go aside", base: "side", checks: ["true"] },
      agent: `command:echo s > s.txt; ${waitFor(go)}`,
    });
    await deputy.untilEvent(body.id, ({ type }) => type === "attempt.started");
    expect(await refused(body.id)).toContain("is running and has delivered no branch");
    await scratch.write("go-on");
    const task = await deputy.untilOver(body.id);
    repository.git("branch", "-D", "side");
    expect(await refused(task.id)).toMatch(
      /^deputy: The branch side, from which task_\w+ was started, is gone from /,
    );
    expect((await deputy.cli(["discard", task.id])).code).toBe(0);
    expect(await refused(task.id)).toBe(`deputy: ${task.id} was discarded.\n`);
    const taken = await deliver("Take it", "echo t > taken.txt");
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", taken.branch);
    const merged = await deputy.cli(["update", taken.id]);
    expect(merged.stderr).toContain("was merged already, so it counts as accepted");
    expect((await deputy.cli(["ls"])).stdout).toMatch(new RegExp(`${taken.id} +accepted`));
    expect(await refused(taken.id)).toContain("was accepted already");
  });
});

test("accepted, discarded and undecided work look different; accepting twice is told once", async () => {
  const fresh = await makeRepository({ "a.txt": "a\n" });
  try {
    const task = await deliver("Decide me", "echo t > t.txt", fresh.path);
    const stateOf = async () => {
      const line = (await deputy.cli(["ls"])).stdout
        .split("\n")
        .find((row) => row.includes(task.id));
      return line
        ?.replace(task.id, "")
        .replace(/\s+\S+ ago.*/, "")
        .trim();
    };
    const why = async () => (await deputy.cli(["why", task.id])).stdout;
    expect(await stateOf()).toBe("your decision");
    expect(await why()).toContain(`your decision on ${task.branch}: the task is completed`);
    expect(await why()).toContain(`deputy accept ${task.id}, or deputy discard ${task.id}`);
    await Promise.all([deputy.cli(["accept", task.id]), deputy.cli(["accept", task.id])]);
    const again = await deputy.cli(["accept", task.id]);
    expect([again.code, again.stdout]).toEqual([
      0,
      expect.stringMatching(new RegExp(`^${task.branch} is in your branch already`)),
    ]);
    const events = (await deputy.cli(["watch", task.id, "--json"])).stdout;
    expect(events.split('"task.accepted"')).toHaveLength(2);
    expect(await stateOf()).toBe("accepted");
    expect(await why()).toContain("and you have accepted it");

    const discarded = await deputy.cli(["discard", task.id]);
    expect(discarded.stdout).toContain("it was accepted, so its record stays");
    expect(existsSync(join(deputy.home, "artifacts", task.id))).toBe(true);
    expect(await stateOf()).toBe("accepted");
    const receipt = (await deputy.cli(["receipt", task.id])).stdout;
    expect(receipt).toContain(`| Delivered | \`${task.branch}\``);
    expect(receipt).not.toContain("discarded at");
    const thrown = await deliver("Throw me", "echo x > x.txt", fresh.path);
    expect((await deputy.cli(["discard", thrown.id])).code).toBe(0);
    expect((await deputy.cli(["ls"])).stdout).toMatch(new RegExp(`${thrown.id} +discarded`));
  } finally {
    await fresh.remove();
  }
});

test("discard leaves no trace of a delivered task, and none of a failed one", async () => {
  const fresh = await makeRepository({ "a.txt": "a\n" });
  try {
    // Reflogs of every branch: what is deleted must take its own with it.
    fresh.git("config", "core.logAllRefUpdates", "always");
    const before = listGit(fresh);
    const task = await deliver("Throw away", "echo t > t.txt", fresh.path);
    expect(listGit(fresh)).not.toEqual(before);
    const discarded = await deputy.cli(["discard", task.id]);
    expect(discarded.code, discarded.stderr).toBe(0);
    expect(listGit(fresh)).toEqual(before);
    expect(existsSync(join(deputy.home, "artifacts", task.id))).toBe(false);
    const { worktrees, task: after } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
    expect(after.discarded_at).not.toBeNull();
    for (const { path } of worktrees) expect(existsSync(path)).toBe(false);
    expect((await deputy.cli(["discard", task.id])).code).toBe(0);
    const receipt = await deputy.cli(["receipt", task.id]);
    expect(receipt.stdout).toContain(`| Delivered | discarded at ${after.discarded_at} |`);
    const late = await deputy.cli(["accept", task.id]);
    expect([late.code, late.stderr]).toEqual([2, `deputy: ${task.id} was discarded.\n`]);

    const mended = scratch.at("mended");
    const failed = await deliver("Fail away", `test -e ${mended} && echo f > f.txt`, fresh.path);
    expect((await deputy.cli(["discard", failed.id])).code).toBe(0);
    expect(listGit(fresh)).toEqual(before);
    // Tried again after all, it is a task like any other.
    await scratch.write("mended");
    expect((await deputy.cli(["retry", failed.id])).code).toBe(0);
    expect(await deputy.untilOver(failed.id)).toMatchObject({
      state: "completed",
      discarded_at: null,
      branch: "deputy/fail-away",
    });
    expect((await deputy.cli(["accept", failed.id])).code).toBe(0);
  } finally {
    await fresh.remove();
  }
});

/** Every file and folder of .git but the objects, which git itself collects. */
function listGit({ path }: TestRepository): string[] {
  return readdirSync(join(path, ".git"), { recursive: true, encoding: "utf8" })
    .filter((name) => !name.startsWith("objects"))
    .sort();
}

test("ls, show, why, diff, log and receipt say what there is, for people and as JSON", async () => {
  const task = await deputy.run({
    ...{ repository: repository.path, goal: "Look at me", checks: ["echo checked", "true"] },
    agent: `command:echo seen > seen.txt; echo "printed by the agent"`,
  });
  const look = async (...args: string[]) => {
    const { code, stdout, stderr } = await deputy.cli(args);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  const json = async (...args: string[]): Promise<Json> =>
    JSON.parse(await look(...args, "--json"));
  const prefix = task.id.slice(0, 22);

  expect(await look("ls")).toMatch(new RegExp(`${task.id} +your decision .* Look at me`));
  expect((await json("ls", "--limit", "1")).tasks.map(({ id }: Json) => id)).toEqual([task.id]);
  expect((await json("ls", "--state", "running")).tasks).toEqual([]);
  expect(await look("show", prefix)).toContain("deputy/look-at-me");
  expect((await json("show", prefix)).task).toEqual(task);
  expect(await look("why", task.id)).toContain(
    `your decision on ${task.branch}: the task is completed`,
  );
  expect(await json("why", task.id)).toMatchObject({ state: "completed", subtasks: [] });
  expect(await look("diff", task.id)).toContain("+seen\n");
  expect((await json("diff", task.id)).diff).toContain("+++ b/seen.txt");
  expect(await look("log", task.id)).toBe("printed by the agent\n");
  expect(await json("log", task.id, "--attempt", "1")).toEqual({ log: "printed by the agent\n" });
  expect(await look("receipt", task.id)).toContain("# Receipt: Look at me");
  const receipt = await json("receipt", task.id);
  expect(receipt).toMatchObject({
    format: "deputy.receipt/1",
    verified: true,
    task: { id: task.id, goal: "Look at me", state: "completed" },
    delivery: { branch: "deputy/look-at-me", files: ["seen.txt"] },
  });
  const written = join(deputy.home, "artifacts", task.id, "receipt.json");
  expect(JSON.parse(await readFile(written, "utf8")).checks).toEqual(receipt.checks);
  // One log file per run of a check that prints something, as the receipt names it.
  const [checked, silent] = receipt.checks.map(({ log }: Json) => log);
  expect(await readFile(checked, "utf8")).toBe("checked\n");
  expect(silent).toBeNull();
});

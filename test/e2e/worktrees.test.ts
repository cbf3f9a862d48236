import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { readdir, watch } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { TaskJson } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";
import { until } from "../support/until.ts";

/** Worktrees: what is set up in them, what they are given, how long they stay, how they come back. */
const { deputy, repositoryWith, scratch } = withDeputy({ config: "keep_worktrees: 1\n" });

test("setup, checks, protected paths and files to copy come from the base commit", async () => {
  const repository = await repositoryWith({
    ".deputy/config.yaml": `setup: [echo one > setup.log, cp .env copied.log]
checks:
  - test -s setup.log
  - name: greeting
    run: grep -q hello greeting.txt
    timeout_minutes: 1
protected: [locked]
delivery: branch
`,
    ".worktreeinclude": ".env\n*.pem\nnot-ignored.txt\n",
    ".gitignore": ".env\n*.pem\n*.log\n",
    "greeting.txt": "hello\n",
    "locked/file.txt": "locked\n",
  });
  await repository.write({
    ".env": "SECRET=here\n",
    "not-ignored.txt": "x\n",
    // What is not committed decides nothing.
    ".deputy/config.yaml": "this: is\nbroken: [yaml\n",
  });
  symlinkSync("/etc/passwd", join(repository.path, "linked.pem"));
  const task = await deputy.run({
    repository: repository.path,
    goal: "Read the environment",
    agent: "command:cat setup.log copied.log > seen.txt; ls -a > listing.txt",
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect(task.preparation).toMatchObject({
    checks_source: "config",
    setup: ["echo one > setup.log", "cp .env copied.log"],
    checks: [
      { command: "test -s setup.log", kind: "regression", source: "config" },
      { name: "greeting", kind: "regression", source: "config" },
    ],
  });
  expect(task.preparation.protected_paths).toContain("locked");
  expect(repository.git("show", `${task.branch}:seen.txt`)).toBe("one\nSECRET=here");
  const listing = repository.git("show", `${task.branch}:listing.txt`).split("\n");
  expect(listing).not.toContain("linked.pem");
  expect(listing).not.toContain("not-ignored.txt");
  // Ignored files are for the work, not for the delivery.
  expect(repository.git("ls-tree", "-r", "--name-only", `${task.branch}`)).not.toContain(".env");
  const copied = (await deputy.events(task.id)).find(({ data }) => data.step === "include");
  expect(copied?.data.copied).toEqual([".env"]);
  expect(copied?.data.skipped).toContainEqual({ path: "linked.pem", reason: "a symbolic link" });
});

test("a worktree that is deleted before its agent starts is made again, uncounted", async () => {
  const deleted = scratch.at("deleted");
  const repository = await repositoryWith({
    ".deputy/config.yaml": `setup: ['test -e ${deleted} || { touch ${deleted}; rm -rf "$PWD"; }']\n`,
    "a.txt": "a\n",
  });
  const task = await deputy.run({
    ...{ repository: repository.path, goal: "Work anyway", checks: ["test -s b.txt"] },
    agent: "command:echo b > b.txt",
  });
  expect(task.state, task.end_detail).toBe("completed");
  const told = (await deputy.events(task.id)).filter(({ type }) => type === "recovery.decided");
  expect(told.map(({ message }) => message)).toEqual([
    expect.stringMatching(/not counted as an attempt \(its worktree .* was deleted \(/),
  ]);
});

test("without a configuration the checks are detected, and shown", async () => {
  const repository = await repositoryWith({
    Makefile: "test:\n\ttest -e a.txt\n",
    "a.txt": "a\n",
  });
  const task = await deputy.run({
    repository: repository.path,
    goal: "Detect",
    agent: "command:echo b > b.txt",
  });
  expect(task.preparation).toMatchObject({
    checks_source: "detected",
    checks: [{ command: "make test", kind: "regression", source: "detected" }],
  });
  const shown = await deputy.cli(["show", task.id]);
  expect(shown.stdout).toContain("make test");
  const planned = (await deputy.events(task.id)).find(({ type }) => type === "task.planned");
  expect(planned?.data.checks).toEqual([
    { command: "make test", kind: "regression", source: "detected" },
  ]);
});

test("worktrees that are there at once have ports of their own", async () => {
  const repository = await repositoryWith({ "a.txt": "a\n" });
  const meet = (own: string, other: string) =>
    scratch.agent(
      `${own}.sh`,
      `echo "$PORT $DEPUTY_PORT_RANGE" > ${scratch.at(own)}
${waitFor(scratch.at(other))}\necho ${own} > ${own}.txt`,
    );
  const task = await deputy.run({
    repository: repository.path,
    goal: "Meet",
    plan: {
      subtasks: [
        { id: "one", title: "One", writes: ["one.txt"], agent: await meet("one", "two") },
        { id: "two", title: "Two", writes: ["two.txt"], agent: await meet("two", "one") },
      ],
    },
  });
  expect(task.state, task.end_detail).toBe("completed");
  const ports = [];
  for (const name of ["one", "two"]) {
    const [port, range] = (await scratch.read(name)).trim().split(" ");
    expect(range).toBe(`${port}-${Number(port) + 9}`);
    ports.push(Number(port));
  }
  expect(Math.abs((ports[0] ?? 0) - (ports[1] ?? 0))).toBeGreaterThanOrEqual(10);
});

test("the newest are kept; an older one is removed, and comes back with its untracked files", async () => {
  const repository = await repositoryWith({
    "a.txt": "a\n",
    "gone.txt": "g\n",
    ".gitignore": "*.log\n",
  });
  const older = await deputy.run({
    repository: repository.path,
    goal: "Leave much behind",
    agent: "command:echo changed > a.txt; rm gone.txt; mkdir new; echo n > 'new/a file'; exit 3",
  });
  expect(older.state).toBe("failed");
  const [worktree] = (await deputy.api("GET", `/v1/tasks/${older.id}`)).body.worktrees;
  await deputy.run({ repository: repository.path, goal: "Newer", agent: "command:echo n > n.txt" });
  await untilGone(worktree.path);
  // Whose path is gone is removed a moment later in the books.
  const left = await readdir(join(deputy.home, "worktrees"));
  expect(left.filter((name) => !["set-aside", "homes"].includes(name))).toHaveLength(1);

  const restored = await deputy.cli(["restore", older.id]);
  expect(restored.code, restored.stderr).toBe(0);
  expect(restored.stdout).toContain(worktree.path);
  expect(readFileSync(join(worktree.path, "a.txt"), "utf8")).toBe("changed\n");
  expect(readFileSync(join(worktree.path, "new/a file"), "utf8")).toBe("n\n");
  expect(existsSync(join(worktree.path, "gone.txt"))).toBe(false);
  // One that was asked for is not tidied away again by the next task that ends.
  await deputy.run({
    repository: repository.path,
    goal: "Newest",
    agent: "command:echo m > n.txt",
  });
  expect(existsSync(worktree.path)).toBe(true);
});

test("what many tasks leave is packed, and whole; a check that prints nothing leaves nothing", async () => {
  const repository = await repositoryWith({ "a.txt": "a\n" });
  const mirrors = join(deputy.home, "repos");
  const before = new Set(await readdir(mirrors));
  const tasks: TaskJson[] = [];
  for (let i = 0; i < 10; i++)
    tasks.push(
      await deputy.run({
        repository: repository.path,
        goal: "Write",
        agent: `command:echo ${i} > b.txt`,
        checks: ["true"],
      }),
    );
  const name = (await readdir(mirrors)).find((each) => !before.has(each) && each.endsWith(".git"));
  const gitDir = join(mirrors, `${name}`);
  const git = (...args: string[]) => repository.git(`--git-dir=${gitDir}`, ...args);
  await until(
    async () => !existsSync(join(gitDir, "refs/deputy/attempts")) && looseIn(git) < 10,
    "the mirror is packed",
  );
  for (const [i, { id }] of tasks.entries())
    expect(git("show", `refs/deputy/tasks/${id}:b.txt`)).toBe(`${i}`);
  git("fsck", "--strict", "--no-dangling");
  const [last] = tasks.slice(-1);
  expect(existsSync(join(deputy.home, "logs", `${last?.id}`))).toBe(false);
  expect(await readdir(join(deputy.home, "scratch/sessions"))).toEqual([]);
  expect((await deputy.cli(["restore", `${tasks[0]?.id}`])).code).toBe(0);
});

function looseIn(git: (...args: string[]) => string): number {
  return Number(git("count-objects").split(" ")[0]);
}

async function untilGone(path: string): Promise<void> {
  const abort = new AbortController();
  const changes = watch(join(path, ".."), { signal: abort.signal });
  try {
    if (!existsSync(path)) return;
    for await (const _ of changes) if (!existsSync(path)) return;
  } finally {
    abort.abort();
  }
}

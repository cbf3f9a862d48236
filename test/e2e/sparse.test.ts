import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Deputy, Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { hasGitLfs, pointerTo } from "../support/lfs-server.ts";
import { part } from "../support/planner.ts";
import type { TestRepository } from "../support/repository.ts";
import { answer, found } from "../support/reviewing.ts";
import { waitFor } from "../support/scratch.ts";

/**
 * A repository of which worktrees hold two folders: agents and checks see those, and what is merged
 * and delivered is the whole tree.
 */
const boxed = withDeputy({ env: { DEPUTY_SANDBOX: "bubblewrap" } });
const { deputy, receiptOf, repositoryWith, scratch } = boxed;

const settings = (check: string) =>
  [
    "sparse: [packages/a, tools]",
    "setup: ls packages docs > tools/setup.log 2>&1; cat packages/list.txt >> tools/setup.log",
    `checks: [${JSON.stringify(check)}]`,
    "",
  ].join("\n");

/** With a check that fails where more is there than should be. */
function makeHuge(
  check = "test ! -e packages/b && grep -q list tools/setup.log",
): Promise<TestRepository> {
  return repositoryWith({
    ".deputy/config.yaml": settings(check),
    ".gitignore": "*.log\n",
    "README.md": "# Huge\n",
    "packages/list.txt": "list\n",
    "packages/a/one.txt": "one\n",
    "packages/a/deep/two.txt": "two\n",
    "packages/b/three.txt": "three\n",
    "packages/b/four.txt": "four\n",
    "docs/five.txt": "five\n",
    "tools/six.sh": "six\n",
  });
}

/** Hands it in through the command line, and follows it to its end. */
async function runIn(repository: TestRepository, ...args: string[]) {
  return runAt(deputy, repository, args);
}

async function runAt(
  { api, cli }: Pick<Deputy, "api" | "cli">,
  repository: TestRepository,
  args: string[],
) {
  const { code, stdout, stderr } = await cli(["run", ...args, "--watch"], { cwd: repository.path });
  const [id = ""] = /task_\w+/.exec(stdout) ?? [];
  const task: Json = id === "" ? {} : (await api("GET", `/v1/tasks/${id}`)).body;
  const show = (path: string) => repository.git("show", `${task.task.branch}:${path}`);
  const changed = () => repository.git("diff", "--name-status", "main", task.task.branch);
  return { code, said: stdout + stderr, id, task, show, changed };
}

test("an agent works in its part; what is delivered is the whole tree with its change", async () => {
  const repository = await makeHuge();
  const script = [
    "set -e",
    "echo changed > packages/a/one.txt",
    "rm packages/a/deep/two.txt",
    "git show HEAD:docs/five.txt > packages/a/copied.txt",
    "git status --porcelain > packages/a/status.txt",
    'files=$(find . -type f -not -path "./.git*" -not -name "*.log" | sort)',
    'echo "$files" > packages/a/files.txt',
    'cp "$DEPUTY_BRIEF_FILE" packages/a/brief.txt',
    "mkdir docs; echo more >> docs/new.txt",
  ];
  const agent = `command:${script.join("; ")}`;
  const { changed, code, id, said, show } = await runIn(repository, "Work", "--agent", agent);
  expect(code, said).toBe(0);
  expect(said).toContain("sparse: packages/a, tools (6 of 10 files)");
  expect(show("packages/a/copied.txt")).toBe("five");
  expect(show("packages/a/status.txt")).not.toContain("packages/b");
  expect(show("packages/a/files.txt").split("\n")).toEqual([
    ...["./README.md", "./packages/a/copied.txt", "./packages/a/one.txt"],
    ...["./packages/a/status.txt", "./packages/list.txt", "./tools/six.sh"],
  ]);
  expect(show("packages/a/brief.txt")).toContain("This worktree is sparse.");
  expect(changed().split("\n").sort()).toEqual([
    ...["A\tdocs/new.txt", "A\tpackages/a/brief.txt", "A\tpackages/a/copied.txt"],
    ...["A\tpackages/a/files.txt", "A\tpackages/a/status.txt"],
    ...["D\tpackages/a/deep/two.txt", "M\tpackages/a/one.txt"],
  ]);
  const receipt = await receiptOf(id);
  expect(JSON.stringify(receipt)).toContain("sparse: packages/a, tools (6 of 10 files)");
  const file = await scratch.write("receipt.json", JSON.stringify(receipt));
  const proved = await deputy.cli(["prove", file], { cwd: repository.path });
  expect(proved.code, proved.stdout + proved.stderr).toBe(0);
  const accepted = await deputy.cli(["accept", id], { cwd: repository.path });
  expect(accepted.code, accepted.stderr).toBe(0);
  expect(repository.git("status", "--porcelain")).toBe("");
});

test("what setup made in one part is not copied into another", async () => {
  const repository = await makeHuge();
  const agent = "command:cp tools/setup.log packages/a/log.txt";
  const first = await runIn(repository, "First", "--agent", agent);
  expect(first.code, first.said).toBe(0);
  expect(first.show("packages/a/log.txt")).not.toContain("five.txt");
  const config = repository.git("show", "HEAD:.deputy/config.yaml");
  await repository.write({ ".deputy/config.yaml": config.replace("tools]", "tools, docs/]") });
  repository.git("commit", "--quiet", "--all", "--message", "docs");
  const second = await runIn(repository, "Second", "--agent", agent);
  expect(second.code, second.said).toBe(0);
  expect(second.show("packages/a/log.txt")).toContain("five.txt");
});

test("where setup runs again in a fresh checkout, that is the part, too", async () => {
  const repository = await makeHuge();
  const config = repository.git("show", "HEAD:.deputy/config.yaml");
  const once = "setup: test ! -e tools/setup.log || exit 1; ";
  await repository.write({ ".deputy/config.yaml": config.replace("setup: ", once) });
  repository.git("commit", "--quiet", "--all", "--message", "once");
  // Another input of setup: what it made on the base is there when it runs on this change.
  const agent = "command:echo more >> packages/list.txt";
  const { changed, code, said } = await runIn(repository, "Again", "--agent", agent);
  expect(code, said).toBe(0);
  expect(changed()).toBe("M\tpackages/list.txt");
});

test("a file in the place of a folder outside is said to the agent, and deletes nothing", async () => {
  const repository = await makeHuge();
  const agent =
    'command:echo 1 > packages/a/one.txt; if grep -q "sparse worktree does not hold" "$DEPUTY_BRIEF_FILE"; then rm -f docs; else echo file > docs; fi';
  const { changed, code, said } = await runIn(repository, "Replace", "--agent", agent);
  expect(code, said).toBe(0);
  expect(said).toContain("is in the place of something that this sparse worktree does not hold");
  expect(changed()).toBe("M\tpackages/a/one.txt");
});

test("a folder that the base does not have ends the task before anything runs", async () => {
  const repository = await repositoryWith({
    ".deputy/config.yaml": "sparse: [packages/a, packages/z]\nchecks: []\n",
    "packages/a/one.txt": "one\n",
  });
  const { code, said, task } = await runIn(repository, "Nothing", "--agent", "command:true");
  expect(code).not.toBe(0);
  expect(said).toContain(
    '`.deputy/config.yaml` line 1: `sparse[1]`: "packages/z" is no folder of the base commit: correct the name, or take it out',
  );
  expect(task.subtasks).toEqual([]);
});

test("a removed worktree comes back as the part that it was", async () => {
  const repository = await makeHuge();
  const agent = "command:mkdir docs; echo x > docs/new.txt; echo 1 > packages/a/one.txt";
  const { code, id, said, task } = await runIn(repository, "Leave", "--agent", agent);
  expect(code, said).toBe(0);
  const path = join(deputy.home, "worktrees", task.subtasks[0].id);
  for (const verb of ["discard", "restore"]) {
    const done = await deputy.cli([verb, id], { cwd: repository.path });
    expect(done.code, done.stderr).toBe(0);
    expect(existsSync(path)).toBe(verb === "restore");
  }
  expect(readdirSync(join(path, "docs"))).toEqual(["new.txt"]);
  expect(existsSync(join(path, "packages/b"))).toBe(false);
  const status = execFileSync("git", ["status", "--porcelain"], { cwd: path, encoding: "utf8" });
  expect(status).toBe(" M packages/a/one.txt\n?? docs/new.txt\n");
});

test.skipIf(!hasGitLfs)(
  "Git LFS and submodules: filled in the part, as they are elsewhere",
  async () => {
    const lib = await repositoryWith({ "lib.txt": "lib\n" });
    const repository = await makeHuge();
    repository.git("lfs", "install", "--local", "--skip-repo");
    await repository.write({
      ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
      "packages/a/asset.bin": "asset\n",
      "docs/asset.bin": "elsewhere\n",
      "docs/other.bin": "other\n",
    });
    const add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", lib.path];
    for (const path of ["packages/a/lib", "docs/lib"]) repository.git(...add, path);
    repository.git("add", "--all");
    repository.git("commit", "--quiet", "--message", "content");
    const agent =
      "command:cat packages/a/lib/lib.txt > packages/a/read.txt; echo changed > packages/a/asset.bin; mkdir docs; echo mine > docs/asset.bin";
    const check =
      "grep -qx changed packages/a/asset.bin && grep -qx mine docs/asset.bin && test -e packages/a/lib/lib.txt && test ! -e docs/lib/lib.txt && test ! -e docs/other.bin";
    const args = ["Fill", "--agent", agent, "--check", check];
    const { changed, code, said, show } = await runIn(repository, ...args);
    expect(code, said).toBe(0);
    expect(changed().split("\n").sort()).toEqual([
      ...["A\tpackages/a/read.txt", "M\tdocs/asset.bin", "M\tpackages/a/asset.bin"],
    ]);
    expect(show("packages/a/read.txt")).toBe("lib");
    expect(show("docs/asset.bin")).toBe(pointerTo("mine\n").trim());
    expect(show("docs/other.bin")).toBe(pointerTo("other\n").trim());
  },
);

describe("where agents see what lies outside", () => {
  const free = withDeputy({ env: { DEPUTY_SANDBOX: "none" }, start: false });

  beforeAll(async () => {
    const see = (role: string, said: string) =>
      free.scratch.agent(
        `${role}.sh`,
        `ls packages > ${free.scratch.at(role)}; cp "$DEPUTY_BRIEF_FILE" ${free.scratch.at(`${role}-brief`)}\n${said}`,
      );
    const plan = answer({ reason: "small", subtasks: [part("only")] });
    const roles = {
      planner: { agent: await see("planner", plan) },
      reviewer: { agent: await see("reviewer", found()) },
      coder: { agent: "command:echo changed > packages/a/one.txt" },
    };
    await writeFile(join(free.deputy.home, "config.yaml"), JSON.stringify({ roles }));
    await free.deputy.start();
  });

  test("planners and reviewers see the part, and are told of the rest", async () => {
    const repository = await makeHuge();
    const args = ["Change", "--mode", "plan", "--assurance", "standard"];
    const { code, said } = await runAt(free.deputy, repository, args);
    expect(code, said).toBe(0);
    for (const role of ["planner", "reviewer"]) {
      expect(await free.scratch.read(role)).toBe("a\nlist.txt\n");
      expect(await free.scratch.read(`${role}-brief`)).toContain("This worktree is sparse.");
    }
  });

  test("two parts that write outside at once: the second sees what was merged, and resolves it", async () => {
    const repository = await makeHuge();
    // The second of them to be merged finds the other's work there and adds to it; at first neither does.
    const write = (own: string, other: string) =>
      free.scratch.agent(
        `${own}.sh`,
        [
          `if [ -e docs/five.txt ]; then echo ${own} >> docs/five.txt; else`,
          `mkdir -p docs; echo ${own} > docs/five.txt; touch ${free.scratch.at(`${own}-is-here`)}`,
          waitFor(free.scratch.at(`${other}-is-here`)),
          `fi; echo ${own} > packages/a/${own}.txt`,
        ].join("\n"),
      );
    const partOf = async (own: string, other: string) =>
      [
        `  - id: ${own}`,
        `    title: The ${own} part`,
        `    agent: ${JSON.stringify(await write(own, other))}`,
        `    checks: [grep -q ${own} docs/five.txt]`,
      ].join("\n");
    const plan = `subtasks:\n${await partOf("left", "right")}\n${await partOf("right", "left")}\n`;
    const file = await free.scratch.write("plan.yaml", plan);
    const args = ["Both", "--plan", file];
    const { changed, code, said, show } = await runAt(free.deputy, repository, args);
    expect(code, said).toBe(0);
    expect(show("docs/five.txt").split("\n").sort()).toEqual(["left", "right"]);
    expect(changed().split("\n").sort()).toEqual([
      ...["A\tpackages/a/left.txt", "A\tpackages/a/right.txt", "M\tdocs/five.txt"],
    ]);
  });
});

import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { makeEditTool } from "../../../src/agents/builtin/tools/edit.ts";
import { makeReadTool } from "../../../src/agents/builtin/tools/read.ts";
import { makeSearchTool } from "../../../src/agents/builtin/tools/search.ts";
import { makeWriteTool } from "../../../src/agents/builtin/tools/write.ts";
import { runCommand } from "../../../src/sandbox/process/run-command.ts";
import { makePlace, makeRun, type TestRun } from "../make-run.ts";
import { call } from "./call.ts";

/** A worktree with every link out of it that we could think of, beside a folder with a secret. */
let run: TestRun;
let outside: string;

beforeEach(async () => {
  run = await makeRun();
  outside = run.scratch;
  await writeFile(join(outside, "secret"), "the secret\n");
  await mkdir(join(run.worktree, "src"));
  await writeFile(join(run.worktree, "src/a.txt"), "inside\n");
  await writeFile(join(run.worktree, ".git"), "gitdir: /somewhere/else\n");
  await mkdir(join(run.worktree, "nested/.git/hooks"), { recursive: true });
  await writeFile(join(run.worktree, "nested/.git/config"), "the secret\n");
  const links: [string, string][] = [
    [join(outside, "secret"), "file-link"],
    [outside, "folder-link"],
    [join(outside, "not-yet"), "dangling"],
    ["loop-b", "loop-a"],
    ["loop-a", "loop-b"],
    [".git", "git-link"],
    ["nested/.git", "nested-git-link"],
    ["src/a.txt", "good-link"],
    ["/proc/self/environ", "environ"],
  ];
  for (const [target, name] of links) await symlink(target, join(run.worktree, name));
});

const bad = [
  "../scratch/secret",
  "src/../../scratch/secret",
  "file-link",
  "folder-link/secret",
  "folder-link/new",
  "dangling",
  "loop-a",
  "environ",
  "/etc/passwd",
  ".git",
  ".git/config",
  ".GIT/config",
  ".git ./config",
  "src/../.git",
  "git-link",
  "nested/.git/config",
  "nested/.git/hooks/post-checkout",
  "nested-git-link/config",
  "src/a.txt/below",
  "a\0b",
];

describe.each(bad)("%j", (path) => {
  test("is for no tool", async () => {
    const before = await readdir(outside);
    const answers = [
      await call(makeReadTool(makePlace(run)), { path }),
      await call(makeWriteTool(makePlace(run)), { path, content: "written" }),
      await call(makeEditTool(makePlace(run)), { path, old_text: "secret", new_text: "written" }),
      await call(makeSearchTool(makePlace(run)), { pattern: ".", path }),
    ];
    for (const answer of answers) {
      expect(answer).toMatch(/^Error: /);
      expect(answer).not.toContain("the secret");
    }
    expect(await readdir(outside)).toEqual(before);
    expect(await readFile(join(outside, "secret"), "utf8")).toBe("the secret\n");
    expect(await readFile(join(run.worktree, ".git"), "utf8")).toBe("gitdir: /somewhere/else\n");
  });
});

test("paths inside work: plain, absolute, through a link, and not there yet", async () => {
  const read = makeReadTool(makePlace(run));
  expect(await call(read, { path: "src/a.txt" })).toBe("1\tinside");
  expect(await call(read, { path: "./src//a.txt" })).toBe("1\tinside");
  expect(await call(read, { path: join(run.worktree, "src/a.txt") })).toBe("1\tinside");
  expect(await call(read, { path: "good-link" })).toBe("1\tinside");
  await call(makeWriteTool(makePlace(run)), { path: "deep/er/b.txt", content: "new\n" });
  expect(await readFile(join(run.worktree, "deep/er/b.txt"), "utf8")).toBe("new\n");
  await call(makeWriteTool(makePlace(run)), { path: ".gitignore", content: "dist\n" });
  expect(await readFile(join(run.worktree, ".gitignore"), "utf8")).toBe("dist\n");
});

test("a worktree that is itself behind a link works", async () => {
  const alias = join(run.scratch, "alias");
  await symlink(run.worktree, alias);
  expect(
    await call(makeReadTool({ ...makePlace(run), worktree: alias }), { path: "src/a.txt" }),
  ).toBe("1\tinside");
  expect(
    await call(makeReadTool({ ...makePlace(run), worktree: alias }), {
      path: join(alias, "src/a.txt"),
    }),
  ).toBe("1\tinside");
});

test("a named pipe holds nobody up", async () => {
  await runCommand({
    argv: ["mkfifo", "pipe"],
    cwd: run.worktree,
    env: run.env as Record<string, string>,
    timeoutMs: 5_000,
  });
  expect(await call(makeReadTool(makePlace(run)), { path: "pipe" })).toContain("no regular file");
  expect(await call(makeWriteTool(makePlace(run)), { path: "pipe", content: "" })).toContain(
    "no regular file",
  );
});

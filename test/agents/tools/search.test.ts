import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { makeSearchTool } from "../../../src/agents/builtin/tools/search.ts";
import { scrubbedEnvironment } from "../../../src/core/base/child-environment.ts";
import { findProgram } from "../../../src/sandbox/process/find-program.ts";
import { makePlace, makeRun, type TestRun } from "../make-run.ts";
import { call } from "./call.ts";

const env = scrubbedEnvironment();
const engines: [string, Record<string, string>, boolean][] = [
  ["ripgrep", env, findProgram("rg", env.PATH) !== null],
  ["our own walk", { ...env, PATH: "/nowhere" }, true],
];

describe.each(engines)("search by %s", (_, environment, installed) => {
  let run: TestRun;
  const search = (args: Record<string, unknown>) =>
    call(makeSearchTool({ ...makePlace(run), env: environment }), args);

  beforeEach(async () => {
    run = await makeRun();
    await mkdir(join(run.worktree, "src/deep"), { recursive: true });
    await mkdir(join(run.worktree, ".git"));
    const put = (path: string, text: string | Buffer) => writeFile(join(run.worktree, path), text);
    await put("src/a.ts", "const one = 1;\nconst two = 2;\n");
    await put("src/deep/b.js", "let two = 'zwei';\n");
    await put(".hidden.ts", "two\n");
    await put(".git/config", "two\n");
    await put("image.png", Buffer.from("\0\0two\n"));
    await put("-dash.txt", "two dashes\n");
    await symlink("/etc", join(run.worktree, "etc-link"));
  });

  test.runIf(installed)("finds lines with their places", async () => {
    expect((await search({ pattern: "\\btwo\\b" })).split("\n")).toEqual([
      "-dash.txt:1:two dashes",
      ".hidden.ts:1:two",
      "src/a.ts:2:const two = 2;",
      "src/deep/b.js:1:let two = 'zwei';",
    ]);
  });

  test.runIf(installed)("in a folder, in a file, by a glob", async () => {
    expect(await search({ pattern: "two", path: "src/deep" })).toMatch(/^src\/deep\/b\.js:1:/);
    expect(await search({ pattern: "two", path: "-dash.txt" })).toBe("-dash.txt:1:two dashes");
    expect(await search({ pattern: "two", glob: "*.js" })).toMatch(/^src\/deep\/b\.js:1:/);
    expect(await search({ pattern: "two", path: "src", glob: "*.md" })).toBe("No line matches.");
  });

  test.runIf(installed)("nothing found, a pattern like an option, a broken pattern", async () => {
    expect(await search({ pattern: "nowhere" })).toBe("No line matches.");
    expect(await search({ pattern: "--pre=touch pwned" })).toBe("No line matches.");
    expect(await search({ pattern: "(" })).toMatch(/^Error: /);
    expect(await search({ pattern: "x", path: "not/there" })).toMatch(/^(Error: |No line)/);
  });

  test.runIf(installed)("many and long matches are cut, and say so", async () => {
    await writeFile(join(run.worktree, "many.txt"), `needle ${"x".repeat(5_000)}\n`.repeat(500));
    const answer = await search({ pattern: "needle" });
    expect(answer).toContain("only the first 100 matches");
    expect(answer.length).toBeLessThan(25_000);
  });
});

test("our own walk says which files it did not look into", async () => {
  const run = await makeRun();
  await writeFile(join(run.worktree, "huge.log"), Buffer.alloc(4_000_001, "x"));
  const tool = makeSearchTool({ ...makePlace(run), env: { PATH: "/nowhere" } });
  expect(await call(tool, { pattern: "x" })).toBe(
    "No line matches.\n[1 very large files not searched: huge.log]",
  );
});

test("a pattern that would run for ever is stopped, and the process lives on", async () => {
  const run = await makeRun();
  await writeFile(join(run.worktree, "a"), `${"a".repeat(60)}!\n`);
  const tool = makeSearchTool({ ...makePlace(run), env: { PATH: "/nowhere" } });
  expect(await call(tool, { pattern: "^(a+)+$" })).toContain("takes too long on a");
});

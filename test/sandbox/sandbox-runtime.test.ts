import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSandbox } from "../../src/sandbox/box/open-sandbox.ts";
import { removeLeftovers } from "../../src/sandbox/box/sandbox-runtime.ts";
import { findProgram } from "../../src/sandbox/process/find-program.ts";
import { makeSandboxBench } from "../support/sandbox.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "deputy-srt-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("what a killed sandbox-runtime left in a worktree goes, and nothing of anybody's", async () => {
  await writeFile(join(folder, ".bashrc"), "", { mode: 0o444 });
  await writeFile(join(folder, ".mcp.json"), "", { mode: 0o444 });
  await mkdir(join(folder, ".claude", "agents"), { recursive: true });
  await writeFile(join(folder, ".gitmodules"), "", { mode: 0o644 });
  await writeFile(join(folder, ".profile"), "mine", { mode: 0o444 });
  await mkdir(join(folder, ".vscode"));
  await writeFile(join(folder, "empty"), "", { mode: 0o444 });
  await removeLeftovers(folder);
  expect((await readdir(folder)).sort()).toEqual([".gitmodules", ".profile", ".vscode", "empty"]);
});

test("asked for by name it is that one, or none with the reason", async () => {
  const sandbox = await openSandbox({
    ...{ wanted: "sandbox-runtime", stateDir: join(folder, "state"), secrets: [] },
  });
  if (findProgram("srt") === null) expect(sandbox.problem).toContain("is not installed");
  else if (process.getuid?.() === 0) expect(sandbox.problem).toContain("every capability");
  else expect(sandbox.provider).toBe("sandbox-runtime");
});

const isUsable = findProgram("srt") !== null && process.getuid?.() !== 0;
test.skipIf(!isUsable)("it confines as the other one does", async () => {
  const bench = await makeSandboxBench("sandbox-runtime");
  try {
    await writeFile(join(bench.root, "other"), "canary");
    await writeFile(join(bench.worktree, ".git"), "gitdir: x\n");
    const result = await bench.run(
      `echo x > .git; echo in > ok; echo x > /usr/x; cat ${bench.root}/other; kill -9 ${process.pid}; curl -sS http://1.1.1.1; exit 7`,
    );
    expect(result).toMatchObject({ endedBy: "exit", exitCode: 7, limit: null });
    expect(result.output).not.toContain("canary");
    expect(result.denials).toContainEqual(expect.objectContaining({ what: "write" }));
    expect((await readdir(bench.worktree)).sort()).toEqual([".git", "ok"]);
  } finally {
    await bench.remove();
  }
});

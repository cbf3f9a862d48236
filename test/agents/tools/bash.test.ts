import { mkdir, readdir, readFile, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeBashTool } from "../../../src/agents/builtin/tools/bash.ts";
import { makeReadTool } from "../../../src/agents/builtin/tools/read.ts";
import { isProcessAlive } from "../../../src/sandbox/process/process-identity.ts";
import { makePlace, makeRun } from "../make-run.ts";
import { call } from "./call.ts";

test("exit code and output, in order of arrival", async () => {
  const tool = makeBashTool(makePlace(await makeRun()));
  expect(await call(tool, { command: "echo out; echo err >&2; exit 4" })).toBe("exit 4\nout\nerr");
  expect(await call(tool, { command: "true" })).toBe("exit 0\n(no output)");
  expect(await call(tool, { command: "kill -9 $$" })).toBe("killed by SIGKILL\n(no output)");
});

test.each([
  ["(exit 3) | tail -1", "exit 0; the parts of its last pipe: 3 | 0\n(no output)"],
  ["echo red | (cat; exit 1) | tail -1", "exit 0; the parts of its last pipe: 0 | 1 | 0\nred"],
  ["yes | head -1", "exit 0; the parts of its last pipe: 141 | 0\ny"],
  ["set -o pipefail; (exit 3) | cat", "exit 3; the parts of its last pipe: 3 | 0\n(no output)"],
  ["echo green | tail -1", "exit 0\ngreen"],
  ["echo no | grep yes", "exit 1\n(no output)"],
  ["(exit 3) | cat; echo after", "exit 0\nafter"],
])("a pipe hides no failure: %s", async (command, answer) => {
  const tool = makeBashTool(makePlace(await makeRun()));
  expect(tool.description).toContain("each part of the last pipe");
  expect(await call(tool, { command })).toBe(answer);
});

test("long output keeps its head and tail", async () => {
  const answer = await call(makeBashTool(makePlace(await makeRun())), { command: "seq 1 100000" });
  expect(answer).toMatch(/^exit 0\n1\n2\n/);
  expect(answer).toMatch(/bytes left out/);
  expect(answer).toMatch(/\n100000\n\[the whole output: read \S+output-1\.txt\]$/);
  expect(answer.length).toBeLessThan(17_000);
});

test("the rest of a long output is in a file that can be read, whatever comes between", async () => {
  const place = makePlace(await makeRun());
  const bash = makeBashTool(place);
  const read = makeReadTool(place);
  const answer = await call(bash, { command: "seq 1 100000; echo err >&2" });
  const [, path = ""] = /read (\S+)\]$/.exec(answer) ?? [];
  expect(await call(read, { path, offset: 50_000, limit: 2 })).toBe(
    "50000\t50000\n50001\t50001\n[lines 50000 to 50001 of 100001]",
  );
  expect(await call(read, { path: `${path}/../../secret` })).toMatch(/^Error: /);
  expect(await call(bash, { command: "seq 1 10" })).not.toContain("whole output");
  expect(await readdir(place.outputs)).toEqual(["output-1.txt"]);
});

describe("the folder lasts from call to call", () => {
  test("and is left in every way that leads out", async () => {
    const place = makePlace(await makeRun());
    await mkdir(join(place.worktree, "src/deep"), { recursive: true });
    const bash = makeBashTool(place);
    const run = (command: string) => call(bash, { command });
    expect(await run("cd src && cd deep")).toBe("exit 0\n(no output)\n[now in src/deep]");
    expect(await run("pwd")).toBe(`exit 0\n${place.worktree}/src/deep`);
    expect(await run("cd ..; false")).toBe("exit 1\n(no output)\n[now in src]");
    expect(await run("exec > out.txt; cd deep; echo in the file")).toContain("[now in src/deep]");
    expect(await readFile(join(place.worktree, "src/out.txt"), "utf8")).toBe("in the file\n");
    expect(await run("exit 7")).toBe("exit 7\n(no output)");
    expect(await run("kill -9 $$")).toBe("killed by SIGKILL\n(no output)");
    expect(await run("pwd")).toContain("src/deep");
    expect(await run("cd /; pwd")).toContain("[outside the worktree: the next command");
    expect(await run("pwd")).toBe(`exit 0\n${place.worktree}`);
    await run("cd src/deep");
    await rm(join(place.worktree, "src"), { recursive: true });
    expect(await run("pwd")).toContain("[the folder you were in is gone");
    expect(place.touched).toContain("src/deep");
  });

  test("also with sh, and with a broken command", async () => {
    const place = makePlace(await makeRun());
    await mkdir(join(place.worktree, "src"));
    const bin = join(place.worktree, "bin");
    await mkdir(bin);
    for (const name of ["sh", "cat"]) await symlink(`/bin/${name}`, join(bin, name));
    const sh = makeBashTool({ ...place, env: { PATH: bin } });
    expect(await call(sh, { command: "cd src" })).toContain("[now in src]");
    expect(await call(sh, { command: "echo 'open" })).toMatch(/^exit 2\n.*[Uu]nterminated/);
    expect(await call(sh, { command: "cat <<X\nhere\nX" })).toBe("exit 0\nhere");
  });
});

test("a timeout says how to go on, and leaves nothing behind", async () => {
  const run = await makeRun();
  const answer = await call(makeBashTool(makePlace(run)), {
    command: "echo begun; sleep 60 & setsid sleep 60 & wait",
    timeout_s: 0.3,
  });
  expect(answer).toMatch(/^Error: stopped after 0\.3 s; give a larger timeout_s/);
  expect(answer).toContain("begun");
  expect(run.processes.some(isProcessAlive)).toBe(false);
});

test("stdin is empty: a command that asks does not hang", async () => {
  const answer = await call(makeBashTool(makePlace(await makeRun())), {
    command: "read line || echo nothing",
  });
  expect(answer).toBe("exit 0\nnothing");
});

test("without bash it is sh", async () => {
  const tool = makeBashTool({ ...makePlace(await makeRun()), env: { PATH: "/nowhere" } });
  expect(tool.description).toContain("Run a sh command");
  expect(tool.description).not.toContain("pipe");
});

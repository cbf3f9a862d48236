import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { makeEditTool } from "../../../src/agents/builtin/tools/edit.ts";
import { makeReadTool } from "../../../src/agents/builtin/tools/read.ts";
import { makeWriteTool } from "../../../src/agents/builtin/tools/write.ts";
import { makePlace, makeRun } from "../make-run.ts";
import { call } from "./call.ts";

let place: ReturnType<typeof makePlace>;
let worktree: string;
const put = (path: string, content: string | Buffer) => writeFile(join(worktree, path), content);
const get = (path: string) => readFile(join(worktree, path), "utf8");

beforeEach(async () => {
  const run = await makeRun();
  place = makePlace(run);
  worktree = run.worktree;
});

describe("read", () => {
  const read = (args: Record<string, unknown>) => call(makeReadTool(place), args);

  test("a part of a file, and which part it is", async () => {
    await put("a", Array.from({ length: 10 }, (_, i) => `line ${i + 1}\n`).join(""));
    expect(await read({ path: "a", offset: 3, limit: 2 })).toBe(
      "3\tline 3\n4\tline 4\n[lines 3 to 4 of 10]",
    );
    expect(await read({ path: "a", offset: 11 })).toBe("Error: the file has only 10 lines");
  });

  test("long files and long lines are cut, and say so", async () => {
    await put("many", "x\n".repeat(5_000));
    expect(await read({ path: "many" })).toMatch(/\[lines 1 to 2000 of 5000\]$/);
    await put("wide", `${"x".repeat(100_000)}\nnext\n`);
    const wide = await read({ path: "wide" });
    expect(wide.length).toBeLessThan(2_100);
    expect(wide).toMatch(/…\n2\tnext$/);
    await put("big", `${"x".repeat(1_900)}\n`.repeat(100));
    expect(await read({ path: "big" })).toMatch(/\[lines 1 to 31 of 100\]$/);
  });

  test("empty, binary, not UTF-8, huge", async () => {
    await put("empty", "");
    await put("binary", Buffer.from([1, 0, 2]));
    await put("latin1", Buffer.from("gr\xfcn", "latin1"));
    await put("huge", Buffer.alloc(10_000_001, "x"));
    expect(await read({ path: "empty" })).toBe("(an empty file)");
    expect(await read({ path: "binary" })).toContain("binary file of 3 bytes");
    expect(await read({ path: "latin1" })).toContain("not UTF-8");
    expect(await read({ path: "huge" })).toContain("more than the 10000000");
  });

  test("a folder is listed, without .git", async () => {
    await mkdir(join(worktree, "src"));
    await mkdir(join(worktree, ".git"));
    await put("b.txt", "");
    expect(await read({ path: "." })).toBe("b.txt\nsrc/");
    expect(await read({ path: "src" })).toBe("(an empty folder)");
  });
});

describe("edit", () => {
  const edit = (old_text: string, new_text: string, path = "a") =>
    call(makeEditTool(place), { path, old_text, new_text });

  test("replaces one exact piece and keeps the rest, mode included", async () => {
    await put("a", "one\ntwo $& $1\nthree\n");
    await chmod(join(worktree, "a"), 0o755);
    expect(await edit("two $& $1", "2 $& $`")).toBe("Edited a at line 2.");
    expect(await get("a")).toBe("one\n2 $& $`\nthree\n");
    expect((await stat(join(worktree, "a"))).mode & 0o777).toBe(0o755);
  });

  test("a piece that is there twice is refused with its lines", async () => {
    await put("a", "same\nother\nsame\n");
    expect(await edit("same", "x")).toContain("2 times, at lines 1, 3");
    expect(await edit("same\nother", "x\nother")).toContain("Edited");
  });

  test("overlapping places count too", async () => {
    await put("a", "aaa");
    expect(await edit("aa", "b")).toContain("2 times");
  });

  test("a piece that differs in blanks: the answer shows the real lines", async () => {
    await put("a", "function f() {\n\treturn  1;\n}\n");
    const answer = await edit("function f() {\n  return 1;\n}", "x");
    expect(answer).toContain("differs in blanks only from lines 1 to 3");
    expect(answer).toContain("\treturn  1;");
  });

  test("a piece whose start is there: the answer shows how it goes on", async () => {
    await put("a", "intro\nconst total = sum(lines);\nreturn total;\n");
    const answer = await edit("const total = sum(lines);\nreturn total + 1;", "x");
    expect(answer).toContain("like line 2");
    expect(answer).toContain("return total;");
  });

  test.each([
    ["a sign", "const total = sum(lines) - tax;", 2],
    ["a name in the first of its lines", "const all = sum(lines) + tax;\nreturn total;", 2],
    ["a line in the middle", "intro\nconst total = sum(line) + taxes;\nreturn total;", 1],
  ])("a piece that is wrong in %s: the answer shows what is there", async (_, piece, line) => {
    await put("a", "intro\nconst total = sum(lines) + tax;\nreturn total;\nend\n");
    const answer = await edit(piece, "x");
    expect(answer).toContain(`like line ${line}`);
    expect(answer).toContain("\nconst total = sum(lines) + tax;\nreturn total;");
  });

  test("a piece with the line numbers of read is not taken, and told so", async () => {
    await put("a", "one\ntwo\n");
    expect(await edit("1\tone\n2\ttwo", "x")).toContain("carries the line numbers of read");
    expect(await get("a")).toBe("one\ntwo\n");
  });

  test("a piece that is nowhere near", async () => {
    await put("a", "one\n");
    expect(await edit("completely different", "x")).toContain("read the file again");
  });

  test("Windows line ends are kept", async () => {
    await put("a", "one\r\ntwo\r\nthree\r\n");
    expect(await edit("one\ntwo", "1\n2")).toContain("Edited");
    expect(await get("a")).toBe("1\r\n2\r\nthree\r\n");
  });

  test("nothing to do, no file, a folder, bytes that are no text", async () => {
    await put("a", "one\n");
    await put("latin1", Buffer.from("gr\xfcn one", "latin1"));
    expect(await edit("one", "one")).toContain("are the same");
    expect(await edit("one", "two", "none")).toContain('there is no file "none"');
    expect(await edit("one", "two", ".")).toMatch(/^Error: /);
    expect(await edit("one", "two", "latin1")).toContain("not UTF-8");
  });
});

describe("a file that changed under the run", () => {
  const read = (path: string) => call(makeReadTool(place), { path });
  const edit = (old_text: string, new_text: string) =>
    call(makeEditTool(place), { path: "a", old_text, new_text });

  test("an edit of what is still there is done, and says so until it is read again", async () => {
    await put("a", "one\ntwo\n");
    await read("a");
    expect(await edit("one", "1")).toBe("Edited a at line 1."); // our own change is none
    await put("a", "1\ntwo\nthree\n");
    expect(await edit("two", "2")).toBe(
      "Edited a at line 2. a has changed since you last read it.",
    );
    expect(await edit("2", "zwei")).toContain("a has changed since");
    await read("a");
    expect(await edit("zwei", "2")).toBe("Edited a at line 2.");
    expect(await get("a")).toBe("1\n2\nthree\n");
  });

  test("an edit of what is gone says why", async () => {
    await put("a", "one\n");
    await read("a");
    await put("a", "another thing\n");
    expect(await edit("one", "1")).toContain("is not in a. a has changed since you last read it.");
    expect(await get("a")).toBe("another thing\n");
  });

  test("a write over it says that something is gone", async () => {
    await put("a", "one\n");
    await read("a");
    await put("a", "one\nand more\n");
    expect(await call(makeWriteTool(place), { path: "a", content: "1\n" })).toContain(
      "It had changed since you last read it",
    );
  });
});

describe("write", () => {
  const write = (path: string, content: string) => call(makeWriteTool(place), { path, content });

  test("creates, replaces, and refuses a folder", async () => {
    expect(await write("x/y.txt", "1\n2\n")).toBe("Created x/y.txt (2 lines).");
    expect(await write("x/y.txt", "shorter")).toBe("Replaced x/y.txt (1 lines).");
    expect(await get("x/y.txt")).toBe("shorter");
    expect(await write("x", "")).toContain('"x" is a folder');
    expect(await write("x/y.txt/z", "")).toMatch(/^Error: /);
  });
});

import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { containPath, readContainedFile } from "../../src/worktree/git/contain-path.ts";
import { makeFifo, makeFolder, write } from "./repositories.ts";

function makeHostileTree(): string {
  const folder = makeFolder();
  const root = join(folder, "root");
  write(folder, { "root/a/b.txt": "inside", "secret.txt": "secret", "root-twin/x": "twin" });
  symlinkSync("/etc/passwd", join(root, "sh"));
  symlinkSync("..", join(root, "up"));
  symlinkSync("a", join(root, "in"));
  symlinkSync("/nonexistent/target", join(root, "nowhere"));
  symlinkSync("loop", join(root, "loop"));
  makeFifo(join(root, "fifo"));
  return root;
}

test("paths inside are found, existing or not, through links that stay inside", async () => {
  const root = makeHostileTree();
  expect(await containPath(root, "a/b.txt")).toBe(join(root, "a/b.txt"));
  expect(await containPath(root, "in/b.txt")).toBe(join(root, "a/b.txt"));
  expect(await containPath(root, "a/../a/new/file")).toBe(join(root, "a/new/file"));
  expect(await containPath(root, ".")).toBe(root);
  expect(await containPath(root, "...")).toBe(join(root, "..."));
});

test.each([
  "../secret.txt",
  "a/../../secret.txt",
  "../root-twin/x",
  "/etc/passwd",
  "sh",
  "up/secret.txt",
  "up/new",
  "nowhere",
  "nowhere/below",
  "loop",
  "a\0b",
  `${"x".repeat(300)}/y`,
])("%j is refused", async (path) => {
  await expect(containPath(makeHostileTree(), path)).rejects.toMatchObject({
    code: "invalid_input",
  });
});

test("reading takes regular files only, and no more than asked for", async () => {
  const root = makeHostileTree();
  mkdirSync(join(root, "folder"));
  expect((await readContainedFile(root, "a/b.txt", 100))?.toString()).toBe("inside");
  expect((await readContainedFile(root, "a/b.txt", 3))?.toString()).toBe("ins");
  expect(await readContainedFile(root, "a/none.txt", 100)).toBeNull();
  for (const path of ["sh", "fifo", "folder", "up/secret.txt", "../secret.txt"]) {
    await expect(readContainedFile(root, path, 100)).rejects.toMatchObject({
      code: "invalid_input",
    });
  }
});

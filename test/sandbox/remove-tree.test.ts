import { execFileSync } from "node:child_process";
import { access, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { removeTree } from "../../src/sandbox/files/remove-tree.ts";

test("a folder that is deeper than a path can be long goes as a whole", async () => {
  const root = await mkdtemp(join(tmpdir(), "deputy-deep-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const folder = join(root, "worktree");
  for (const name of ["a", "b"]) {
    await mkdir(join(folder, name), { recursive: true });
    const dig = `const fs = require("node:fs");
for (let n = 0; n < 100; n++) { fs.mkdirSync("d".repeat(200)); process.chdir("d".repeat(200)); }
fs.writeFileSync("file", "");`;
    execFileSync(process.execPath, ["-e", dig], { cwd: join(folder, name) });
  }
  await expect(rm(folder, { recursive: true })).rejects.toThrow("ENAMETOOLONG");
  await removeTree(folder);
  await expect(access(folder)).rejects.toThrow("ENOENT");
});

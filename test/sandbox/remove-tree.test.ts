import { execFileSync } from "node:child_process";
import {
  access,
  chmod,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { makeBackgroundRemoval, removeTree } from "../../src/sandbox/files/remove-tree.ts";
import { localGit } from "../../src/worktree/git/git.ts";
import { removeMany } from "../../src/worktree/mirror/remove-many.ts";
import { makeSandboxBench } from "../support/sandbox.ts";

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

test.each(["in a view", "as the daemon"])(
  "thousands of files are deleted by a program, %s, and the rest by us",
  async (where) => {
    const bench = await makeSandboxBench();
    onTestFinished(() => bench.remove());
    const { limitView } = where === "in a view" ? bench.sandbox : localGit;
    const [folder, small] = [join(bench.root, "large"), join(bench.root, "small")];
    const outside = join(bench.root, "outside");
    for (const path of [outside, small]) await mkdir(path);
    await writeFile(join(outside, "kept"), "kept");
    for (let at = 0; at < 1_200; at++) {
      const inside = join(folder, `${at % 3}`, "deep");
      if (at < 3) await mkdir(inside, { recursive: true });
      await writeFile(join(inside, `file-${at}`), "");
    }
    await symlink(outside, join(folder, "0/link"));
    await chmod(join(folder, "1/deep"), 0o500);
    const large: { path: string; left: number }[] = [];
    const removal = makeBackgroundRemoval(async (path) => {
      await removeMany(limitView, path);
      const left = await readdir(folder, { recursive: true }).catch(() => []); // gone as a whole
      large.push({ path, left: left.length });
    });
    removal.deleteLater(small);
    removal.deleteLater(folder);
    await removal.whenDeleted();
    expect(large).toEqual([{ path: folder, left: expect.any(Number) }]);
    expect(large[0]?.left).toBeLessThan(500); // those of the folder that may not be written
    expect((await readdir(bench.root)).filter((name) => /^(?:small|large)$/.test(name))).toEqual(
      [],
    );
    expect(await readFile(join(outside, "kept"), "utf8")).toBe("kept");
  },
);

import {
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { findSides } from "../../src/verifier/sides/find-sides.ts";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import type { Git } from "../../src/worktree/git/git.ts";
import { collectGarbage } from "../../src/worktree/mirror/collect-garbage.ts";
import { ensureMirror, openMirror, openMirrors, pinRef } from "../../src/worktree/mirror/mirror.ts";
import { healMissing } from "../../src/worktree/mirror/partial-mirror.ts";
import { withSoundMirror } from "../../src/worktree/mirror/repair-mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { publishBranch } from "../../src/worktree/publish/publish.ts";
import { readFileAt } from "../../src/worktree/read/read-commit.ts";
import { type GitRemote, hasGitHttpBackend, serveClone } from "../support/git-http.ts";
import { commit, git, makeFolder, makeRepository, write } from "./repositories.ts";

/** Partial mirrors that are damaged, and sources that dropped history which work stands on. */
const remotes: GitRemote[] = [];
afterAll(() => {
  for (const remote of remotes) remote.close();
});

const never = new AbortController().signal;
const docs = Object.fromEntries([1, 2, 3, 4].map((n) => [`docs/${n}.txt`, `page ${n}\n`]));

const code = {
  "app/compare.js": "export const same = (a, b) => a === b;\n",
  "app/one.test.js": 'import { same } from "./compare.js";\n',
  "lib/main.js": 'import { same } from "../app/compare.js";\n',
};

async function makePartial() {
  const source = makeRepository({
    "app/one.txt": "one\n",
    "app/same.txt": "same\n",
    ...docs,
    ...code,
  });
  const remote = await serveClone(source, join(makeFolder(), "huge.git"));
  remotes.push(remote);
  const home = makeFolder();
  const repository = parseRepository(remote.url);
  const access = { authHeader: async () => null, wantsPartial: () => true };
  const mirrors = openMirrors(join(home, "mirrors"), undefined, access);
  const mirror = await ensureMirror(mirrors, repository);
  /** Work on the newest commit, pinned under this name. */
  const work = async (name: string, files: Record<string, string>) => {
    const base = (await ensureMirror(mirrors, repository)).head?.commit ?? "";
    const path = join(home, "trees", name);
    await addWorktree(mirror, path, base, "filled", { folders: ["app"], base });
    write(path, files);
    const what = { parent: base, message: name };
    const { commit: done } = await snapshotWorktree(mirror, path, what);
    await pinRef(mirror, `kept/${name}`, done);
    return { base, done };
  };
  const read = (at: string) => openMirror(mirror).run(["cat-file", "blob", at]);
  const heal = (at: string) => withSoundMirror(mirror, repository, {}, () => read(at));
  return { source, remote, repository, mirrors, mirror, work, heal };
}

/** Damages one blob in the packs that hold it. */
async function damage(gitDir: string, id: string): Promise<void> {
  const packs = join(gitDir, "objects", "pack");
  for (const name of readdirSync(packs).filter((file) => file.endsWith(".idx"))) {
    const list = git(packs, "verify-pack", "-v", name);
    const offset = Number(new RegExp(`^${id} blob +\\d+ \\d+ (\\d+)`, "m").exec(list)?.[1]);
    if (Number.isNaN(offset)) continue;
    const pack = join(packs, name.replace(/idx$/, "pack"));
    const { mode } = statSync(pack);
    const bytes = readFileSync(pack);
    for (let at = offset + 2; at < offset + 10; at++) bytes[at] = 0x55;
    chmodSync(pack, 0o600);
    writeFileSync(pack, bytes);
    chmodSync(pack, mode);
  }
}

describe.skipIf(!hasGitHttpBackend)("a partial mirror", () => {
  test("that is damaged in one fetched file, after all were packed together, keeps our work", async () => {
    const { heal, mirror, work } = await makePartial();
    const { base, done } = await work("one", { "app/one.txt": "changed\n", "docs/1.txt": "new\n" });
    await collectGarbage(mirror, never);
    const id = (await openMirror(mirror).run(["rev-parse", `${base}:app/same.txt`])).trim();
    await damage(mirror.gitDir, id);
    expect(await heal(`${base}:app/same.txt`)).toBe("same\n");
    const refs = await openMirror(mirror).run([
      "for-each-ref",
      "--format=%(refname)",
      "refs/deputy",
    ]);
    expect(refs).toContain("refs/deputy/kept/one");
    expect(await readFileAt(mirror, done, "docs/1.txt")).toBe("new\n");
  });

  test("whose fetched files stay unreadable is given up, also where git names them in turn", async () => {
    const { mirror, source } = await makePartial();
    const ids = ["app/one.txt", "docs/1.txt"].map((path) =>
      git(source, "rev-parse", `main:${path}`),
    );
    let asked = 0;
    const failing: Git = {
      ...openMirror(mirror),
      ask: async () => {
        const stderr = `fatal: could not fetch ${ids[asked++ % 2]} from promisor remote`;
        return { exitCode: 128, stdout: Buffer.alloc(0), stderr };
      },
    };
    expect((await healMissing(failing, mirror).ask(["diff"])).exitCode).toBe(128);
    expect(asked).toBe(3);
  });

  test("delivers work on history that was force-pushed away", async () => {
    const { mirror, remote, repository, source, work } = await makePartial();
    const first = git(source, "rev-parse", "main");
    commit(source, { "docs/1.txt": "left 1\n", "docs/2.txt": "left 2\n" }, "Left behind");
    git(source, "push", "--quiet", remote.bare, "main");
    const { done } = await work("one", { "app/one.txt": "changed\n" });
    git(source, "push", "--quiet", "--force", remote.bare, `${first}:refs/heads/main`);
    const what = { branch: "deputy/work", commit: done };
    const id = git(source, "rev-parse", "main:docs/2.txt");
    const object = join(remote.bare, "objects", id.slice(0, 2), id.slice(2));
    renameSync(object, `${object}.gone`);
    await expect(publishBranch(mirror, repository, what)).rejects.toThrow(/lacks files of its own/);
    renameSync(`${object}.gone`, object);
    const before = remote.requests.length;
    expect(await publishBranch(mirror, repository, what)).toBe("pushed");
    expect(git(remote.bare, "show", "deputy/work:docs/2.txt")).toBe("left 2");
    const fetches = remote.requests.slice(before).filter((line) => /GET.*upload-pack/.test(line));
    expect(fetches).toHaveLength(3); // the branch's tip, all tips, the files
  });

  test.each([true, false])(
    "is repaired with work on history that was force-pushed away, which the source still has: %s",
    async (isThere) => {
      const { heal, mirror, remote, source, work } = await makePartial();
      const first = git(source, "rev-parse", "main");
      const left = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`docs/${n}.txt`, `left ${n}\n`]);
      commit(source, Object.fromEntries(left), "Left behind");
      git(source, "push", "--quiet", remote.bare, "main");
      await work("left", { "app/one.txt": "changed\n" });
      const id = git(source, "rev-parse", "main:docs/2.txt");
      git(source, "push", "--quiet", "--force", remote.bare, `${first}:refs/heads/main`);
      const { base } = await work("next", { "app/one.txt": "other\n" });
      if (!isThere) rmSync(join(remote.bare, "objects", id.slice(0, 2), id.slice(2)));
      await damage(mirror.gitDir, git(source, "rev-parse", `${base}:app/same.txt`));
      const before = remote.requests.length;
      expect(await heal(`${base}:app/same.txt`)).toBe("same\n");
      const list = ["for-each-ref", "--format=%(refname:lstrip=3)", "refs/deputy/kept"];
      const kept = (await openMirror(mirror).run(list)).trim().split("\n");
      expect(kept).toEqual(isThere ? ["left", "next"] : ["next"]);
      const fetches = remote.requests.slice(before).filter((line) => line.startsWith("GET"));
      // The files of the history that was left came at once.
      expect(fetches.length).toBeLessThan(left.length);
    },
  );

  test("is asked for the source outside the part before a file counts as the tests' helper", async () => {
    const { mirror, work } = await makePartial();
    const { base, done } = await work("one", {
      "app/compare.js": "export const same = () => 1;\n",
    });
    const none = { checks: [], setup: [], protectedPaths: [], testFiles: [], products: [] };
    const sides = await findSides({ mirror, baseCommit: base, commit: done, ...none });
    expect(JSON.stringify(sides.files)).not.toMatch(/helper/i);
  });
});

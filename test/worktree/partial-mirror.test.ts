import { chmodSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readText } from "../../src/verifier/change/tree.ts";
import { mayInstall } from "../../src/verifier/place/may-install.ts";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import { mergeCommits } from "../../src/worktree/commits/merge.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { findUnfitContent } from "../../src/worktree/content/find-unfit-content.ts";
import { collectGarbage, packMirror } from "../../src/worktree/mirror/collect-garbage.ts";
import { measureSnapshots } from "../../src/worktree/mirror/measure-snapshots.ts";
import {
  ensureMirror,
  type Mirror,
  openMirror,
  openMirrors,
  pinRef,
} from "../../src/worktree/mirror/mirror.ts";
import { explainWhole } from "../../src/worktree/mirror/partial-mirror.ts";
import { withSoundMirror } from "../../src/worktree/mirror/repair-mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { publishBranch } from "../../src/worktree/publish/publish.ts";
import { diffCommits } from "../../src/worktree/read/diff.ts";
import { findMentions } from "../../src/worktree/read/find-mentions.ts";
import { readChange } from "../../src/worktree/read/read-change.ts";
import { listFilesAt, readFileAt } from "../../src/worktree/read/read-commit.ts";
import { findInArgv, type GitRemote, hasGitHttpBackend, serveClone } from "../support/git-http.ts";
import { commit, git, makeFolder, makeRepository, write } from "./repositories.ts";

/** Mirrors that fetch contents when they are needed; the remote is git's own server program. */
const remotes: GitRemote[] = [];
afterAll(() => {
  for (const remote of remotes) remote.close();
});

const never = new AbortController().signal;
const files = {
  "README.md": "# Huge\n",
  ".gitattributes": "*.bin -text\n",
  "app/one.txt": "one\ntwo\nthree\nfour\nfive\nsix\nseven\n",
  "app/same.txt": "same\n",
  "docs/moved.txt": "a long text\nthat is moved\nto another place\nby somebody\n",
  "docs/five.txt": "1\n2\n3\n4\n5\n6\n7\n8\n",
  "docs/other.txt": "the word is oneword\n",
};

const authHeader = async () => "Authorization: Bearer canary-token";

async function makePartial() {
  const source = makeRepository(files);
  for (const round of [1, 2, 3])
    commit(source, { "app/one.txt": `${files["app/one.txt"]}${round}\n` }, `Round ${round}`);
  const remote = await serveClone(source, join(makeFolder(), "huge.git"));
  remotes.push(remote);
  const home = makeFolder();
  const repository = parseRepository(remote.url);
  const access = { authHeader, wantsPartial: (url: string) => url === remote.url };
  const mirrors = openMirrors(join(home, "mirrors"), undefined, access);
  const mirror = await ensureMirror(mirrors, repository);
  const base = mirror.head?.commit ?? "";
  const path = join(home, "trees", "sub_one");
  const addSparse = () => addWorktree(mirror, path, base, "filled", { folders: ["app"], base });
  const snapshot = (message: string) => snapshotWorktree(mirror, path, { parent: base, message });
  return { source, remote, repository, mirrors, mirror, base, path, home, addSparse, snapshot };
}

/** The paths whose contents the mirror lacks. */
async function absent(mirror: Mirror, at: string): Promise<string[]> {
  const said = await openMirror(mirror).run(["rev-list", "--objects", "--all", "--missing=print"]);
  const missing = new Set(said.split("\n").flatMap((line) => /^\?(.+)/.exec(line)?.[1] ?? []));
  const list = await openMirror(mirror).run(["ls-tree", "-r", at]);
  return list.split("\n").flatMap((line) => {
    const [, id = "", path = ""] = /blob (\w+)\t(.+)/.exec(line) ?? [];
    return missing.has(id) ? [path] : [];
  });
}

async function isSound(mirror: Mirror): Promise<boolean> {
  const { exitCode, stdout, stderr } = await openMirror(mirror).ask(["fsck", "--no-dangling"]);
  expect(`${stdout}${stderr}`).not.toMatch(/missing|broken/);
  return exitCode === 0;
}

const outside = ["docs/five.txt", "docs/moved.txt", "docs/other.txt"];

test.skipIf(!hasGitHttpBackend)(
  "a sparse worktree from a partial mirror: what is outside stays away, and work is delivered",
  async () => {
    const { addSparse, base, mirror, path, remote, repository, snapshot } = await makePartial();
    expect(await absent(mirror, base)).toHaveLength(7);
    const before = remote.requests.length;
    const seen: string[] = [];
    remote.gate = ({ headers }) => {
      seen.push(...findInArgv("canary-token"));
      return headers.authorization === "Bearer canary-token";
    };
    expect(await readFileAt(mirror, base, "README.md")).toBe("# Huge\n");
    const beside = addWorktree(mirror, `${path}-beside`, base, "filled", {
      folders: ["app"],
      base,
    });
    expect(await Promise.all([addSparse(), beside])).toEqual(["created", "created"]);
    remote.gate = () => true;
    expect(seen).toEqual([]);
    expect(readdirSync(join(path, "app"))).toEqual(["one.txt", "same.txt"]);
    expect(await absent(mirror, base)).toEqual(outside);
    // At once: what is in the root, and what is in the folder.
    expect(remote.requests.slice(before).filter((line) => line.startsWith("GET"))).toHaveLength(2);
    write(path, { "app/one.txt": "changed\n", "docs/new.txt": "new\n", "docs/five.txt": "5\n" });
    const { commit: done, skipped } = await snapshot("Work");
    const unfit = { workTree: path, base, commit: done, skipped, maxFileBytes: 1_000 };
    expect(await findUnfitContent(mirror, unfit)).toEqual([]);
    expect(await findMentions(mirror, base, ["same", "oneword"])).toEqual(
      new Map([["same", ["app/same.txt"]]]),
    );
    expect(await absent(mirror, base)).toEqual(outside);
    const what = { branch: "deputy/work", commit: done };
    expect(await publishBranch(mirror, repository, what)).toBe("pushed");
    expect(await absent(mirror, base)).toEqual(outside);
    expect(git(remote.bare, "show", "deputy/work:docs/five.txt")).toBe("5");
    expect(git(remote.bare, "fsck", "--no-dangling")).toBe("");
    expect(await diffCommits(mirror, base, done)).toContain("-8\n");
    const change = await readChange(mirror, base, done);
    expect(change.map(({ before }) => before?.text ?? null)).toEqual([
      `${files["app/one.txt"]}3\n`,
      files["docs/five.txt"],
      null,
    ]);
    expect(await isSound(mirror)).toBe(true);
  },
);

test.skipIf(!hasGitHttpBackend)("a merge gets what it reads, and nothing else", async () => {
  const { addSparse, base, mirror, path, remote, repository, snapshot, source, mirrors } =
    await makePartial();
  await addSparse();
  write(path, { "app/one.txt": "changed\n", "docs/five.txt": "1\n2\n3\n4\n5\n6\n7\neight\n" });
  const { commit: ours } = await snapshot("Ours");
  git(source, "mv", "docs/moved.txt", "docs/here.txt");
  const five = `one\n${files["docs/five.txt"].slice(2)}`;
  commit(source, { "docs/five.txt": five, "docs/other.txt": "not read\n" }, "Theirs");
  git(source, "push", "--quiet", remote.bare, "main");
  const theirs = (await ensureMirror(mirrors, repository)).head?.commit ?? "";
  expect(theirs).not.toBe(base);
  const merged = await mergeCommits(mirror, { into: ours, from: theirs, message: "Merge" });
  if (merged.kind !== "merged") throw new Error("a conflict");
  expect(await readFileAt(mirror, merged.commit, "docs/five.txt")).toBe(
    "one\n2\n3\n4\n5\n6\n7\neight\n",
  );
  expect(await absent(mirror, merged.commit)).toEqual(["docs/other.txt"]);
  expect(await listFilesAt(mirror, merged.commit)).toContain("docs/here.txt");
  const before = remote.requests.length;
  expect(await addWorktree(mirror, `${path}-whole`, merged.commit)).toBe("created");
  expect(await absent(mirror, merged.commit)).toEqual([]);
  const fetches = remote.requests.slice(before).filter((line) => line.startsWith("GET"));
  expect(fetches).toHaveLength(1);
});

test.skipIf(!hasGitHttpBackend)(
  "while the source is away that is an outage, and damage is told from it",
  async () => {
    const { addSparse, base, mirror, path, remote, repository, snapshot } = await makePartial();
    remote.gate = () => false;
    const add = () => withSoundMirror(mirror, repository, {}, addSparse);
    const failure = {
      code: "unavailable",
      message: expect.stringContaining("could not be fetched"),
    };
    await expect(add()).rejects.toMatchObject(failure);
    // Neither is a file that cannot be fetched one that does not exist.
    await expect(readText(mirror, base, "docs/five.txt")).rejects.toMatchObject(failure);
    const checks = { mirror, baseCommit: base };
    await expect(mayInstall(checks, ["sh app/same.txt"])).rejects.toMatchObject(failure);
    expect(setAside(mirror)).toEqual([]);
    remote.gate = () => true;
    expect(await add()).toBe("created");
    write(path, { "app/one.txt": "changed\n", "docs/five.txt": "5\n" });
    const { commit: done } = await snapshot("Work");
    await pinRef(mirror, "kept/one", done);
    // Damage: a pack of fetched contents. What is ours is taken over, and the rest stays away.
    const packs = join(mirror.gitDir, "objects", "pack");
    for (const name of readdirSync(packs).filter((file) => file.endsWith(".pack")))
      if (!(await holds(mirror, join(packs, name), base))) corrupt(join(packs, name));
    const read = () => openMirror(mirror).run(["cat-file", "blob", `${base}:app/same.txt`]);
    expect(await withSoundMirror(mirror, repository, {}, read)).toBe("same\n");
    expect(await readFileAt(mirror, done, "docs/five.txt")).toBe("5\n");
    expect(setAside(mirror)).toHaveLength(1);
    expect(await isSound(mirror)).toBe(true);
    expect((await absent(mirror, base)).length).toBeGreaterThan(3);
    expect(explainWhole(mirror, repository)).toEqual([]);
  },
);

const setAside = (mirror: Mirror) =>
  readdirSync(join(mirror.gitDir, "..")).filter((name) => name.startsWith(".broken-"));

function corrupt(file: string): void {
  const { mode, size } = statSync(file);
  chmodSync(file, 0o600);
  writeFileSync(file, Buffer.alloc(size - 32, 7), { flag: "r+" });
  chmodSync(file, mode);
}

async function holds(mirror: Mirror, pack: string, id: string): Promise<boolean> {
  const said = await openMirror(mirror).run(["verify-pack", "-v", pack.replace(/pack$/, "idx")]);
  return said.includes(id);
}

test.skipIf(!hasGitHttpBackend)("packing and collecting keep what is promised apart", async () => {
  const { addSparse, base, mirror, path, snapshot } = await makePartial();
  await addSparse();
  write(path, { "app/one.txt": "changed\n", "docs/five.txt": "5\n" });
  const { commit: done } = await snapshot("Work");
  await pinRef(mirror, "attempts/one", done);
  expect(await measureSnapshots(mirror, never)).toBeGreaterThan(100);
  await packMirror(mirror, never);
  await collectGarbage(mirror, never);
  const packs = readdirSync(join(mirror.gitDir, "objects", "pack"));
  expect(packs.filter((name) => name.endsWith(".promisor"))).toHaveLength(1);
  expect(packs.filter((name) => name.endsWith(".pack"))).toHaveLength(2);
  expect(await absent(mirror, base)).toEqual(outside);
  expect(await readFileAt(mirror, base, "docs/other.txt")).toBe(files["docs/other.txt"]);
  expect(await isSound(mirror)).toBe(true);
});

test.skipIf(!hasGitHttpBackend)(
  "a server that does not filter, and a mirror from before: whole, and said so",
  async () => {
    const source = makeRepository(files);
    const remote = await serveClone(source, join(makeFolder(), "huge.git"));
    remotes.push(remote);
    git(remote.bare, "config", "uploadpack.allowFilter", "false");
    const access = { authHeader: async () => null, wantsPartial: () => true };
    const mirrors = openMirrors(join(makeFolder(), "mirrors"), undefined, access);
    const repository = parseRepository(remote.url);
    for (const filter of ["false", "true"]) {
      git(remote.bare, "config", "uploadpack.allowFilter", filter);
      commit(source, { "docs/five.txt": filter }, "More");
      git(source, "push", "--quiet", remote.bare, "main");
      const mirror = await ensureMirror(mirrors, repository);
      expect(await absent(mirror, mirror.head?.commit ?? "")).toEqual([]);
      expect(explainWhole(mirror, repository)[0]).toContain("is whole in spite of");
    }
  },
);

test.skipIf(!hasGitHttpBackend)(
  "what another repository lacks cannot be pushed to it",
  async () => {
    const { addSparse, mirror, path, snapshot } = await makePartial();
    await addSparse();
    write(path, { "app/one.txt": "changed\n" });
    const { commit: done } = await snapshot("Work");
    const other = await serveClone(makeRepository({ "a.txt": "a" }), join(makeFolder(), "o.git"));
    remotes.push(other);
    const what = { branch: "deputy/work", commit: done };
    const pushed = publishBranch(mirror, parseRepository(other.url), what);
    await expect(pushed).rejects.toThrow(/lacks files of its own history/);
    writeFileSync(join(path, "app/one.txt"), "again\n");
    expect((await snapshot("Again")).changed).toBe(true);
  },
);

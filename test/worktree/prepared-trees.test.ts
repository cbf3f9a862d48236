import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import {
  keepsAccessTimes,
  listReads,
  recordAccess,
} from "../../src/worktree/prepared/access-times.ts";
import { listCaches } from "../../src/worktree/prepared/download-caches.ts";
import { openPreparedTrees } from "../../src/worktree/prepared/prepared-trees.ts";
import {
  type CommitFiles,
  findInputs,
  hasInputs,
  readCommitFiles,
} from "../../src/worktree/prepared/setup-inputs.ts";
import { git, makeRepository, mirrorOf, write } from "./repositories.ts";

/** What of a commit decides what setup makes, and what is copied where. */

const commit = (files: Record<string, string>): CommitFiles => new Map(Object.entries(files));
const base = commit({
  "package.json": "p1",
  "package-lock.json": "l1",
  "src/a.ts": "a1",
  "docs/b.md": "b1",
});
const inputs = findInputs(base, { files: ["package.json", "package-lock.json"], folders: [] });

test.each([
  ["the same", {}, true],
  ["another source", { "src/a.ts": "a2" }, true],
  ["a new source beside what it read", { "index.ts": "i" }, true],
  ["another lock", { "package-lock.json": "l2" }, false],
  ["a configuration beside what it read", { ".npmrc": "n" }, false],
  ["a lock of another program", { "yarn.lock": "y" }, false],
  ["a file that installers run", { "setup.py": "s" }, false],
  ["a folder beside it", { "patches/one.patch": "x" }, false],
  ["a configuration elsewhere", { "docs/.npmrc": "n" }, true],
])("inputs of setup: %s", (_, change, same) => {
  expect(hasInputs(commit({ ...Object.fromEntries(base), ...change }), inputs)).toBe(same);
});

test("what was listed has its names for an input, and what cannot be seen has everything", async () => {
  const listed = findInputs(base, { files: [], folders: ["src"] });
  const more = (change: Record<string, string>) =>
    commit({ ...Object.fromEntries(base), ...change });
  expect(hasInputs(more({ "src/a.ts": "a2" }), listed)).toBe(true);
  expect(hasInputs(more({ "src/new.ts": "n" }), listed)).toBe(false);
  const path = fc.constantFrom("a", "b", "src/a.ts", "src/c.ts", "docs/b.md", "package.json");
  const tree = fc.dictionary(path, fc.constantFrom("1", "2")).map((files) => commit(files));
  fc.assert(
    fc.property(tree, tree, (one, other) => {
      const isEqual = JSON.stringify([...one].sort()) === JSON.stringify([...other].sort());
      expect(hasInputs(other, findInputs(one, null))).toBe(isEqual);
    }),
  );
});

const repositoryFiles = {
  ".gitignore": "deps/\nout/\nown.env\n",
  lock: "one",
  "sub/a.js": "a",
  "other/b.js": "b",
};

/** A repository, a worktree in which setup ran, and the trees of a folder. */
async function prepare(maxBytes = 1e9, branches: Record<string, (source: string) => void> = {}) {
  const source = makeRepository(repositoryFiles);
  const commits: Record<string, string> = {};
  for (const [name, change] of Object.entries(branches)) {
    git(source, "checkout", "--quiet", "-b", name, "main");
    change(source);
    git(source, "add", "--all", "--force");
    git(source, "commit", "--quiet", "--message", name);
    commits[name] = git(source, "rev-parse", "HEAD");
  }
  git(source, "checkout", "--quiet", "main");
  const { base, home, mirror } = await mirrorOf(source);
  const problems: string[] = [];
  const open = (more: { quickMs?: number; maxBytes?: number } = {}) =>
    openPreparedTrees({
      ...{ root: join(home, "prepared"), maxBytes, ...more },
      limitView: async (argv) => argv,
      onProblem: (words, error) => problems.push(`${words}: ${error}`),
    });
  const worktreeAt = async (name: string, at: string) => {
    const path = join(home, "trees", name);
    await addWorktree(mirror, path, at);
    return { worktree: path, home: join(home, `${name}-home`) };
  };
  const about = { mirror, condition: "c", baseCommit: base };
  return { about, base, commits, home, mirror, open, problems, worktreeAt };
}

async function keepOne(
  made: Awaited<ReturnType<typeof prepare>>,
  condition = "c",
  {
    inHome = { cache: "cached" },
    isSeeded = false,
    name = condition,
  }: { inHome?: Record<string, string>; isSeeded?: boolean; name?: string } = {},
) {
  const at = await made.worktreeAt(`maker_${name}`, made.base);
  const files = await readCommitFiles(made.mirror, made.base);
  const paths = [...files.keys()];
  const before = await recordAccess(at.worktree, paths);
  execFileSync("cat", [join(at.worktree, "lock")]); // what setup reads
  write(at.worktree, { "deps/one/main.js": "1", "sub/out/built": "b", "own.env": "mine" });
  symlinkSync("one", join(at.worktree, "deps/link"));
  mkdirSync(at.home);
  write(at.home, inHome);
  const reads = await listReads(at.worktree, paths, before);
  const kept = await made.open().keep({
    ...{
      ...at,
      ...made.about,
      condition,
      commit: made.base,
      setupMs: 1_000,
      refused: [],
      isSeeded,
    },
    ...{ inputs: findInputs(files, reads), apart: ["own.env"] },
  });
  return { at, kept, reads };
}
test("what setup read is seen by access times; what it made is moved, and copied whole", async () => {
  const made = await prepare();
  const { at, kept, reads } = await keepOne(made);
  expect(await keepsAccessTimes(join(at.worktree, "sub"))).toBe(true);
  expect(reads.files).toEqual(["lock"]);
  expect(kept.entries.sort()).toEqual(["deps", "sub/out"]);
  expect(existsSync(join(at.worktree, "deps"))).toBe(false);
  expect(existsSync(join(at.worktree, "own.env"))).toBe(true);
  const fresh = await made.worktreeAt("fresh", made.base);
  const given = await made.open().give({ ...made.about, ...fresh, commit: made.base });
  expect(given).toMatchObject({ id: kept.id, isWhole: true, setupMs: 1_000 });
  expect(readFileSync(join(fresh.worktree, "deps/link/main.js"), "utf8")).toBe("1");
  expect(readFileSync(join(fresh.worktree, "sub/out/built"), "utf8")).toBe("b");
  expect(readFileSync(join(fresh.home, "cache"), "utf8")).toBe("cached");
  // A copy of its own: what is written there is nobody else's.
  truncateSync(join(fresh.worktree, "deps/one/main.js"));
  const next = await made.worktreeAt("next", made.base);
  await made.open().give({ ...made.about, ...next, commit: made.base });
  expect(readFileSync(join(next.worktree, "deps/one/main.js"), "utf8")).toBe("1");
  expect(await made.open().give({ ...made.about, ...next, commit: "x", condition: "d" })).toBe(
    null,
  );
});

test("it writes neither over a commit's files nor through its links", async () => {
  const made = await prepare(1e9, {
    taken: (source) => write(source, { "deps/mine.js": "m" }),
    linked: (source) => {
      rmSync(join(source, "sub"), { recursive: true });
      symlinkSync("../../outside", join(source, "sub"));
    },
  });
  const outside = join(made.home, "outside");
  mkdirSync(outside);
  await keepOne(made);
  const taken = await made.worktreeAt("taken", made.commits.taken ?? "");
  const onTaken = { ...made.about, ...taken, commit: made.commits.taken ?? "" };
  expect(await made.open().give(onTaken)).toBe(null);
  expect(readdirSync(join(taken.worktree, "deps"))).toEqual(["mine.js"]);
  const linked = await made.worktreeAt("linked", made.commits.linked ?? "");
  const given = await made.open().give({
    ...{ ...made.about, ...linked, commit: made.commits.linked ?? "" },
  });
  expect(given?.isWhole).toBe(false);
  expect(readdirSync(outside)).toEqual([]);
  expect(existsSync(join(linked.worktree, "deps/one/main.js"))).toBe(true);
});

test("a setup from nothing starts with the downloads of one that started without", async () => {
  const made = await prepare();
  const seed = async (name: string, condition = "c") => {
    const home = join(made.home, name);
    mkdirSync(home);
    const isSeeded = await made.open().seed({ condition, home, paths: ["cache", "none/at/all"] });
    return { isSeeded, names: readdirSync(home, { recursive: true }).toSorted() };
  };
  expect(await seed("first")).toEqual({ isSeeded: false, names: [] });
  const { kept } = await keepOne(made);
  const root = join(made.home, "prepared", kept.id, "home");
  rmSync(join(root, "cache"));
  write(root, { "cache/one": "1", other: "o" });
  await keepOne(made, "c", { isSeeded: true, name: "seeded" });
  expect(await seed("second")).toEqual({ isSeeded: true, names: ["cache", "cache/one"] });
  expect(await seed("third", "d")).toEqual({ isSeeded: false, names: [] });
});

test("downloads for another installation go only where one may run; what tools read goes everywhere", async () => {
  const made = await prepare(1e9, { other: (source) => write(source, { lock: "two" }) });
  const read = {
    ".npm/_logs/one.log": "l",
    ".local/share/pnpm/store/v10/links/pkg/main.js": "m",
    ".cargo/registry/src/lib.rs": "r",
    ".yarn/berry/cache/pkg.zip": "z",
    ".cache/ms-playwright/chrome": "c",
  };
  const spent = {
    ".npm/_cacache/index": "i",
    ".local/share/pnpm/store/v10/files/00/ab": "f",
    ".local/share/pnpm/store/v10/index/00/ab.json": "{}",
    ".cache/pip/http/one": "w",
  };
  const { kept } = await keepOne(made, "c", { inHome: { ...read, ...spent } });
  const trees = made.open({ quickMs: -1 });
  const give = async (name: string, installsNothing: boolean, commit = made.base) => {
    const at = await made.worktreeAt(name, commit);
    const given = await trees.give({ ...made.about, ...at, commit, installsNothing });
    const files = readdirSync(at.home, { recursive: true, encoding: "utf8" });
    const isThere = (path: string) => files.includes(path);
    expect(Object.keys(read).filter((path) => !isThere(path))).toEqual([]);
    const count = Object.keys(spent).filter(isThere).length;
    return { isWhole: given?.isWhole, count };
  };
  const spareOf = (name: string) => join(made.home, "prepared", kept.id, name);
  const whenSpare = (name = "spare") =>
    vi.waitFor(() => expect(existsSync(spareOf(name))).toBe(true));
  expect(await give("check", true)).toEqual({ isWhole: true, count: 0 });
  await whenSpare();
  expect(await give("next_check", true)).toEqual({ isWhole: true, count: 0 });
  await whenSpare();
  expect(await give("agent", false)).toEqual({ isWhole: true, count: 4 });
  await whenSpare("spare-downloads");
  const inodeIn = (folder: string) => statSync(join(folder, ".npm/_cacache/index")).ino;
  const ahead = inodeIn(join(spareOf("spare-downloads"), "downloads"));
  expect(await give("next_agent", false)).toEqual({ isWhole: true, count: 4 });
  expect(inodeIn(join(made.home, "next_agent-home"))).toBe(ahead);
  // Where setup runs on top, it starts with all of them.
  await whenSpare();
  expect(await give("on_top", true, made.commits.other)).toEqual({ isWhole: false, count: 4 });
  const home = join(made.home, "seeded");
  mkdirSync(home);
  await trees.seed({ condition: "c", home, paths: [".npm/_cacache", ".yarn/berry/cache"] });
  expect(existsSync(join(home, ".npm/_cacache/index"))).toBe(true);
  expect(existsSync(join(home, ".yarn/berry/cache/pkg.zip"))).toBe(true);
  expect(made.problems).toEqual([]);
});

test("only downloads that a lock checks are handed on", () => {
  expect(listCaches(["package.json", "package-lock.json"])).toEqual([".npm/_cacache"]);
  expect(listCaches(["package.json", "sub/package-lock.json", "Cargo.lock"])).toEqual([]);
});

test("a copy for the next worktree is made ahead, and moved to it whole", async () => {
  const made = await prepare();
  const { kept } = await keepOne(made);
  const trees = made.open({ quickMs: -1 });
  const spare = join(made.home, "prepared", kept.id, "spare");
  const give = async (name: string) => {
    const at = await made.worktreeAt(name, made.base);
    mkdirSync(at.home);
    writeFileSync(join(at.home, ".npmrc"), "registry=here\n"); // what the daemon writes there
    const given = await trees.give({ ...made.about, ...at, commit: made.base });
    expect(given).toMatchObject({ id: kept.id, isWhole: true });
    expect(readFileSync(join(at.worktree, "deps/link/main.js"), "utf8")).toBe("1");
    expect(readFileSync(join(at.worktree, "sub/out/built"), "utf8")).toBe("b");
    expect(readFileSync(join(at.home, "cache"), "utf8")).toBe("cached");
    expect(readFileSync(join(at.home, ".npmrc"), "utf8")).toBe("registry=here\n");
    return at;
  };
  const first = await give("first");
  await vi.waitFor(() => expect(existsSync(spare)).toBe(true));
  const inode = statSync(join(spare, "tree/deps/one/main.js")).ino;
  truncateSync(join(first.worktree, "deps/one/main.js"));
  const second = await give("second");
  expect(statSync(join(second.worktree, "deps/one/main.js")).ino).toBe(inode);

  // A spare that does not fit there is no obstacle.
  await vi.waitFor(() => expect(existsSync(spare)).toBe(true));
  rmSync(join(spare, "tree/sub"), { recursive: true });
  await give("third");
  expect(made.problems).toEqual([]);
  // Nothing of those that were moved or cut is left.
  await vi.waitFor(() =>
    expect(readdirSync(join(made.home, "prepared")).filter((name) => name !== kept.id)).toEqual([]),
  );
  await trees.drop(kept.id);
});

test("no copy is made ahead where there is no room for two", async () => {
  const made = await prepare();
  const { kept } = await keepOne(made);
  const trees = made.open({ quickMs: -1, maxBytes: kept.bytes + 10 });
  const at = await made.worktreeAt("first", made.base);
  await trees.give({ ...made.about, ...at, commit: made.base });
  const next = await made.worktreeAt("next", made.base);
  await trees.give({ ...made.about, ...next, commit: made.base });
  expect(existsSync(join(made.home, "prepared", kept.id, "spare"))).toBe(false);
});

test("what cannot be copied is said, and leaves nothing behind", async () => {
  const made = await prepare();
  const { kept } = await keepOne(made);
  rmSync(join(made.home, "prepared", kept.id, "tree/sub"), { recursive: true });
  const fresh = await made.worktreeAt("fresh", made.base);
  expect(await made.open().give({ ...made.about, ...fresh, commit: made.base })).toBe(null);
  expect(made.problems).toEqual([expect.stringMatching(/could not be copied: Error: cp: /)]);
  expect(existsSync(join(fresh.worktree, "deps"))).toBe(false);
  expect(existsSync(fresh.home)).toBe(false);
});

test("the least recently used go first, old ones and drafts go at a start", async () => {
  const made = await prepare();
  const first = await keepOne(made, "c");
  const root = join(made.home, "prepared");
  mkdirSync(join(root, ".gone-x"));
  mkdirSync(join(root, "unreadable"));
  await made.open().tidy();
  expect((await made.open().list()).map(({ id }) => id)).toEqual([first.kept.id]);
  await vi.waitFor(() =>
    expect(readdirSync(root).filter((name) => !name.startsWith("."))).toEqual([first.kept.id]),
  );
  const { bytes } = first.kept;
  expect(bytes).toBeGreaterThan(0);
  const limited = await prepare(bytes + 10);
  const old = await keepOne(limited, "c");
  utimesSync(join(limited.home, "prepared", old.kept.id, "prepared.json"), 1, 1);
  const young = await keepOne(limited, "d");
  expect((await limited.open().list()).map(({ id }) => id)).toEqual([young.kept.id]);
});

test("what is larger than all that may be kept is not kept", async () => {
  const made = await prepare(1_000);
  await expect(keepOne(made)).rejects.toThrow(/it takes \S+ MB, more than prepared_mb allows/);
  expect(await made.open().list()).toEqual([]);
});

test("where a folder of it is gone, setup runs on top of the rest", async () => {
  const made = await prepare(1e9, {
    less: (source) => rmSync(join(source, "sub"), { recursive: true }),
  });
  const { kept } = await keepOne(made);
  const commit = made.commits.less ?? "";
  const fresh = await made.worktreeAt("less", commit);
  const given = await made.open().give({ ...made.about, ...fresh, commit });
  expect(given).toMatchObject({ id: kept.id, isWhole: false });
  expect(existsSync(join(fresh.worktree, "deps/one/main.js"))).toBe(true);
});

test("a setup that changes what git tracks is not kept", async () => {
  const made = await prepare();
  const at = await made.worktreeAt("maker", made.base);
  writeFileSync(join(at.worktree, "lock"), "changed by setup");
  const files = await readCommitFiles(made.mirror, made.base);
  const about = {
    ...at,
    ...made.about,
    commit: made.base,
    setupMs: 1,
    refused: [],
    apart: [],
    isSeeded: false,
  };
  await expect(made.open().keep({ ...about, inputs: findInputs(files, null) })).rejects.toThrow(
    "What setup made cannot be kept: it changes lock, which git tracks.",
  );
  expect(await made.open().list()).toEqual([]);
});

import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import {
  deleteRefs,
  ensureMirror,
  listRefs,
  openMirror,
  openMirrors,
  pinRef,
  pinSnapshot,
  readRef,
  resolveBase,
} from "../../src/worktree/mirror/mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { commit, git, makeFolder, makeRepository, mirrorOf } from "./repositories.ts";

test("a base is a branch, a tag, a commit, or where HEAD is", async () => {
  const path = makeRepository();
  const first = git(path, "rev-parse", "HEAD");
  git(path, "tag", "v1");
  git(path, "branch", "feature/x");
  const second = commit(path, { "x.txt": "x" }, "Second");
  const { mirror } = await mirrorOf(path);
  expect(await resolveBase(mirror, null)).toEqual({ commit: second, ref: "main" });
  expect(await resolveBase(mirror, "HEAD")).toEqual({ commit: second, ref: "main" });
  expect(await resolveBase(mirror, "main")).toEqual({ commit: second, ref: "main" });
  expect(await resolveBase(mirror, "refs/heads/main")).toMatchObject({ commit: second });
  expect(await resolveBase(mirror, "feature/x")).toMatchObject({ commit: first });
  expect(await resolveBase(mirror, "v1")).toEqual({ commit: first, ref: "v1" });
  expect(await resolveBase(mirror, first.slice(0, 9))).toMatchObject({ commit: first });
  await expect(resolveBase(mirror, "gone")).rejects.toMatchObject({ field: "base" });
  await expect(resolveBase(mirror, "--all")).rejects.toMatchObject({ field: "base" });
});

test("a detached HEAD is a base although no branch holds it", async () => {
  const path = makeRepository();
  git(path, "checkout", "--quiet", "--detach");
  const loose = commit(path, { "x.txt": "x" }, "Loose");
  const { mirror } = await mirrorOf(path);
  expect(await resolveBase(mirror, null)).toEqual({ commit: loose, ref: "HEAD" });
});

test("it follows the source: new, moved and deleted branches and tags; our refs stay", async () => {
  const path = makeRepository();
  git(path, "branch", "old");
  git(path, "tag", "moving");
  const { mirror, home, base } = await mirrorOf(path);
  await pinRef(mirror, "tasks/one", base);
  const second = commit(path, { "x.txt": "x" }, "Second");
  git(path, "branch", "-D", "old");
  git(path, "tag", "-f", "moving");
  const again = await ensureMirror(openMirrors(join(home, "mirrors")), parseRepository(path));
  expect(again.gitDir).toBe(mirror.gitDir);
  expect(await resolveBase(again, null)).toMatchObject({ commit: second });
  expect(await resolveBase(again, "moving")).toMatchObject({ commit: second });
  await expect(resolveBase(again, "old")).rejects.toMatchObject({ field: "base" });
  expect(await readRef(again, "tasks/one")).toBe(base);
});

test("nothing is fetched while the source's refs did not move", async () => {
  const path = makeRepository();
  const { mirror, home } = await mirrorOf(path);
  const ref = join(mirror.gitDir, "refs/source/HEAD");
  // Were it fetched, git would have to read this.
  writeFileSync(join(mirror.gitDir, "shallow.lock"), "");
  const before = statSync(ref).mtimeMs;
  await ensureMirror(openMirrors(join(home, "mirrors")), parseRepository(path));
  expect(statSync(ref).mtimeMs).toBe(before);
  expect(existsSync(join(mirror.gitDir, "FETCH_HEAD"))).toBe(false);
});

test("sixteen at once make one mirror", async () => {
  const path = makeRepository();
  const root = join(makeFolder(), "mirrors");
  const made = await Promise.all(
    Array.from({ length: 16 }, () => ensureMirror(openMirrors(root), parseRepository(path))),
  );
  expect(new Set(made.map(({ gitDir }) => gitDir)).size).toBe(1);
});

test("bare, subfolder and linked worktree are sources; empty ones have no base", async () => {
  const path = makeRepository();
  const head = git(path, "rev-parse", "HEAD");
  const bare = join(makeFolder(), "bare.git");
  git(path, "clone", "--quiet", "--bare", path, bare);
  const linked = join(makeFolder(), "linked");
  git(path, "worktree", "add", "--quiet", "-b", "side", linked);
  const second = commit(linked, { "x.txt": "x" }, "Second");
  const heads: [string, string][] = [
    [bare, head],
    [join(path, "src"), head],
    [linked, second],
  ];
  for (const [source, expected] of heads) {
    const { mirror } = await mirrorOf(source);
    expect(await resolveBase(mirror, null)).toMatchObject({ commit: expected });
    expect(await resolveBase(mirror, "side").catch(() => null)).toEqual(
      source === bare ? null : { commit: second, ref: "side" },
    );
  }
  const empty = join(makeFolder(), "empty");
  git("/", "init", "--quiet", empty);
  const { mirror } = await mirrorOf(empty);
  await expect(resolveBase(mirror, null)).rejects.toMatchObject({ field: "repository" });
});

test("a commit that no branch holds comes when it is asked for", async () => {
  const path = makeRepository();
  const loose = commit(path, { "x.txt": "x" }, "Loose");
  git(path, "reset", "--quiet", "--hard", "HEAD^");
  const root = join(makeFolder(), "mirrors");
  const mirror = await ensureMirror(openMirrors(root), parseRepository(path), { want: loose });
  expect(await resolveBase(mirror, loose)).toEqual({ commit: loose, ref: loose });
});

test("a source that is gone, and a server that is away, are said in a sentence", async () => {
  const path = makeRepository();
  const { home } = await mirrorOf(path);
  rmSync(path, { recursive: true });
  await expect(
    ensureMirror(openMirrors(join(home, "mirrors")), parseRepository(path)),
  ).rejects.toMatchObject({
    code: "unprocessable",
    field: "repository",
    message: expect.stringMatching(/does not exist/),
  });
  const away = parseRepository("https://127.0.0.1:1/acme/app");
  await expect(ensureMirror(openMirrors(join(home, "mirrors")), away)).rejects.toMatchObject({
    code: "unavailable",
    message: expect.stringMatching(/cannot reach https:\/\/127\.0\.0\.1:1\/acme\/app/),
  });
});

test("what somebody wrote into its configuration is gone before git reads it", async () => {
  const { mirror, base } = await mirrorOf(makeRepository());
  const marker = join(makeFolder(), "PWN");
  git(mirror.gitDir, "config", "alias.rev-list", `!touch ${marker}`);
  git(mirror.gitDir, "config", "core.pager", `touch ${marker}`);
  git(mirror.gitDir, "config", "extensions.worktreeConfig", "true");
  await openMirror(mirror).run(["rev-list", "--count", base]);
  expect(readFileSync(join(mirror.gitDir, "config"), "utf8")).not.toContain("PWN");
  expect(existsSync(marker)).toBe(false);
});

test("refs are pinned and deleted by name and by folder; bad names are bugs", async () => {
  const { mirror, base } = await mirrorOf(makeRepository());
  await pinRef(mirror, "attempts/one", base);
  await pinRef(mirror, "refs/deputy/attempts/two", base);
  expect(await deleteRefs(mirror, ["attempts"])).toBe(2);
  expect(await readRef(mirror, "attempts/one")).toBeNull();
  expect(await deleteRefs(mirror, ["attempts"])).toBe(0);
  for (const name of ["", "../heads/main", "a..b", "a.lock", "-d", "a/"]) {
    await expect(pinRef(mirror, name, base)).rejects.toThrow(/bad ref name/);
  }
});

test("a snapshot's ref that is set again keeps what it held, and all of them are deleted", async () => {
  const path = makeRepository();
  const first = git(path, "rev-parse", "HEAD");
  const second = commit(path, { "x.txt": "x" }, "Second");
  const { mirror } = await mirrorOf(path);
  for (const held of [first, first, second, first]) await pinSnapshot(mirror, "before/one", held);
  expect(await readRef(mirror, "before/one")).toBe(first);
  const refs = await listRefs(mirror, ["refs/deputy/before/"]);
  expect(refs.map(({ ref }) => ref.slice("refs/deputy/before/one".length)).sort()).toEqual(
    ["", `-${first.slice(0, 12)}`, `-${second.slice(0, 12)}`].sort(),
  );
  expect(await deleteRefs(mirror, ["before/one"])).toBe(3);
});

test("lock files that a killed git left are swept; fresh ones are respected", async () => {
  const source = makeRepository();
  const { mirror, base, home } = await mirrorOf(source);
  await pinRef(mirror, "a/one", base);
  git(mirror.gitDir, "pack-refs", "--all");
  const longAgo = new Date(Date.now() - 60_000);
  const plant = (name: string) => {
    const file = join(mirror.gitDir, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, "");
    return file;
  };
  for (const name of [
    "refs/deputy/a/one.lock",
    "packed-refs.lock",
    "packed-refs.new",
    "refs/remotes/origin/main.lock",
  ]) {
    utimesSync(plant(name), longAgo, longAgo);
  }
  await pinRef(mirror, "a/one", base);
  expect(await deleteRefs(mirror, ["a"])).toBe(1);
  const second = commit(source, { "x.txt": "x" }, "Second");
  const again = await ensureMirror(openMirrors(join(home, "mirrors")), parseRepository(source));
  expect(await resolveBase(again, "main")).toMatchObject({ commit: second });
  plant("refs/deputy/b.lock");
  await expect(pinRef(mirror, "b", base)).rejects.toThrow(/File exists/);
});

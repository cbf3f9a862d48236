import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { includeFiles } from "../../src/worktree/checkout/include-files.ts";
import {
  addWorktree,
  removeWorktree,
  resetWorktree,
} from "../../src/worktree/checkout/worktree.ts";
import { mergeCommits } from "../../src/worktree/commits/merge.ts";
import { restoreSnapshot, snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { readContainedFile } from "../../src/worktree/git/contain-path.ts";
import { ensureMirror, type FetchedMirror, openMirrors } from "../../src/worktree/mirror/mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { publishBranch } from "../../src/worktree/publish/publish.ts";
import { diffCommits, listChanges } from "../../src/worktree/read/diff.ts";
import { listFilesAt } from "../../src/worktree/read/read-commit.ts";
import {
  commit,
  git,
  makeFolder,
  makeRepository,
  mirrorOf,
  someFiles,
  write,
} from "./repositories.ts";

/**
 * Ways from "may write the worktree" (and, without a sandbox, the git directory) to running a
 * program as the daemon. Each plants something that would create a file PWN, then everything the
 * daemon ever does with the worktree is done.
 */
let source: string;
let mirror: FetchedMirror;
let base: string;
let path: string;
let pwn: string;
/** A program that leaves the mark; its first argument names who called it. */
let program: string;

beforeEach(async () => {
  source = makeRepository({ ...someFiles, ".worktreeinclude": ".env\n", "x.foo": "foo\n" });
  write(source, { ".env": "SECRET=1" });
  const made = await mirrorOf(source);
  ({ mirror, base } = made);
  path = join(made.home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  const folder = makeFolder();
  pwn = join(folder, "PWN");
  program = join(folder, "program.sh");
  write(folder, { "program.sh": `#!/bin/sh\necho "$0 $@" >> ${pwn}\ncat\n` });
  chmodSync(program, 0o755);
});

async function doEverything(): Promise<void> {
  write(path, { "src/a.txt": "work\n", "y.foo": "more\n", "README.md": "# Changed\n" });
  const taken = await snapshotWorktree(mirror, path, { parent: base, message: "Work" });
  expect(taken.changed).toBe(true);
  await diffCommits(mirror, base, taken.commit);
  await listChanges(mirror, base, taken.commit);
  const other = commit(source, { "other.txt": "o" }, "Other");
  await ensureMirror(openMirrors(join(mirror.gitDir, "..")), parseRepository(source));
  await mergeCommits(mirror, { into: other, from: taken.commit, message: "Merge" });
  await publishBranch(mirror, parseRepository(source), {
    branch: "deputy/x",
    commit: taken.commit,
  });
  await resetWorktree(mirror, path, base);
  await includeFiles(mirror, source, path, base);
  await addWorktree(mirror, join(path, "..", "sub_two"), taken.commit);
  await removeWorktree(mirror, path);
  await restoreSnapshot(mirror, taken.commit, path);
  await resetWorktree(mirror, path, other);
  await removeWorktree(mirror, path);
}

function expectNoEscape(): void {
  expect(existsSync(pwn) ? readFileSync(pwn, "utf8") : null).toBeNull();
}

/** Every configuration key by which git runs a program. */
function plantConfig(configFile: string): void {
  const keys: [string, string][] = [
    ["core.fsmonitor", program],
    ["core.hooksPath", join(program, "..")],
    ["core.editor", program],
    ["core.pager", program],
    ["core.sshCommand", program],
    ["core.askPass", program],
    ["core.gitProxy", program],
    ["diff.external", program],
    ["diff.foo.command", program],
    ["diff.foo.textconv", program],
    ["merge.foo.driver", program],
    ["filter.foo.clean", program],
    ["filter.foo.smudge", program],
    ["filter.foo.process", program],
    ["filter.foo.required", "true"],
    ["gpg.program", program],
    ["commit.gpgSign", "true"],
    ["credential.helper", program],
    ["uploadpack.packObjectsHook", program],
    ["alias.status", `!${program}`],
    ["sequence.editor", program],
    ["trailer.x.cmd", program],
  ];
  for (const [key, value] of keys) git("/", "config", "--file", configFile, key, value);
}

function plantHooks(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const hook of [
    "post-checkout",
    "pre-commit",
    "post-commit",
    "pre-push",
    "reference-transaction",
    "post-index-change",
    "fsmonitor-watchman",
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
    "push-to-checkout",
    "post-merge",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "pre-auto-gc",
  ]) {
    write(folder, { [hook]: `#!/bin/sh\necho ${hook} >> ${pwn}\n` });
    chmodSync(join(folder, hook), 0o755);
  }
}

test("the plants do work on a git that is not careful", () => {
  git(path, "config", "core.fsmonitor", program);
  git(path, "status");
  expect(existsSync(pwn)).toBe(true);
});

test("P1: the worktree's .git replaced by a repository with fsmonitor and filters", async () => {
  rmSync(join(path, ".git"));
  git(path, "init", "--quiet");
  plantConfig(join(path, ".git/config"));
  plantHooks(join(path, ".git/hooks"));
  write(path, { ".gitattributes": "* filter=foo diff=foo merge=foo\n" });
  await doEverything();
  expectNoEscape();
});

test("P1b: the .git file pointing to a git directory of the agent's, and .git as a link", async () => {
  git(path, "init", "--quiet", "--bare", "evil.git");
  plantConfig(join(path, "evil.git/config"));
  write(path, { ".git": `gitdir: ${join(path, "evil.git")}\n` });
  await snapshotWorktree(mirror, path, { parent: base, message: "x" });
  rmSync(join(path, ".git"));
  symlinkSync("evil.git", join(path, ".git"));
  await doEverything();
  expectNoEscape();
});

test("P2: a nested repository with fsmonitor, tracked or not", async () => {
  for (const nested of ["sub", "src", "src/deep/n"]) {
    git(path, "init", "--quiet", nested);
    commit(join(path, nested), { "n.txt": "n" }, "N");
    plantConfig(join(path, nested, ".git/config"));
    plantHooks(join(path, nested, ".git/hooks"));
  }
  const taken = await snapshotWorktree(mirror, path, { parent: base, message: "x" });
  expect(await listFilesAt(mirror, taken.commit)).toContain("sub/n.txt");
  await doEverything();
  expectNoEscape();
});

test("P3: hooks in the shared git directory", async () => {
  plantHooks(join(mirror.gitDir, "hooks"));
  plantHooks(join(mirror.gitDir, "worktrees/sub_one/hooks"));
  await doEverything();
  expectNoEscape();
});

test("P4: filters, drivers and the rest in the shared configuration, with .gitattributes", async () => {
  plantConfig(join(mirror.gitDir, "config"));
  plantConfig(join(mirror.gitDir, "worktrees/sub_one/config.worktree"));
  git("/", "config", "--file", join(mirror.gitDir, "config"), "extensions.worktreeConfig", "true");
  write(mirror.gitDir, { "info/attributes": "* filter=foo\n" });
  write(path, { ".gitattributes": "* filter=foo diff=foo merge=foo\n*.foo filter=foo\n" });
  await doEverything();
  expectNoEscape();
});

test("P5: hooks that the tree itself brings, where the user's repository uses them", async () => {
  git(source, "config", "core.hooksPath", ".husky");
  plantHooks(join(path, ".husky"));
  plantHooks(join(source, ".git/hooks"));
  await doEverything();
  git(source, "config", "core.hooksPath", join(source, ".git/hooks"));
  await addWorktree(mirror, path, base);
  write(path, { "src/a.txt": "again\n" });
  const taken = await snapshotWorktree(mirror, path, { parent: base, message: "Work" });
  await publishBranch(mirror, parseRepository(source), {
    branch: "deputy/y",
    commit: taken.commit,
  });
  expectNoEscape();
});

test("P6: a link to a file outside is stored as a link and never read through", async () => {
  const secret = join(makeFolder(), "secret");
  write(join(secret, ".."), { secret: "top secret" });
  symlinkSync(secret, join(path, "sh"));
  const taken = await snapshotWorktree(mirror, path, { parent: base, message: "x" });
  const patch = await diffCommits(mirror, base, taken.commit);
  expect(patch).toContain("new file mode 120000");
  expect(patch).not.toContain("top secret");
  await expect(readContainedFile(path, "sh", 100)).rejects.toMatchObject({ code: "invalid_input" });
});

test("replace refs planted in the git directory change nothing we read", async () => {
  write(path, { "src/a.txt": "work\n" });
  const taken = await snapshotWorktree(mirror, path, { parent: base, message: "x" });
  const before = await diffCommits(mirror, base, taken.commit);
  git(mirror.gitDir, "replace", taken.commit, base);
  expect(await diffCommits(mirror, base, taken.commit)).toBe(before);
  expect(before).toContain("+work");
});

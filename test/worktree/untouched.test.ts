import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import { includeFiles } from "../../src/worktree/checkout/include-files.ts";
import {
  addWorktree,
  removeWorktree,
  resetWorktree,
} from "../../src/worktree/checkout/worktree.ts";
import { mergeCommits } from "../../src/worktree/commits/merge.ts";
import { restoreSnapshot, snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { ensureMirror, openMirrors, resolveBase } from "../../src/worktree/mirror/mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { deleteBranch, publishBranch } from "../../src/worktree/publish/publish.ts";
import { commit, git, makeFolder, makeRepository, someFiles, write } from "./repositories.ts";

/** A checkout in which everything that could be touched is there. */
function makeLivelyRepository(): string {
  const path = makeRepository({ ...someFiles, ".worktreeinclude": ".env\n" });
  write(path, { "src/a.txt": "stashed" });
  git(path, "stash", "--quiet");
  git(path, "tag", "-a", "v1", "-m", "v1");
  git(path, "branch", "feature");
  git(path, "config", "core.autocrlf", "input");
  write(path, { ".git/hooks/post-update": "#!/bin/sh\necho ran > ../HOOK-RAN\n" });
  chmodSync(join(path, ".git/hooks/post-update"), 0o755);
  write(path, { "src/a.txt": "staged\n", "untracked.txt": "u", ".env": "S=1", "ignored/i": "i" });
  git(path, "add", "src/a.txt");
  write(path, { "src/a.txt": "and changed again\n" });
  symlinkSync("/nowhere", join(path, "dangling"));
  return path;
}

/** What an agent may do in its worktree. */
const edits: Record<string, (path: string, text: string) => void> = {
  change: (path, text) => write(path, { "src/a.txt": text }),
  add: (path, text) => write(path, { [`new/${text.length}.txt`]: text }),
  remove: (path) => rmSync(join(path, "README.md"), { force: true }),
  commit: (path, text) => commit(path, { "by-agent.txt": text }, "By the agent"),
  branch: (path) => git(path, "checkout", "--quiet", "-B", "main"),
  stash: (path) => git(path, "stash", "--include-untracked"),
  tag: (path) => git(path, "tag", "-f", "v1"),
  configure: (path, text) => git(path, "config", "user.name", text || "x"),
  hook: (path) => {
    const hooks = git(path, "rev-parse", "--path-format=absolute", "--git-path", "hooks");
    mkdirSync(hooks, { recursive: true });
    writeFileSync(join(hooks, "post-checkout"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  },
  unlink: (path) => rmSync(join(path, ".git"), { recursive: true, force: true }),
  init: (path) => git(path, "init", "--quiet"),
  nest: (path) => git(path, "init", "--quiet", "nested"),
  link: (path) => {
    rmSync(join(path, "src"), { recursive: true, force: true });
    symlinkSync("/etc", join(path, "src"));
  },
  attributes: (path) => write(path, { ".gitattributes": "* filter=lfs text eol=crlf ident\n" }),
};

test("whatever an agent does, and Deputy with it: the user's checkout is byte-identical", async () => {
  const source = makeLivelyRepository();
  const repository = parseRepository(source);
  const before = await fingerprintCheckout(source);
  const step = fc.tuple(fc.constantFrom(...Object.keys(edits)), fc.string({ maxLength: 20 }));
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
      const home = makeFolder();
      const mirror = await ensureMirror(openMirrors(join(home, "mirrors")), repository);
      const { commit: base } = await resolveBase(mirror, null);
      const path = join(home, "trees", "sub_one");
      await addWorktree(mirror, path, base);
      await includeFiles(mirror, source, path, base);
      for (const [name, text] of steps) {
        try {
          edits[name]?.(path, text);
        } catch {
          // what git or the system refuses the agent is no change
        }
      }
      const taken = await snapshotWorktree(mirror, path, { parent: base, message: "Work" });
      const merged = await mergeCommits(mirror, { into: base, from: taken.commit, message: "m" });
      expect(merged).toEqual({ kind: "merged", commit: taken.commit, fastForward: true });
      const branch = `deputy/run-${run++}`;
      await publishBranch(mirror, repository, { branch, commit: taken.commit });
      expect(await fingerprintCheckout(source)).toEqual(before);
      await removeWorktree(mirror, path);
      await restoreSnapshot(mirror, taken.commit, path);
      const again = await snapshotWorktree(mirror, path, { parent: base, message: "Work" });
      expect(again.tree).toBe(taken.tree);
      await resetWorktree(mirror, path, base);
      await removeWorktree(mirror, path);
      await ensureMirror(openMirrors(join(home, "mirrors")), repository);
      expect(await deleteBranch(repository, branch, taken.commit)).toBe(true);
      expect(await fingerprintCheckout(source)).toEqual(before);
    }),
    { numRuns: 6 },
  );
});

test("a fingerprint notices every aspect", async () => {
  const source = makeLivelyRepository();
  const changes: [string, () => void][] = [
    ["tree", () => chmodSync(join(source, "untracked.txt"), 0o755)],
    ["tree", () => write(source, { "ignored/i": "changed" })],
    ["index", () => git(source, "add", "untracked.txt")],
    ["refs", () => git(source, "branch", "another")],
    ["config", () => git(source, "config", "user.name", "Else")],
    ["config", () => write(source, { ".git/info/exclude": "x" })],
    ["hooks", () => chmodSync(join(source, ".git/hooks/post-update"), 0o644)],
    ["stash", () => git(source, "stash", "drop", "--quiet")],
    ["HEAD", () => git(source, "symbolic-ref", "HEAD", "refs/heads/feature")],
  ];
  for (const [aspect, change] of changes) {
    const before = await fingerprintCheckout(source);
    change();
    const after = await fingerprintCheckout(source);
    const changed = Object.keys(after).filter((key) => after[key] !== before[key]);
    expect(changed).toEqual([aspect]);
  }
  const before = await fingerprintCheckout(source);
  git(source, "branch", "deputy/delivered", "feature");
  expect(await fingerprintCheckout(source)).toEqual(before);
});

import { randomBytes } from "node:crypto";
import { symlinkSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { noteCheckout } from "../../src/worktree/checkout/describe-checkout.ts";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import {
  commitUncommitted,
  takeUncommitted,
} from "../../src/worktree/commits/commit-uncommitted.ts";
import type { FetchedMirror } from "../../src/worktree/mirror/mirror.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import { commit, git, makeFolder, makeRepository, mirrorOf, write } from "./repositories.ts";

/** What a checkout has and a worktree has not: said, or taken along. */

const signal = new AbortController().signal;

function notesOf(source: string, mirror: FetchedMirror, base?: string): Promise<string[]> {
  const head = mirror.head ?? { commit: "", ref: "" };
  return noteCheckout(mirror, parseRepository(source), head, { base: base ?? head.commit, signal });
}

test("a quiet checkout says nothing, whatever builds and editors left in it", async () => {
  const source = makeRepository({
    ".gitignore": "node_modules/\n*.log\n.idea/\n.DS_Store\ncoverage/\n.env\n",
    ".worktreeinclude": ".env\n",
  });
  write(source, {
    ...{
      "node_modules/a/index.js": "1",
      "packages/a/node_modules/b.js": "1",
      "deep/.DS_Store": "",
    },
    ...{ "run.log": "", ".idea/workspace.xml": "", "coverage/index.html": "", ".env": "A=1" },
  });
  const { mirror } = await mirrorOf(source);
  expect(await notesOf(source, mirror)).toEqual([]);
});

test("changed, new and deleted files, ignored settings and missing commits are said, one line each", async () => {
  const origin = makeRepository({ ".gitignore": ".env*\nsecrets/\nlocal.sqlite\n", "a.txt": "1" });
  const source = join(makeFolder(), "clone");
  git(origin, "clone", "--quiet", origin, source);
  commit(origin, { "b.txt": "1" }, "Second");
  commit(origin, { "b.txt": "2" }, "Third");
  git(source, "fetch", "--quiet");
  write(source, {
    ...{ "a.txt": "2", "new file.txt": "n", "fresh/x.txt": "x" },
    ...{ ".env": "A=1", "secrets/key.pem": "k", "local.sqlite": "" },
  });
  const before = await fingerprintCheckout(source);
  const { mirror } = await mirrorOf(source);
  expect(await notesOf(source, mirror)).toEqual([
    "The checkout's uncommitted changes are not part of this work (a.txt, fresh/, new file.txt): commit them, or hand the task in with --include-uncommitted.",
    "Ignored files of the checkout are not in the worktree (.env, local.sqlite, secrets/): name those that work or checks need in .worktreeinclude.",
    "main was 2 commits behind origin/main at its last fetch; this work starts from main as it is here.",
  ]);
  expect(await fingerprintCheckout(source)).toEqual(before);
});

test("only the branch that is checked out is compared, and a name cannot forge a line", async () => {
  const source = makeRepository();
  git(source, "branch", "other");
  write(source, { "evil\n · \u001b[31mall is well": "x" });
  const { mirror } = await mirrorOf(source);
  const [said = "", ...others] = await notesOf(source, mirror);
  expect(others).toEqual([]);
  expect(said).toContain("(evil · all is well)");
  const other = { commit: mirror.head?.commit ?? "", ref: "other" };
  const repository = parseRepository(source);
  expect(await noteCheckout(mirror, repository, other, { base: other.commit, signal })).toEqual([]);
});

test("what is not committed becomes a commit of its own in the mirror, and the checkout stays", async () => {
  const source = makeRepository({
    ".gitignore": ".env\n",
    "a.txt": "1",
    "gone.txt": "g",
    "s.txt": "1",
  });
  write(source, { "a.txt": "2", "new.txt": "n", ".env": "SECRET=1", "s.txt": "2" });
  git(source, "add", "s.txt");
  write(source, { "s.txt": "3" });
  unlinkSync(join(source, "gone.txt"));
  symlinkSync("a.txt", join(source, "link"));
  const nested = join(source, "nested");
  git(source, "init", "--quiet", nested);
  commit(nested, { "x.txt": "x" }, "Nested");
  const before = await fingerprintCheckout(source);
  const { mirror, base: head } = await mirrorOf(source);
  const made = await commitUncommitted(mirror, source, { head, name: "uncommitted/task_1" });
  const show = (...args: string[]) => git(mirror.gitDir, ...args);
  expect(show("diff", "--name-status", "--no-renames", head, made)).toBe(
    "M\ta.txt\nD\tgone.txt\nA\tlink\nA\tnew.txt\nM\ts.txt",
  );
  expect(show("show", `${made}:s.txt`)).toBe("3");
  expect(show("log", "-1", "--format=%an|%P|%s", made)).toBe(
    `Una User|${head}|Uncommitted changes of the checkout`,
  );
  expect(await fingerprintCheckout(source)).toEqual(before);
  const [said] = await notesOf(source, mirror, made);
  expect(said).toContain(`are part of this work, as commit ${made.slice(0, 10)}.`);

  write(source, { "a.txt": "later" });
  const again = await commitUncommitted(mirror, source, { head, name: "uncommitted/task_1" });
  expect(again).toBe(made);
});

test("a checkout without changes adds no commit; one in a merge, or of nobody, is refused in words", async () => {
  const source = makeRepository();
  const { mirror, base: head } = await mirrorOf(source);
  expect(await commitUncommitted(mirror, source, { head, name: "uncommitted/a" })).toBe(head);

  git(source, "checkout", "--quiet", "-b", "theirs");
  commit(source, { "src/a.txt": "theirs" }, "Theirs");
  git(source, "checkout", "--quiet", "main");
  commit(source, { "src/a.txt": "ours" }, "Ours");
  expect(() => git(source, "merge", "theirs")).toThrow();
  await expect(commitUncommitted(mirror, source, { head, name: "uncommitted/b" })).rejects.toThrow(
    /A merge is in progress .*: finish or abort it first/,
  );
});

test("who looks again and again keeps what is new, and nothing of what is the same", async () => {
  const source = makeRepository();
  const { mirror, base: head } = await mirrorOf(source);
  write(source, { "big.bin": randomBytes(300_000).toString("latin1"), "note.txt": "0" });
  const take = (before: string[]) => takeUncommitted(mirror, source, { before, head });
  const first = await take([]);
  expect(await take([first])).toBe(first);
  const size = () =>
    Number(git(mirror.gitDir, "count-objects", "-v").match(/size-pack: (\d+)/)?.[1]);
  const before = size();
  let last = first;
  for (const text of ["1", "2", "3"]) {
    write(source, { "note.txt": text });
    last = await take([last]);
    expect(git(mirror.gitDir, "show", `${last}:note.txt`)).toBe(text);
  }
  expect(size() - before).toBeLessThan(100); // KiB; the file that stayed has more
  git(mirror.gitDir, "fsck", "--connectivity-only", last);
  // Of another HEAD it is another one.
  commit(source, { "c.txt": "c" }, "Second");
  write(source, { "note.txt": "4" });
  const { base: moved, mirror: fetched } = await mirrorOf(source);
  const on = await takeUncommitted(fetched, source, { before: [], head: moved });
  expect(git(fetched.gitDir, "rev-parse", `${on}^`)).toBe(moved);
});

import { chmodSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { addWorktree } from "../../src/worktree/checkout/worktree.ts";
import { readCommits, rewriteCommits } from "../../src/worktree/commits/rewrite-commits.ts";
import { snapshotWorktree } from "../../src/worktree/commits/snapshot.ts";
import { openMirror } from "../../src/worktree/mirror/open-mirror.ts";
import { makeFolder, makeRepository, mirrorOf, write } from "./repositories.ts";

const ada = { name: "Ada", email: "ada@example.org" };
const nothing = { delivered: [], made: [] };

async function makeWork() {
  const { mirror, base, home } = await mirrorOf(makeRepository());
  const path = join(home, "trees", "sub_one");
  await addWorktree(mirror, path, base);
  let head = base;
  const work = async (text: string) => {
    write(path, { "work.txt": text });
    head = (await snapshotWorktree(mirror, path, { parent: head, message: `Work ${text}` })).commit;
    return head;
  };
  return { mirror, base, work, read: (to: string) => readCommits(mirror, base, to) };
}

test("only what differs is made anew; what was delivered stays, also when more comes or the words change", async () => {
  const { mirror, read, work } = await makeWork();
  const first = await read(await work("one"));
  const author = { name: "Deputy", email: "deputy@localhost" };
  const same = async (commit: { message: string }) => ({
    ...{ author, committer: author, message: commit.message },
  });
  expect(await rewriteCommits(mirror, first, nothing, same, null)).toBe(first.at(-1)?.id);

  const dress = (message: string) => async () => ({ author: ada, committer: ada, message });
  const done = await rewriteCommits(mirror, first, nothing, dress("one\n"), null);
  const delivered = await read(done);
  expect(delivered).toMatchObject([{ message: "one\n", tree: first[0]?.tree, isSigned: false }]);
  const time = /\d+ [+-]\d{4}$/;
  expect(time.exec(delivered[0]?.author ?? "")?.[0]).toBe(time.exec(first[0]?.author ?? "")?.[0]);

  const both = await read(await work("two"));
  const known = { delivered, made: [] };
  const more = await rewriteCommits(mirror, both, known, dress("two\n"), null);
  expect(await read(more)).toMatchObject([{ id: done }, { message: "two\n", parents: [done] }]);
  // As after the mirror was lost: work goes on from what was delivered.
  expect(await rewriteCommits(mirror, delivered, known, dress("three\n"), null)).toBe(done);
  await openMirror(mirror).run(["fsck", "--strict", more]);
});

test("a signature that nobody gives in time is refused in a sentence", async () => {
  const { mirror, read, work } = await makeWork();
  const commits = await read(await work("one"));
  const folder = makeFolder();
  write(folder, { gpg: "#!/bin/sh\nexec sleep 600\n" });
  chmodSync(join(folder, "gpg"), 0o755);
  const signing = {
    config: { "gpg.program": join(folder, "gpg") },
    signal: AbortSignal.timeout(300),
  };
  const dress = async () => ({ author: ada, committer: ada, message: "one\n" });
  await expect(rewriteCommits(mirror, commits, nothing, dress, signing)).rejects.toThrow(
    /^git could not sign the commits \(nobody unlocked the key within a minute\): see that/,
  );
});

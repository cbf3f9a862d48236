import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { readSparse, type SparseRecord } from "../checkout/sparse.ts";
import { placeOf, readIndexCommit, readRecord } from "../checkout/worktree-place.ts";
import { fetchBeyond } from "./fetch-missing.ts";
import { type Mirror, openMirror } from "./open-mirror.ts";
import { healMissing, isPartial, isRefused } from "./partial-mirror.ts";
import { findIn } from "./source-repository.ts";
import { openTransport } from "./transport.ts";

/** Takes over what is ours from a broken mirror into the one that replaces it (repair-mirror.ts). */

export type KnownWorktree = { path: string; commit: string; sparse: SparseRecord | null };

/** Takes over our refs as far as they are readable. Returns the worktrees of the broken mirror. */
export async function salvage(broken: Mirror, draft: Mirror): Promise<KnownWorktree[]> {
  await makeReadable(broken);
  if (!isPartial(broken)) return take(broken, draft);
  await dropUnreadable(broken);
  // The commits that our work stands on may have left with a pack: the draft has them.
  const borrowed = join(broken.gitDir, "objects", "info", "alternates");
  await mkdir(dirname(borrowed), { recursive: true });
  await writeFile(borrowed, `${join(draft.gitDir, "objects")}\n`);
  try {
    return await take(broken, draft);
  } finally {
    await rm(borrowed, { force: true }); // the draft moves, or is removed
  }
}

async function take(broken: Mirror, draft: Mirror): Promise<KnownWorktree[]> {
  const source = { kind: "local", url: broken.gitDir, key: "", name: "" } as const;
  const transport = openTransport(source, { gitDir: draft.gitDir });
  // The other side of this fetch reads the broken mirror, and may lack there what was promised.
  const git = isPartial(broken) ? healMissing(transport, broken) : transport;
  const list = (mirror: Mirror, field: string, where: readonly string[] = []) =>
    openMirror(mirror)
      .run(["for-each-ref", `--format=%(${field})`, ...where])
      .then((lines) => lines.split("\n").filter(Boolean));
  const ours = ["refs/deputy", "refs/source/modules"];
  const refs = await list(broken, "refname", ours);
  const tips = isPartial(broken) ? await list(draft, "objectname") : [];
  /** False: the broken mirror cannot send one of these refs, or what it needs for that is gone. */
  const fetch = async (wanted: readonly string[], refspecs: readonly string[]) => {
    try {
      await fetchBeyond(broken, wanted, tips);
      // Without deltas, for which git would read files that the draft is known to have.
      const { exitCode } = await git.ask([
        ...["-c", "fetch.fsckObjects=false", "fetch", "--quiet", "--no-tags"],
        ...["--no-write-fetch-head", "--no-auto-maintenance"],
        ...["--upload-pack=git -c pack.window=0 upload-pack", "--end-of-options"],
        ...[broken.gitDir, ...refspecs],
      ]);
      return exitCode === 0;
    } catch (error) {
      // The source dropped it, too. One that is away is an outage, after which the repair is tried again.
      if (isRefused(error)) return false;
      throw error;
    }
  };
  const all = ours.map((folder) => `+${folder}/*:${folder}/*`);
  // One ref that lacks objects fails them all, so fetch each alone. What fails then stays in the
  // broken mirror, which is kept aside.
  if (!(await fetch(refs, all))) for (const ref of refs) await fetch([ref], [`+${ref}:${ref}`]);
  const known: KnownWorktree[] = [];
  for (const name of await readdir(join(broken.gitDir, "deputy")).catch(() => [])) {
    const path = await readRecord({ record: join(broken.gitDir, "deputy", name) });
    const commit = path && (await readIndexCommit(placeOf(broken, path)));
    // A worktree without its commit is adopted when it is next used.
    if (!commit || !(await findIn(openMirror(draft), commit))) continue;
    try {
      known.push({ path, commit, sparse: readSparse(broken, path) });
    } catch {
      // Its record cannot be read: it is adopted by what its task says, when it is next used.
    }
  }
  return known;
}

/** Restores what git requires before it reads: a HEAD, the two folders, valid packed refs. */
async function makeReadable({ gitDir }: Mirror): Promise<void> {
  for (const folder of ["objects", "refs", "info"])
    await mkdir(join(gitDir, folder), { recursive: true });
  await writeFile(join(gitDir, "HEAD"), "ref: refs/heads/none\n");
  const file = join(gitDir, "packed-refs");
  const text = await readFile(file, "utf8").catch(() => null); // without it the loose refs are all that is left
  if (text === null) return;
  const lines = text.split("\n").filter((line) => /^(#.*|\^?[0-9a-f]{40}( refs\/.+)?)$/.test(line));
  await writeFile(file, lines.map((line) => `${line}\n`).join(""));
}

/** Takes fetched contents that cannot be read out of git's sight, which makes them missing again. */
async function dropUnreadable(broken: Mirror): Promise<void> {
  const packs = join(broken.gitDir, "objects", "pack");
  const names = await readdir(packs).catch(() => []); // no packs: nothing to drop
  for (const name of names.filter((file) => file.endsWith(".promisor"))) {
    const pack = join(packs, basename(name, ".promisor"));
    const isReadable = await openMirror(broken)
      .ask(["verify-pack", `${pack}.idx`])
      .then(
        ({ exitCode }) => exitCode === 0,
        () => false, // it crashed
      );
    if (isReadable) continue;
    for (const end of [".idx", ".pack", ".promisor"])
      if (existsSync(pack + end)) await rename(pack + end, `${pack}${end}.unreadable`);
  }
}

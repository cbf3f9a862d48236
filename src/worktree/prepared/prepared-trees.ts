import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rename, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { LRUCache } from "lru-cache";
import pLimit from "p-limit";
import { z } from "zod";
import { DeputyError } from "../../core/base/error.ts";
import { inMb } from "../../core/base/floor.ts";
import type { Denial } from "../../sandbox/box/find-denials.ts";
import { type Folder, splitPath, withFolder } from "../../sandbox/files/open-folder.ts";
import {
  makeBackgroundRemoval,
  removeInside,
  removeTree,
} from "../../sandbox/files/remove-tree.ts";
import type { LimitView } from "../git/git-view.ts";
import type { Mirror } from "../mirror/open-mirror.ts";
import { removeMany } from "../mirror/remove-many.ts";
import {
  cannotKeep,
  copyCaches,
  copyFiles,
  fillDraft,
  measureFiles,
  moveEach,
  moveWhole,
} from "./move-files.ts";
import { hasInputs, readCommitFiles, type SetupInputs } from "./setup-inputs.ts";
import { openSpares } from "./spares.ts";

/**
 * What setup made in a worktree of a base commit, kept once and copied into every worktree that
 * needs the same: the files that it left there beside the tracked ones, and its home. A tree is made
 * by the setup of a base commit alone, in a box, and nobody writes in it afterwards. It fits a commit
 * in which setup would find the same inputs (setup-inputs.ts), under the same condition: commands,
 * programs, sandbox, copied files.
 *
 *   ID/prepared.json   what it was made of; its time of modification is that of the last use
 *   ID/tree, ID/home   the files
 *   ID/downloads       what was in that home and only another installation needs (download-caches.ts)
 *   ID/spare           a copy of tree and home for the next worktree (spares.ts)
 *   ID/spare-downloads   one of the downloads
 */
export type PreparedTrees = {
  /**
   * Copies the tree that fits into a fresh worktree and its home. Null: there is none, or it cannot
   * be copied there; then nothing is changed.
   */
  give(want: Want): Promise<Given | null>;
  /** The tree that fits this commit, or the one of its base. */
  look(
    want: Pick<Want, "baseCommit" | "commit" | "condition" | "mirror">,
  ): Promise<Prepared | null>;
  /**
   * Copies these paths of a home from the youngest tree of the condition that was itself made from
   * nothing, so that they do not grow from lock to lock. Returns whether there was one.
   */
  seed(want: { condition: string; home: string; paths: readonly string[] }): Promise<boolean>;
  /** Takes what setup left in this worktree and home, which are empty of it then. */
  keep(made: Made): Promise<Prepared>;
  /** Runs one `make` of a key at a time: who comes meanwhile gets its result. */
  makeOnce<T>(key: string, make: () => Promise<T | null>): Promise<T | null>;
  /** Why nothing was kept of the last `make` of this key, in a sentence. */
  whyUnkept(key: string): string | null;
  /** Told of what makes setup run anew, which is slow and no fault of the work. */
  onProblem(words: string, error: unknown): void;
  /** Removes a tree, and its files, before it returns. */
  drop(id: string): Promise<void>;
  list(): Promise<Prepared[]>;
  /** Removes drafts that a killed process left, and trees that are too old. */
  tidy(): Promise<void>;
};

export type Want = {
  mirror: Mirror;
  worktree: string;
  home: string;
  commit: string;
  /** A tree of this commit is given where none fits whole. */
  baseCommit: string;
  condition: string;
  /** Where setup need not run, nothing installs again: the downloads are left out. */
  installsNothing?: boolean;
};

/** `isWhole`: setup need not run; else it runs on top. */
export type Given = {
  id: string;
  isWhole: boolean;
  madeAt: Date;
  setupMs: number;
  tookMs: number;
  /** What the sandbox refused to the setup that made it. */
  refused: readonly Denial[];
};

export type Made = {
  mirror: Mirror;
  worktree: string;
  home: string;
  commit: string;
  condition: string;
  inputs: SetupInputs;
  setupMs: number;
  /** Whether setup started with the downloads of another tree. */
  isSeeded: boolean;
  refused: readonly Denial[];
  /** Paths that were there before setup. */
  apart: readonly string[];
};

const manifest = z.object({
  version: z.literal(2),
  mirror: z.string(),
  condition: z.string(),
  commit: z.string(),
  madeAt: z.coerce.date(),
  setupMs: z.number(),
  isSeeded: z.boolean().default(false),
  refused: z.array(
    z.object({
      what: z.enum(["write", "read", "network", "process", "limit"]),
      detail: z.string(),
      known: z.enum(["enforced", "reported"]),
    }),
  ),
  inputs: z.object({
    files: z.record(z.string(), z.string()),
    listed: z.record(z.string(), z.string()),
    beside: z.record(z.string(), z.string()),
  }),
  /** Paths of files and whole folders. */
  entries: z.array(z.string()),
  /** Paths of what was moved out of its home, and belongs there. */
  downloads: z.array(z.string()),
  files: z.number(),
  bytes: z.number(),
});
export type Prepared = z.infer<typeof manifest> & { id: string; usedAt: Date };

const nameOfManifest = "prepared.json";
/** Older ones hold what a registry had then. */
const maxAgeMs = 7 * 24 * 60 * 60_000;
const maxDraftMs = 60 * 60_000;
const draftPrefix = ".new-";
const gonePrefix = ".gone-";

export function openPreparedTrees({
  limitView,
  maxBytes,
  onProblem,
  quickMs = 100,
  root,
}: {
  /** A folder of ours, on the volume of the worktrees. */
  root: string;
  maxBytes: number;
  limitView: LimitView;
  /** A copy that takes longer is made ahead for the next worktree. */
  quickMs?: number;
  onProblem: (words: string, error: unknown) => void;
}): PreparedTrees {
  const removal = makeBackgroundRemoval((path) => removeMany(limitView, path));
  const { deleteLater } = removal;
  const shared = { root, draftPrefix, inTurn: pLimit(1), limitView, deleteLater, onProblem };
  const spares = openSpares({ ...shared, name: "spare", parts: ["tree", "home"] });
  const ofDownloads = openSpares({ ...shared, name: "spare-downloads", parts: ["downloads"] });
  const making = new Map<string, Promise<unknown>>();
  /** What cannot be kept, so that it is not made again and again for that. */
  const unkept = new LRUCache<string, string>({ max: 200 });

  const list = () => listPrepared(root);

  async function drop(id: string): Promise<void> {
    const gone = join(root, `${gonePrefix}${randomUUID()}`);
    try {
      await rename(join(root, id), gone);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    await removeTree(gone);
  }

  /** The least recently used go first. */
  async function makeRoom(): Promise<void> {
    const all = (await list()).toSorted((a, b) => b.usedAt.getTime() - a.usedAt.getTime());
    let bytes = 0;
    for (const one of all) {
      bytes += one.bytes;
      if (bytes > maxBytes) await drop(one.id);
    }
  }

  async function moveDownloads({ downloads, id }: Prepared, { home }: Want): Promise<boolean> {
    const move = (spare: string) => moveEach(join(spare, "downloads"), downloads, home);
    return (await ofDownloads.give(id, move)) === "moved";
  }

  /** Whether it may be there twice. */
  async function hasRoom({ bytes }: Prepared): Promise<boolean> {
    const all = (await list()).reduce((sum, one) => sum + one.bytes, 0);
    return all + bytes <= maxBytes;
  }

  async function find({
    condition,
    mirror,
    ...want
  }: Pick<Want, "baseCommit" | "commit" | "condition" | "mirror">): Promise<{
    tree: Prepared;
    isWhole: boolean;
  } | null> {
    const known = (await list()).filter((one) => one.condition === condition);
    if (known.length === 0) return null;
    const files = await readCommitFiles(mirror, want.commit);
    const whole = known.find(({ inputs }) => hasInputs(files, inputs));
    if (whole) return { tree: whole, isWhole: true };
    const beneath = known.find(({ commit }) => commit === want.baseCommit);
    return beneath ? { tree: beneath, isWhole: false } : null;
  }

  return {
    list,
    drop,
    onProblem,
    look: async (want) => (await find(want))?.tree ?? null,
    whyUnkept: (key) => unkept.get(key) ?? null,
    give: async (want) => {
      const from = performance.now();
      const found = await find(want);
      if (!found) return null;
      const { tree } = found;
      const folder = join(root, tree.id);
      const places = await Promise.all(
        tree.entries.map(async (path) => ({ path, is: await lookAt(want.worktree, path) })),
      );
      // A commit that has a file of its own there: what setup would make of it is not known.
      if (places.some(({ is }) => is === "taken")) return null;
      const entries = places.flatMap(({ is, path }) => (is === "free" ? [path] : []));
      const isWhole = found.isWhole && entries.length === places.length;
      const needsAll = tree.downloads.length > 0 && !(isWhole && want.installsNothing);
      let isMoved = false;
      try {
        const given = await spares.give(tree.id, (spare) => moveWhole(spare, entries, want));
        isMoved = given === "moved";
        if (given === "partly") await takeOut(want.worktree, entries);
        if (!isMoved) await copyFiles(limitView, folder, { entries, folders: ["home"] }, want);
        if (needsAll && !(await moveDownloads(tree, want)))
          await copyFiles(limitView, folder, { entries: [], folders: ["downloads"] }, want);
        await utimes(join(folder, nameOfManifest), new Date(), new Date());
      } catch (error) {
        onProblem(`what setup made for ${tree.commit.slice(0, 10)} could not be copied`, error);
        await takeOut(want.worktree, entries);
        await removeTree(want.home);
        return null;
      }
      const tookMs = Math.round(performance.now() - from);
      const isSlow = isMoved || tookMs > quickMs;
      if (isSlow) spares.makeLater(tree.id, () => hasRoom(tree));
      if (isSlow && needsAll) ofDownloads.makeLater(tree.id, () => hasRoom(tree));
      const { id, madeAt, refused, setupMs } = tree;
      return { id, isWhole, madeAt, refused, setupMs, tookMs };
    },
    seed: async ({ condition, home, paths }) => {
      const from = (await list()).find((one) => one.condition === condition && !one.isSeeded);
      if (!from || paths.length === 0) return false;
      try {
        await copyCaches(limitView, { from: join(root, from.id), paths, to: home });
      } catch (error) {
        onProblem("what an earlier setup downloaded could not be copied", error); // it downloads again
      }
      return true;
    },
    keep: async ({ apart, home, mirror, worktree, ...made }) => {
      const id = randomUUID();
      const draft = join(root, `${draftPrefix}${id}`);
      await mkdir(draft, { recursive: true, mode: 0o700 });
      try {
        const moved = await fillDraft(mirror, { apart, draft, home, worktree });
        const size = await measureFiles(limitView, draft);
        if (size.bytes > maxBytes)
          throw cannotKeep(`it takes ${inMb(size.bytes)} MB, more than prepared_mb allows`);
        const { commit, condition, inputs, isSeeded, setupMs } = made;
        const about = { version: 2 as const, mirror: mirror.gitDir, condition, commit, inputs };
        const refused = [...made.refused];
        const text = {
          ...about,
          ...moved,
          ...size,
          setupMs,
          isSeeded,
          refused,
          madeAt: new Date(),
        };
        await writeFile(join(draft, nameOfManifest), JSON.stringify(text), { mode: 0o600 });
        await rename(draft, join(root, id));
        await makeRoom();
        return { ...text, id, usedAt: new Date() };
      } catch (error) {
        await removeTree(draft);
        throw error;
      }
    },
    makeOnce: async <T>(key: string, make: () => Promise<T | null>) => {
      if (unkept.has(key)) return null;
      const running = making.get(key) as Promise<T | null> | undefined;
      const made =
        running ??
        make().catch((error: unknown) => {
          if (!(error instanceof DeputyError)) throw error;
          unkept.set(key, error.message);
          onProblem("setup runs each time", error);
          return null;
        });
      making.set(key, made);
      try {
        return await made;
      } finally {
        making.delete(key);
      }
    },
    tidy: async () => {
      const names = await readdir(root).catch(() => []); // none was ever kept
      const isLeft = (name: string) => name.startsWith(gonePrefix) || name.startsWith(draftPrefix);
      for (const name of names.filter(isLeft)) {
        // A worker may be making one just now.
        const stats = await lstat(join(root, name)).catch(() => null); // gone meanwhile
        const isOld = stats !== null && Date.now() - stats.mtimeMs > maxDraftMs;
        if (name.startsWith(gonePrefix) || isOld) removal.deleteLater(join(root, name));
      }
      const kept = new Set((await list()).map(({ id }) => id));
      for (const name of names) if (!isLeft(name) && !kept.has(name)) await drop(name);
      for (const some of [spares, ofDownloads]) await some.tidy([...kept]);
      await makeRoom();
    },
  };
}

/** The trees in a folder that may be given, the youngest first. */
export async function listPrepared(root: string): Promise<Prepared[]> {
  const names = await readdir(root).catch(() => []); // none was ever kept
  const ids = names.filter((name) => !name.startsWith("."));
  const all = await Promise.all(ids.map((id) => readPrepared(root, id)));
  const youngest = Date.now() - maxAgeMs;
  return all
    .filter((one) => one !== null)
    .filter(({ madeAt }) => madeAt.getTime() > youngest)
    .toSorted((a, b) => b.madeAt.getTime() - a.madeAt.getTime());
}

async function readPrepared(root: string, id: string): Promise<Prepared | null> {
  const path = join(root, id, nameOfManifest);
  try {
    const [text, { mtime }] = await Promise.all([readFile(path, "utf8"), lstat(path)]);
    return { ...manifest.parse(JSON.parse(text)), id, usedAt: mtime };
  } catch {
    return null; // of another version, or gone meanwhile
  }
}

/** Whether an entry can be put there; "nowhere": the commit has no such folder, or a link. */
async function lookAt(worktree: string, path: string): Promise<"free" | "taken" | "nowhere"> {
  const { folder, name } = splitPath(path);
  const look = (inside: Folder) =>
    lstat(inside.at(name)).then(
      () => "taken" as const,
      () => "free" as const,
    );
  return withFolder(worktree, folder, look).catch(() => "nowhere" as const);
}

/** Removes what was copied so far. */
async function takeOut(worktree: string, entries: readonly string[]): Promise<void> {
  for (const path of entries) {
    const { folder, name } = splitPath(path);
    await withFolder(worktree, folder, (inside) => removeInside(inside, name)).catch(
      (error: NodeJS.ErrnoException) => {
        if (!/^(?:ENOENT|ENOTDIR|ELOOP)$/.test(error.code ?? "")) throw error;
      },
    );
  }
}

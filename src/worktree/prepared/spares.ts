import { randomUUID } from "node:crypto";
import { lstat, mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { LimitFunction } from "p-limit";
import type { LimitView } from "../git/git-view.ts";
import { copyParts } from "./move-files.ts";

/**
 * While worktrees are given what a setup made, the next copy is made ahead, in the background and at
 * the lowest priority: it gets to its worktree by a rename for each entry, however many files are in
 * them. One for each tree that took long to copy; after some minutes without use it goes.
 *
 *   ID/NAME/PART   a whole copy of these parts of a tree: it was renamed into place
 */
export type Spares = {
  /**
   * Calls `move` with a spare, to take all out of it. `none`: there is none; `partly`: not all could be
   * moved.
   */
  give(id: string, move: (spare: string) => Promise<boolean>): Promise<"moved" | "none" | "partly">;
  /** Makes one, unless there is one. `hasRoom` is asked when its turn comes. */
  makeLater(id: string, hasRoom: () => Promise<boolean>): void;
  /** Removes those that earlier processes left unused. */
  tidy(ids: readonly string[]): Promise<void>;
};

/** A build or a review between two worktrees may take that long. */
const idleMs = 10 * 60_000;

export function openSpares({
  deleteLater,
  draftPrefix,
  inTurn,
  limitView,
  name,
  onProblem,
  parts,
  root,
}: {
  root: string;
  /** Of a tree: the folders that are copied, and that of their copy. */
  parts: readonly string[];
  name: string;
  /** Of names that are removed when a process left them. */
  draftPrefix: string;
  limitView: LimitView;
  /** One copy at a time is made ahead. */
  inTurn: LimitFunction;
  deleteLater: (path: string) => void;
  onProblem: (words: string, error: unknown) => void;
}): Spares {
  const timers = new Map<string, NodeJS.Timeout>();
  const spareOf = (id: string) => join(root, id, name);
  const nameDraft = () => join(root, `${draftPrefix}${randomUUID()}`);

  /** Takes it away from everybody else; null: there is none. */
  async function take(id: string): Promise<string | null> {
    const taken = nameDraft();
    return rename(spareOf(id), taken).then(
      () => taken,
      () => null,
    );
  }

  async function removeSpare(id: string): Promise<void> {
    const taken = await take(id);
    if (taken !== null) deleteLater(taken);
  }

  async function make(id: string): Promise<void> {
    const draft = nameDraft();
    await mkdir(draft, { mode: 0o700 });
    try {
      await copyParts(limitView, join(root, id), parts, draft);
      await rename(draft, spareOf(id));
    } catch (error) {
      deleteLater(draft);
      throw error;
    }
  }

  /** Removes it after a while in which nobody took one. */
  function watch(id: string): void {
    clearTimeout(timers.get(id));
    const timer = setTimeout(() => {
      timers.delete(id);
      void removeSpare(id);
    }, idleMs);
    timers.set(id, timer.unref());
  }

  return {
    give: async (id, move) => {
      const spare = await take(id);
      if (spare === null) return "none";
      try {
        return (await move(spare)) ? "moved" : "partly";
      } catch {
        return "partly"; // it is copied then
      } finally {
        deleteLater(spare);
      }
    },
    makeLater: (id, hasRoom) => {
      watch(id);
      void inTurn(async () => {
        if (!(await isThere(spareOf(id))) && (await hasRoom())) await make(id);
      }).catch(async (error) => {
        // The next worktree waits for a copy of its own. A tree that was dropped meanwhile needs none, and
        // another process may have made one.
        if ((await isThere(join(root, id))) && !(await isThere(spareOf(id))))
          onProblem(`no copy of the prepared tree ${id} could be made ahead`, error);
      });
    },
    tidy: async (ids) => {
      for (const id of ids) {
        const stats = await lstat(spareOf(id)).catch(() => null); // none
        if (stats && Date.now() - stats.ctimeMs > idleMs) await removeSpare(id);
      }
    },
  };
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

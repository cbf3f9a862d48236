import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, send } from "../../../data/api.ts";
import { sessionStorageOrNull } from "../../../data/use-draft.ts";
import { plural } from "../../../parts/words.ts";
import { taskPath } from "../task-path.ts";
import {
  applyMoved,
  changeDraft,
  type Draft,
  dropEmpty,
  keepDrafts,
  openDraft,
  type Place,
  readDrafts,
  removeDrafts,
  toComment,
  toPlace,
} from "./drafts.ts";
import type { Moved, Placed } from "./wire.ts";

/** The comments that a person gathers on a change, and the sending of them. */
export type Review = {
  drafts: readonly Draft[];
  open(place: Place, tree: string): void;
  change(id: number, change: Partial<Draft>): void;
  remove(ids: readonly number[]): void;
  /**
   * Sends drafts of one tree as one review. Where the tree has moved nothing is sent, and the drafts
   * are placed anew; the returned sentence says what was done.
   */
  sendDrafts(drafts: readonly Draft[]): Promise<string>;
  /** Places drafts of trees that are gone on the lines of the one that stands. Sends none of them. */
  placeAgain(earlier: ReadonlyMap<string, readonly Draft[]>): Promise<string>;
  /** Removes the empty forms of other trees than this one, which stands now. */
  dropEmpty(tree: string): void;
};

/** The daemon places no more. */
const mostAtOnce = 100;

export function useReview(taskId: string, changed: () => void): Review {
  const [drafts, setDrafts] = useState<readonly Draft[]>(() =>
    readDrafts(taskId, sessionStorageOrNull()),
  );
  const current = useRef(drafts);
  /** Kept at once: a page may be left before it is drawn again. */
  const update = useCallback(
    (make: (now: readonly Draft[]) => Draft[]) => {
      current.current = make(current.current);
      keepDrafts(taskId, current.current, sessionStorageOrNull());
      setDrafts(current.current);
    },
    [taskId],
  );
  return useMemo(
    () => ({
      drafts,
      open: (place, tree) => update((now) => openDraft(now, place, tree)),
      change: (id, change) => update((now) => changeDraft(now, id, change)),
      remove: (ids) => update((now) => removeDrafts(now, ids)),
      sendDrafts: async (chosen) => {
        const ids = chosen.map(({ id }) => id);
        const tree = chosen[0]?.tree;
        try {
          await send("POST", taskPath(taskId, "/reviews"), {
            tree,
            comments: chosen.map(toComment),
          });
        } catch (error) {
          const moved = readMoved(error);
          if (moved === null) throw error;
          update((now) => applyMoved(now, ids, moved.moved, moved.tree));
          changed();
          const sentence = `${(error as ApiError).message} Nothing was sent: ${sayMoved(moved.moved)}. Look at them, and send again.`;
          throw new ApiError(409, sentence);
        }
        update((now) => removeDrafts(now, ids));
        changed();
        return `${plural(ids.length, "comment")} sent.`;
      },
      placeAgain: async (earlier) => {
        const all: Moved[] = [];
        for (const [tree, drafts] of earlier)
          for (let first = 0; first < drafts.length; first += mostAtOnce) {
            const some = drafts.slice(first, first + mostAtOnce);
            const comments = some.map(toPlace);
            const path = taskPath(taskId, "/comments/place");
            const placed = await send<Placed>("POST", path, { tree, comments });
            const ids = some.map(({ id }) => id);
            update((now) => applyMoved(now, ids, placed.moved, placed.tree));
            all.push(...placed.moved);
          }
        changed();
        return `${sayMoved(all)}.`;
      },
      dropEmpty: (tree) => update((now) => dropEmpty(now, tree)),
    }),
    [drafts, taskId, changed, update],
  );
}

function sayMoved(moved: readonly Moved[]): string {
  const placed = moved.filter((one) => one !== null).length;
  const lost = moved.length - placed;
  return `${plural(placed, "comment")} moved along with ${placed === 1 ? "its" : "their"} lines, ${lost} lost ${lost === 1 ? "its" : "their"} place`;
}

/** What a refusal says of a tree that has moved; null: it was refused for another reason. */
function readMoved(error: unknown): { tree: string; moved: Moved[] } | null {
  if (!(error instanceof ApiError) || error.status !== 409) return null;
  const { tree, moved } = error.problem;
  return typeof tree === "string" && Array.isArray(moved) ? { tree, moved } : null;
}

import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import { ApiError, send } from "../../../data/api.ts";
import { orNull } from "../../../data/use-draft.ts";
import { plural } from "../../../parts/words.ts";
import { taskPath } from "../task-path.ts";
import {
  applyMoved,
  changeDraft,
  type Draft,
  keepDrafts,
  openDraft,
  type Place,
  readDrafts,
  removeDrafts,
  toComment,
} from "./drafts.ts";
import type { Moved } from "./wire.ts";

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
};

export function useReview(taskId: string, changed: () => void): Review {
  const [drafts, setDrafts] = useState<readonly Draft[]>(
    () => orNull(() => readDrafts(taskId, sessionStorage)) ?? [],
  );
  const current = useRef(drafts);
  /** Kept at once: a page may be left before it is drawn again. */
  const update = useCallback(
    (make: (now: readonly Draft[]) => Draft[]) => {
      current.current = make(current.current);
      orNull(() => keepDrafts(taskId, current.current, sessionStorage));
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
          const placed = moved.moved.filter((one) => one !== null).length;
          throw new ApiError(
            409,
            `${(error as ApiError).message} Nothing was sent: ${plural(placed, "comment")} moved along with ${placed === 1 ? "its" : "their"} lines, ${chosen.length - placed} lost ${chosen.length - placed === 1 ? "its" : "their"} place. Look at them, and send again.`,
          );
        }
        update((now) => removeDrafts(now, ids));
        changed();
        return `${plural(ids.length, "comment")} sent.`;
      },
    }),
    [drafts, taskId, changed, update],
  );
}

/** What a refusal says of a tree that has moved; null: it was refused for another reason. */
function readMoved(error: unknown): { tree: string; moved: Moved[] } | null {
  if (!(error instanceof ApiError) || error.status !== 409) return null;
  const { tree, moved } = error.problem;
  return typeof tree === "string" && Array.isArray(moved) ? { tree, moved } : null;
}

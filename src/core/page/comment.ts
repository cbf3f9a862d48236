import type { Lines } from "./map-lines.ts";

/** A comment of a person on lines of the change, as a page shows and sends it. */
export type NewComment = Lines & { path: string; side: "old" | "new"; text: string };

export const commentStates = ["queued", "delivered", "answered", "changed"] as const;

export type TaskComment = NewComment & {
  id: string;
  /** `answered`: an attempt that had it was merged, and left the file as it was. */
  state: (typeof commentStates)[number];
  /** A clause on that. */
  detail: string;
  /** The agent's words; null: it said none, or it is not done. */
  answer: string | null;
  /** What changed the file. */
  commit: string | null;
  createdAt: Date;
  /** The lines are those of an earlier tree, and have been changed since. */
  outdated: boolean;
};

/** Comments were sent about another tree than the one that stands; null: those lines are not there any more. */
export type Moved = { tree: string; moved: (Lines | null)[] };

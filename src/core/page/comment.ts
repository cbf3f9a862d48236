import type { Lines } from "./map-lines.ts";

/** Lines of the change, on one side of it. */
export type CommentPlace = Lines & { path: string; side: "old" | "new" };

/** A comment of a person on them, as a page shows and sends it. */
export type NewComment = CommentPlace & { text: string };

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

/** Where lines of another tree are in the one that stands; null: they are not there any more. */
export type Moved = { tree: string; moved: (Lines | null)[] };

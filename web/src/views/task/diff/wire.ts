import type { ChangesView, FilePatchView } from "../../../../../src/api/task/changes.ts";
import type { CommentsView, PlacedView } from "../../../../../src/api/task/comments.ts";

/** What the routes of a change answer, and the parts of it that the views name. */
export type Changes = ChangesView;
export type ChangedFile = Changes["files"][number];
export type FilePatch = FilePatchView;
export type Comments = CommentsView;
export type ReviewComment = Comments["comments"][number];
export type Side = ReviewComment["side"];
export type Placed = PlacedView;
/** Where lines are by now; null: they are gone. */
export type Moved = Placed["moved"][number];

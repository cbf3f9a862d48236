/** What the routes of the change answer (docs/http-api.md). */
export type ChangedFile = {
  path: string;
  old_path: string | null;
  status: string;
  /** Null: not counted, or not text. */
  added: number | null;
  removed: number | null;
  binary: boolean;
  generated: boolean;
  too_large: boolean;
};
export type Changes = {
  /** Null: nothing was written yet. */
  tree: string | null;
  base: string | null;
  files: ChangedFile[];
  truncated: boolean;
  /** With those that are not listed. */
  total: number;
};
export type FilePatch = {
  path: string;
  old_path: string | null;
  patch: string;
  truncated: boolean;
  binary: boolean;
};
export type Side = "old" | "new";
export type ReviewComment = {
  id: string;
  path: string;
  side: string;
  line: number;
  end_line: number;
  text: string;
  state: string;
  /** A clause on that. */
  detail: string;
  answer: string | null;
  commit: string | null;
  created_at: string;
  outdated: boolean;
};
export type Comments = { tree: string | null; comments: ReviewComment[] };
/** Where lines are by now; null: they are gone. */
export type Moved = { line: number; end_line: number } | null;

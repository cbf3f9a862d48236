/** A task's change as a page shows it: all files, and one patch at a time. */
export type ChangesQuery = {
  /** A number, which each subtask counts by itself; null: the whole change. */
  attempt: number | null;
  /** The key of a subtask; null: any. */
  subtask: string | null;
};

export type TaskChanges = {
  /** The tree that is shown; null: there is none yet. */
  tree: string | null;
  /** The commit it is compared with. */
  base: string | null;
  files: TaskFile[];
  /** More files changed than are listed. */
  truncated: boolean;
  /** With those that are not listed. */
  total: number;
};

/** What happened to one file. */
export type FileChange = {
  path: string;
  /** Where it was before; null: it is new, or stays where it was. */
  oldPath: string | null;
  status: "added" | "modified" | "deleted" | "renamed" | "mode";
  /** Null: not counted, or not text. */
  added: number | null;
  removed: number | null;
  binary: boolean;
  /** Too large to be shown. */
  tooLarge: boolean;
};

export type TaskFile = FileChange & { generated: boolean };

export type FilePatch = {
  /** The tree that it leads to. */
  tree: string;
  path: string;
  oldPath: string | null;
  patch: string;
  truncated: boolean;
  binary: boolean;
};

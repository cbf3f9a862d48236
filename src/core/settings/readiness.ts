/**
 * How far the setup of a repository's base is prepared for the next worktree. `ready`: its result was
 * there; `made`: it was made now; `making`: somebody is at it; `none`: there is no setup; `unkept`: it
 * runs in each worktree; `failed`: it does not work on this commit.
 */
export type Readiness = {
  state: "ready" | "made" | "making" | "none" | "unkept" | "failed";
  /** A sentence for people. */
  detail: string;
  /** When its result was made, and how long setup took; null where there is none. */
  madeAt: Date | null;
  setupMs: number | null;
};

/** The same, and of what; the base is null until it is known. */
export type WarmRepository = Readiness & {
  repository: string;
  baseRef: string | null;
  baseCommit: string | null;
  setup: string[];
};

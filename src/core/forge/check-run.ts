/** A check of a forge on a commit, as far as it is known there. */
export type CheckRun = {
  id: number;
  name: string;
  isCompleted: boolean;
  hasFailed: boolean;
  /** It has a log that can be read. */
  hasLog: boolean;
  /** What it says of itself; outside text. */
  words: string;
};

/** Why a check failed; outside text. */
export type CheckFailure = {
  annotations: string[];
  /** The end of its log, or why there is none. */
  log: string;
};

import type { JudgeChange } from "../../core/proof/verdict.ts";

/**
 * The change, file by file, as experiments split it: its subject and what may judge it. It is a
 * hint that says which files an experiment restores, not a verdict.
 */
export type SidedFile = {
  path: string;
  /** The path on the base; null: the file is new or has the same path. */
  from: string | null;
  status: JudgeChange["status"];
  /** `mixed`: tests inside source, or a manifest with scripts; its halves are separated by text. */
  side: "source" | "judge" | "mixed";
  /** Null for source. */
  kind: JudgeChange["kind"] | null;
  /** Git's id of its content in the change; null: it is deleted. */
  content: string | null;
  /** One clause. */
  why: string;
  /** The file in the tree with the base's judges. */
  withOldJudges: Half;
  /** The file in the tree with the base's source and the change's judges. */
  withOldSource: Half;
  /**
   * Whether it needs acceptance. A test that is only added, moved or renamed, or whose imports
   * alone changed, does not.
   */
  needsAcceptance: boolean;
  /** See JudgeChange. */
  weaker: string | null;
  /** Parts of test names, old → new, for tests that are provably the same. */
  renamed: { from: string; to: string }[];
};

/** The change's version, the base's version, or another text. */
export type Half = "change" | "base" | { text: string };

/** A line of the change's source that detects its judge. */
export type Suspicion = { path: string; line: number; text: string; why: string };

export type Sides = { files: SidedFile[]; suspicions: Suspicion[] };

import type { JudgeChange } from "../../core/verdict.ts";

/**
 * The change, file by file, as experiments take it apart: what is its subject, and what may judge it.
 * A hint, not a verdict: it says which files an experiment puts back, never what follows.
 */
export type SidedFile = {
  path: string;
  /** Where it was on the base; null: it was not there, or under the same path. */
  from: string | null;
  status: JudgeChange["status"];
  /** `mixed`: tests inside the source, a manifest with scripts: the two halves are told apart by text. */
  side: "source" | "judge" | "mixed";
  /** Null for source. */
  kind: JudgeChange["kind"] | null;
  /** Git's id of its content in the change; null: it is gone. */
  content: string | null;
  /** One clause. */
  why: string;
  /** What the file is when the judges are those of the base. */
  withOldJudges: Half;
  /** What the file is when the source is that of the base, and the judges are the change's. */
  withOldSource: Half;
  /** Whether somebody has to accept it: not for a test that is only added, moved or renamed, or whose imports alone changed. */
  needsAcceptance: boolean;
  /** See JudgeChange. */
  weaker: string | null;
  /** Tests of it that are shown to be the same under another name or in another file: old name part → new. */
  renamed: { from: string; to: string }[];
};

/** As the change has it, as the base has it, or a text of its own. */
export type Half = "change" | "base" | { text: string };

/** A line of the change's source that looks for its judge. */
export type Suspicion = { path: string; line: number; text: string; why: string };

export type Sides = { files: SidedFile[]; suspicions: Suspicion[] };

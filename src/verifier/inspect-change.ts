import { DeputyError } from "../core/error.ts";
import type { Check } from "../core/verdict.ts";
import { listChanges } from "../worktree/diff.ts";
import type { Mirror } from "../worktree/open-mirror.ts";
import { listFilesAt, readFileAt } from "../worktree/read-commit.ts";
import { findDeciding } from "./deciding-files.ts";
import { type ChangePolicy, type FileChange, judgeChange, needsText } from "./diff-policy.ts";
import { countSkipMarkers } from "./skip-markers.ts";
import { findSubmoduleChanges } from "./submodule-changes.ts";
import { findUnfiltered } from "./unfiltered-content.ts";

/** Reads from git what diff-policy.ts judges: the change between two commits, and what decides the checks. */
export type ChangeInput = {
  mirror: Mirror;
  baseCommit: string;
  commit: string;
  checks: readonly Check[];
  setup: readonly string[];
  protectedPaths: readonly string[];
  allowTestChanges: boolean;
  /** Where the attempt's submodules were kept, if anything in them was changed; null: after a merge. */
  submodulesRef: string | null;
};

export type InspectedChange = ChangePolicy & {
  /** Altered test files with more skip markers than on the base, and how many more. */
  newSkips: { path: string; count: number }[];
};

const maxReadTests = 300;

export async function inspectChange(input: ChangeInput): Promise<InspectedChange> {
  const { mirror, baseCommit, commit } = input;
  const changes: readonly FileChange[] = await listChanges(mirror, baseCommit, commit);
  const readBoth = async (path: string) => ({
    base: await readFileAt(mirror, baseCommit, path).catch(asNoFile),
    now: await readFileAt(mirror, commit, path).catch(asNoFile),
  });
  const deciding = await findDeciding(
    [...input.checks.map(({ command }) => command), ...input.setup],
    await listFilesAt(mirror, baseCommit),
    (path) => readFileAt(mirror, baseCommit, path).catch(asNoFile),
  );
  const texts = new Map<string, { base: string | null; now: string | null }>();
  for (const change of changes.filter(needsText)) {
    texts.set(change.path, await readBoth(change.path));
  }
  const policy = judgeChange({ ...input, changes, texts, deciding });
  const newSkips: InspectedChange["newSkips"] = [];
  for (const path of policy.alteredTests.slice(0, maxReadTests)) {
    const { base, now } = await readBoth(path);
    const count = countSkipMarkers(path, now ?? "") - countSkipMarkers(path, base ?? "");
    if (now !== null && count > 0) newSkips.push({ path, count });
  }
  policy.findings.push(
    ...(await findUnfiltered(mirror, baseCommit, commit, changes)),
    ...(await findSubmoduleChanges(mirror, baseCommit, commit, input.submodulesRef)),
  );
  return { ...policy, newSkips };
}

/** A file that is too large to be read is as good as none. */
function asNoFile(error: unknown): null {
  if (error instanceof DeputyError) return null;
  throw error;
}

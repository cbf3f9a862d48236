import type { ChangedFile } from "../../worktree/read-change.ts";
import type { SidedFile, Suspicion } from "./sides.ts";

export function findSuspicions(
  _changes: readonly ChangedFile[],
  _files: readonly SidedFile[],
): Suspicion[] {
  return [];
}

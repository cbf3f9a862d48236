import type { SnapshotsView } from "../../api/task/snapshots.ts";
import { oneLine, renderTable } from "./text.ts";

const kinds: Record<string, string> = {
  before: "before a reset",
  checkpoint: "checkpoint",
  attempt: "end of the attempt",
  worktree: "removed worktree",
};

/** A line for each, by whose number `restore` takes it. */
export function renderSnapshots({ id, snapshots }: SnapshotsView): string {
  if (snapshots.length === 0) return `${id} has no snapshots.`;
  const rows = snapshots.map(({ at, attempt, files, kind, number, subtask_key }) => [
    `@${number}`,
    at,
    oneLine(subtask_key, 40),
    attempt === null ? "" : `attempt ${attempt}`,
    kinds[kind] ?? kind,
    files === 1 ? "1 file changed" : `${files} files changed`,
  ]);
  return `${renderTable(rows)}\nBring one back with: deputy restore ${id}@${snapshots.at(-1)?.number}`;
}

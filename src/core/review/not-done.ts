/** What an agent says is missing is the last paragraph of its summary. */
const mark = "\n\nNot done: ";

/** The paragraph; empty where nothing is missing. */
export function writeNotDone(notDone: string): string {
  return notDone === "" ? "" : `${mark}${notDone}`;
}

/** Null: it says nothing of the kind. */
export function readNotDone(summary: string | null): string | null {
  const at = summary?.lastIndexOf(mark) ?? -1;
  return summary === null || at < 0 ? null : summary.slice(at + mark.length);
}

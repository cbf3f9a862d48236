import type { LadderDetailView } from "../../api/task/ladder.ts";
import { isRung, nameFallback, rungNames } from "../../core/task/failure.ts";
import { oneLine, renderTable } from "./text.ts";

/** Each subtask's rungs in their order, the attempts that took them, and what would come next. */
export function renderLadder({ id, subtasks }: LadderDetailView): string {
  const parts = subtasks.map((subtask) => {
    const { counted, key, late, limit, next, rungs, state } = subtask;
    const rows = rungs.flatMap(({ fallback, rung, used }) => {
      const name = fallback ? nameFallback(fallback) : isRung(rung) ? rungNames[rung] : rung;
      if (used.length === 0) return [[`  ${oneLine(name)}`, "–", ""]];
      return used.map(({ attempt, reason }, at) => [
        at === 0 ? `  ${oneLine(name)}` : "",
        `#${attempt}`,
        oneLine(reason, 300),
      ]);
    });
    return [
      `${oneLine(key)} (${state}): ${counted} of ${limit} attempts failed`,
      renderTable(rows),
      late
        ? `  attempt ${late} finished after it was given up: its work is verified before another attempt is made`
        : "",
      next ? `  if it fails${counted === 0 ? "" : " so again"}: ${oneLine(next.reason)}` : "",
    ]
      .filter((line) => line !== "")
      .join("\n");
  });
  return parts.length === 0 ? `${id} has no plan yet.` : parts.join("\n\n");
}

import type { freezeWire } from "../../api/freeze.ts";
import type { Lenient } from "../../api/lenient.ts";
import { adviseThaw } from "../../core/task/freeze.ts";
import { oneLine } from "./text.ts";

/** The line that says why nothing goes on; empty if it is not frozen. */
export function renderFreeze(freeze: Lenient<typeof freezeWire> | null): string {
  if (!freeze) return "";
  return `${oneLine(adviseThaw({ ...freeze, since: new Date(freeze.since) }), 1_000)}\n`;
}

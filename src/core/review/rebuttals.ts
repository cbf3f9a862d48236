/**
 * The coder's answers to findings that it considers wrong, from its final summary: a line `REBUTTAL
 * F1: because …`, up to the next one or an empty line; or JSON with `rebuttals: [{finding, why}]`
 * as the last line or in the last fence. Only a judge reads them.
 */
export type Rebuttal = { finding: string; why: string };

const maxRebuttals = 20;
const maxWhy = 2_000;

export function readRebuttals(summary: string | null): Rebuttal[] {
  if (summary === null) return [];
  const text = summary.slice(0, 64_000);
  const all = [...readLines(text), ...readJson(text)];
  const first = new Map<string, Rebuttal>();
  for (const { finding, why } of all) {
    const clean = why.trim().slice(0, maxWhy);
    if (clean !== "" && !first.has(finding)) first.set(finding, { finding, why: clean });
  }
  return [...first.values()].slice(0, maxRebuttals);
}

function readLines(text: string): Rebuttal[] {
  const found: Rebuttal[] = [];
  let current: Rebuttal | null = null;
  for (const line of text.split("\n")) {
    const [, finding, why] = /^[\s>*-]*REBUTTAL\s+(F\d{1,4})\s*[:–-]\s*(.*)$/i.exec(line) ?? [];
    if (finding !== undefined) {
      current = { finding: finding.toUpperCase(), why: why ?? "" };
      found.push(current);
    } else if (line.trim() === "") current = null;
    else if (current) current.why += `\n${line}`;
  }
  return found;
}

function readJson(text: string): Rebuttal[] {
  const fenced = [...text.matchAll(/```(?:json)?\s*\n([\s\S]*?)\n\s*```/g)].at(-1)?.[1];
  const last = text.trimEnd().split("\n").at(-1);
  for (const candidate of [fenced, last]) {
    if (!candidate?.trim().startsWith("{")) continue;
    try {
      const { rebuttals } = JSON.parse(candidate) as { rebuttals?: unknown };
      if (Array.isArray(rebuttals)) return rebuttals.filter(isRebuttal);
    } catch {
      // text that only starts like JSON
    }
  }
  return [];
}

function isRebuttal(value: unknown): value is Rebuttal {
  if (typeof value !== "object" || value === null) return false;
  const { finding, why } = value as Record<string, unknown>;
  return typeof finding === "string" && /^F\d{1,4}$/.test(finding) && typeof why === "string";
}

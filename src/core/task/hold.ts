/**
 * What an unfinished task or subtask is waiting on. Exactly one, always: a CHECK constraint of the
 * database refuses a row without it, so nothing can be stuck silently.
 */
export type Hold =
  | { kind: "lease"; owner: string; expiresAt: Date; doing: string }
  | { kind: "wake"; at: Date; reason: string }
  | { kind: "question"; questionId: string }
  | { kind: "dependency"; on: readonly string[]; reason: string };

export type HoldKind = Hold["kind"];

/** A slot that a dependency hold can name besides ids: `slot:execute` waits for a free executor. */
export function slot(stage: string): string {
  return `slot:${stage}`;
}

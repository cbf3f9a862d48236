/**
 * What a person decided about delivered work, from the moment they said so until it is carried out and
 * recorded. It changes a repository, which no transaction can: so the decision is written first, in the
 * transaction that uses what the person pressed, and whoever finds it abandoned carries it out.
 */
export type Deciding = {
  taskId: string;
  verb: "accept" | "discard";
  /** In words; null: on the command line or by the API. */
  by: string | null;
  askId: string | null;
  processId: string;
  startedAt: Date;
};

export type NewDeciding = Omit<Deciding, "startedAt">;

/** For whoever comes second. */
export function describeDeciding({ by, taskId, verb }: Deciding): string {
  const who = by === null ? "" : `, by ${by}`;
  return `${taskId} is being ${verb === "accept" ? "accepted" : "discarded"} just now${who}; nothing was changed.`;
}

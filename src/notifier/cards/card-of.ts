import type { ClaimedNotification } from "../../store/pushes/notifications.ts";

type About = Pick<ClaimedNotification, "eventId" | "taskId" | "payload">;

/**
 * Which card a push is shown on: one for each question, because a task may ask several things at once,
 * one for all other news of a task, and one for each thing that is about none.
 */
export function cardOf({ eventId, payload, taskId }: About): string {
  return questionOf(payload)?.id ?? (taskId || eventId);
}

/** What a push asks; null: nothing. */
export function questionOf(
  payload: ClaimedNotification["payload"],
): { id: string; kind: string } | null {
  const { question } = (payload.data ?? {}) as { question?: { id?: string; kind?: string } | null };
  return question?.id ? { id: question.id, kind: question.kind ?? "question" } : null;
}

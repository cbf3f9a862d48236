import { randomBytes } from "node:crypto";
import { type Ask, type AskOption, optionsFor, pageDays } from "../../core/attention/ask.ts";
import type { Privacy } from "../../core/settings/notify-settings.ts";
import { type QuestionKind, questionKinds } from "../../core/task/question.ts";
import type { Redact } from "../../core/text/redact.ts";
import type { Db } from "../../store/database/schema.ts";
import { keepAsk, setPage } from "../../store/pushes/asks.ts";
import type { ClaimedNotification } from "../../store/pushes/notifications.ts";
import { listQuestions } from "../../store/tasks/questions.ts";
import { getTask } from "../../store/tasks/tasks.ts";
import { latestExpiryS, signCapability } from "./capability.ts";
import { hashSecret, type ReplySecrets } from "./reply-secrets.ts";

/**
 * What a push carries for acting on it: buttons for what has a low risk, each a signed capability that the
 * channel brings back to us when it is pressed, and the page on which everything can be done. The ask is
 * stored before the push is sent; a push that is sent again carries the same.
 */
export type PushActions = { buttons: PushButton[]; click: string | null };

export type PushButton = { label: string; capability: string };

/** Null: there is nothing to do about it. */
export type FindActions = (notification: ClaimedNotification) => Promise<PushActions | null>;

export type ActionDeps = {
  db: Db;
  redact: Redact;
  /** What the channel may show on a lock screen. */
  privacy: Privacy;
  secrets: ReplySecrets;
  /** Of the daemon; null: it has no page that a phone can reach. */
  publicUrl: string | null;
  /** Whether a press comes back to us. */
  mayPress: () => Promise<boolean>;
};

/** The type of the push by which a person tries the way there and back. */
export const testType = "notify.test";

export function makeFindActions(deps: ActionDeps): FindActions {
  return async (notification) => {
    const { eventId, payload, taskId } = notification;
    const found =
      payload.type === testType
        ? { options: [testOption], questionId: null }
        : await findOptions(deps, notification);
    if (!found || found.options.length === 0) return null;
    const id = randomBytes(9).toString("base64url");
    const hashOf = (ask: string) => hashSecret(deps.secrets.pageToken(ask));
    const about = { eventId, taskId, ...found, days: pageDays };
    const ask = await keepAsk(deps.db, { id, pageHash: hashOf(id), ...about });
    // Kept by an earlier try, perhaps with a key that was renewed since: then its page has another address.
    if (ask.id !== id) await setPage(deps.db, ask.id, hashOf(ask.id));
    return {
      buttons: (await deps.mayPress()) ? buttonsOf(deps, ask) : [],
      click: deps.publicUrl === null || taskId === "" ? null : pageOf(deps, ask),
    };
  };
}

const testOption: AskOption = { verb: "test", label: "It works", risk: "low", answer: null };

async function findOptions(
  { db, redact }: ActionDeps,
  { payload, taskId }: ClaimedNotification,
): Promise<Pick<Ask, "options" | "questionId"> | null> {
  const task = taskId === "" ? null : await getTask(db, taskId);
  if (!task) return null;
  const { question } = (payload.data ?? {}) as { question?: { id?: string; kind?: string } | null };
  const kind = questionKinds.find((one) => one === question?.kind) ?? null;
  const questionId = question?.id ?? null;
  // From the question itself: what a push says of it may be redacted, and an answer has to be one of them.
  const asked = questionId === null ? [] : await listQuestions(db, taskId);
  const choices = asked.find(({ id }) => id === questionId)?.choices ?? [];
  const options = optionsFor({ type: String(payload.type), kind: asKind(kind), choices }, task);
  return {
    options: options.map((one) => ({ ...one, label: redact(one.label) })),
    questionId,
  };
}

/** What is resumed has its own verb, and nobody is pushed about it. */
function asKind(kind: QuestionKind | null): QuestionKind | null {
  return kind === "pause" ? null : kind;
}

function buttonsOf({ privacy, secrets }: ActionDeps, ask: Ask): PushButton[] {
  const expiresS = latestExpiryS(Date.now() / 1000);
  return ask.options.flatMap(({ answer, isAgents, label, risk, verb }, option): PushButton[] => {
    if (risk !== "low" || (verb === "answer" && answer === null)) return [];
    if (isAgents && privacy !== "full") return [];
    return [
      { label, capability: signCapability(secrets.buttons, { ask: ask.id, option, expiresS }) },
    ];
  });
}

function pageOf({ publicUrl, secrets }: ActionDeps, { id }: Ask): string | null {
  if (publicUrl === null) return null;
  const base = publicUrl.endsWith("/") ? publicUrl : `${publicUrl}/`;
  return new URL(`q/${secrets.pageToken(id)}`, base).href;
}

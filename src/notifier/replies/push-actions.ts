import { randomBytes } from "node:crypto";
import { type Ask, type AskOption, optionsFor, pageDays } from "../../core/attention/ask.ts";
import { type QuestionKind, questionKinds } from "../../core/task/question.ts";
import type { Db } from "../../store/database/schema.ts";
import { keepAsk } from "../../store/pushes/asks.ts";
import type { ClaimedNotification } from "../../store/pushes/notifications.ts";
import { getTask } from "../../store/tasks/tasks.ts";
import { latestExpiryS, signCapability } from "./capability.ts";
import { hashSecret, type ReplySecrets } from "./reply-secrets.ts";

/**
 * What a push carries for acting on it: buttons for what has a low risk, which the phone sends to the
 * reply topic by itself, and the page on which everything can be done. The ask is stored before the
 * push is sent; a push that is sent again carries the same.
 */
export type PushActions = { buttons: HttpAction[]; click: string | null };

/** As ntfy has it. */
export type HttpAction = {
  action: "http";
  label: string;
  url: string;
  method: "POST";
  headers: Record<string, string>;
  body: string;
  clear: true;
};

/** Null: there is nothing to do about it. */
export type FindActions = (notification: ClaimedNotification) => Promise<PushActions | null>;

export type ActionDeps = {
  db: Db;
  secrets: ReplySecrets;
  /** The root of the server that buttons post to. */
  root: string;
  /** Of the daemon; null: it has no page that a phone can reach. */
  publicUrl: string | null;
  /** Whether the phone may publish to the reply topic. */
  mayPress: () => Promise<boolean>;
};

/** The type of the push by which a person tries the way there and back. */
export const testType = "notify.test";
const maxButtons = 3;

export function makeFindActions(deps: ActionDeps): FindActions {
  return async (notification) => {
    const { eventId, payload, taskId } = notification;
    const found =
      payload.type === testType
        ? { options: [testOption], questionId: null }
        : await findOptions(deps.db, notification);
    if (!found || found.options.length === 0) return null;
    const id = randomBytes(9).toString("base64url");
    const pageHash = hashSecret(deps.secrets.pageToken(id));
    const about = { eventId, taskId, ...found, days: pageDays };
    const ask = await keepAsk(deps.db, { id, pageHash, ...about });
    return {
      buttons: (await deps.mayPress()) ? buttonsOf(deps, ask) : [],
      click: deps.publicUrl === null || taskId === "" ? null : pageOf(deps, ask),
    };
  };
}

const testOption: AskOption = { verb: "test", label: "It works", risk: "low", answer: null };

async function findOptions(
  db: Db,
  { payload, taskId }: ClaimedNotification,
): Promise<Pick<Ask, "options" | "questionId"> | null> {
  const task = taskId === "" ? null : await getTask(db, taskId);
  if (!task) return null;
  const { question } = (payload.data ?? {}) as { question?: { id?: string; kind?: string } | null };
  const kind = questionKinds.find((one) => one === question?.kind) ?? null;
  const options = optionsFor({ type: String(payload.type), kind: asKind(kind) }, task);
  return { options, questionId: question?.id ?? null };
}

/** What is resumed has its own verb, and nobody is pushed about it. */
function asKind(kind: QuestionKind | null): QuestionKind | null {
  return kind === "pause" ? null : kind;
}

function buttonsOf({ root, secrets }: ActionDeps, ask: Ask): HttpAction[] {
  const expiresS = latestExpiryS(Date.now() / 1000);
  return ask.options
    .flatMap(({ answer, label, risk, verb }, option): HttpAction[] => {
      if (risk !== "low" || (verb === "answer" && answer === null)) return [];
      const message = signCapability(secrets.buttons, { ask: ask.id, option, expiresS });
      return [
        {
          ...{ action: "http", label, url: root, method: "POST", clear: true },
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ topic: secrets.topic, message }),
        },
      ];
    })
    .slice(0, maxButtons);
}

function pageOf({ publicUrl, secrets }: ActionDeps, { id }: Ask): string | null {
  if (publicUrl === null) return null;
  const base = publicUrl.endsWith("/") ? publicUrl : `${publicUrl}/`;
  return new URL(`q/${secrets.pageToken(id)}`, base).href;
}

import { z } from "zod";
import { readText } from "../../core/base/read-until.ts";
import type { NotifierConfig } from "../notifier-config.ts";

/** Telegram's Bot API, as far as it is used: its address, its texts, and its answers, which are data from outside. */
type Telegram = NonNullable<NotifierConfig["telegram"]>;

/** With the token in it. */
export function telegramApi({ token, url }: Telegram): string {
  return `${url.replace(/\/+$/, "")}/bot${token}`;
}

/** Telegram's own limit. */
const maxText = 4_096;

export function telegramText(parts: readonly (string | null)[]): string {
  const text = parts.filter((part) => part !== null && part !== "").join("\n");
  return text.length <= maxText
    ? text
    : `${text.slice(0, maxText - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}

const sentSchema = z.object({ result: z.object({ message_id: z.int() }) });

export function messageOf(answer: unknown): string | null {
  const read = sentSchema.safeParse(answer);
  return read.success ? String(read.data.result.message_id) : null;
}

/** Telegram refused it; its description says why, and never has the token in it. */
export class TelegramRefused extends Error {
  readonly status: number;
  constructor(status: number, description: string) {
    super(`it answered ${status}${description === "" ? "" : `: ${description}`}`);
    this.status = status;
  }
}

const answerSchema = z.object({
  ok: z.boolean(),
  result: z.unknown().optional(),
  description: z.string().max(500).optional(),
});
const maxAnswer = 4 * 1024 * 1024;

/** One call of a method. Throws TelegramRefused, and whatever keeps an answer from coming. */
export async function callTelegram(
  telegram: Telegram,
  method: string,
  given: object,
  options: { timeoutMs: number; signal: AbortSignal },
): Promise<unknown> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  const response = await fetch(`${telegramApi(telegram)}/${method}`, {
    method: "POST",
    headers: { "content-type": "application/json", "user-agent": "deputy" },
    body: JSON.stringify(given),
    redirect: "manual",
    signal,
  });
  const text = await readText(response, maxAnswer, signal);
  let answer: z.infer<typeof answerSchema> | null = null;
  try {
    answer = answerSchema.parse(JSON.parse(text));
  } catch {
    // Not Telegram's: the status is what counts.
  }
  if (answer?.ok && response.ok) return answer.result;
  throw new TelegramRefused(response.status, (answer?.description ?? "").replace(/\s+/g, " "));
}

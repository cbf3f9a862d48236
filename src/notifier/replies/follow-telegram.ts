import { createHash } from "node:crypto";
import { z } from "zod";
import { waitOut } from "../../store/database/outage.ts";
import { dropPollLease, takePollLease } from "../../store/pushes/poll-leases.ts";
import { callTelegram, TelegramRefused, telegramText } from "../channels/telegram-api.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import { causeOf } from "../post.ts";
import { defaultPauses, type Following, keepFollowing, type Pauses } from "./keep-following.ts";
import { type ReplyCounts, type TakePressDeps, takePress } from "./take-press.ts";

/**
 * Presses of buttons in Telegram, by its long poll: no port of this machine is open for it. One process reads the
 * updates of a bot, by a lease in the database. An update is confirmed by the next poll, after it was dealt
 * with and never before, so a crash loses none; its id, stored with the ask, says that it came twice. Only
 * the configured chat may press. Each press is answered, or the phone shows a spinning wheel.
 */
export type FollowTelegramDeps = TakePressDeps & {
  telegram: NonNullable<NotifierConfig["telegram"]>;
  processId: string;
  /** Null: it is read again. */
  onTrouble: (sentence: string | null) => void;
  pauses?: Partial<Pauses & { pollS: number }>;
};

const leaseSeconds = 90;

const updateSchema = z.object({
  update_id: z.int(),
  callback_query: z
    .object({
      id: z.string().max(100),
      data: z.string().max(64).optional(),
      message: z
        .object({
          message_id: z.int(),
          chat: z.object({ id: z.int(), username: z.string().optional() }),
          text: z.string().optional(),
        })
        .optional(),
    })
    .optional(),
});
type Update = z.infer<typeof updateSchema>;

export function followTelegram(deps: FollowTelegramDeps, counts: ReplyCounts): Following {
  const { db, processId, telegram } = deps;
  const pauses = { ...defaultPauses, pollS: 25, ...deps.pauses };
  const name = `telegram:${createHash("sha256").update(telegram.token).digest("hex").slice(0, 32)}`;
  let offset = 0;

  /** One poll. */
  const poll = async (signal: AbortSignal, heard: () => void) => {
    const given = { offset, timeout: pauses.pollS, allowed_updates: ["callback_query"] };
    const options = { timeoutMs: (pauses.pollS + 15) * 1_000, signal };
    const found = await callTelegram(telegram, "getUpdates", given, options);
    heard();
    for (const one of Array.isArray(found) ? found : []) {
      const update = updateSchema.safeParse(one).data;
      if (update) await takeUpdate(update, signal);
      // What cannot be read is passed, too, or it would come for ever.
      const id =
        update?.update_id ?? z.object({ update_id: z.int() }).safeParse(one).data?.update_id;
      if (id !== undefined) offset = Math.max(offset, id + 1);
    }
  };

  const takeUpdate = async (
    { callback_query: query, update_id: id }: Update,
    signal: AbortSignal,
  ) => {
    if (!query) return;
    const { chat = null } = query.message ?? {};
    const isOurs =
      chat !== null && (String(chat.id) === telegram.chat || `@${chat.username}` === telegram.chat);
    if (!isOurs) counts.dropped++;
    const taken = isOurs
      ? await takePress({ ...deps, signal }, counts, `telegram:${id}`, query.data ?? "")
      : null;
    const said = taken
      ? taken.isAnswered
        ? taken.title
        : taken.body
      : "This is no button of mine.";
    const answer = { callback_query_id: query.id, text: said.slice(0, 200) };
    const shown = { ...answer, show_alert: taken?.isAnswered !== true };
    await tellBack("answerCallbackQuery", shown, signal);
    if (!taken || !query.message) return;
    const [first = ""] = (query.message.text ?? "").split("\n");
    const edited = {
      ...{ chat_id: telegram.chat, message_id: query.message.message_id },
      ...{ text: telegramText([first, said]), link_preview_options: { is_disabled: true } },
    };
    await tellBack("editMessageText", edited, signal);
  };

  /** The answer counts all the same; only its receipt is lost. */
  const tellBack = async (method: string, given: object, signal: AbortSignal) => {
    try {
      await callTelegram(telegram, method, given, { timeoutMs: 15_000, signal });
    } catch (error) {
      if (signal.aborted) throw error;
      // A query that is too old to be answered, or a text that stands there already.
      if (error instanceof TelegramRefused && error.status === 400) return;
      deps.log("warn", { error: causeOf(error) }, "Telegram was not told what became of a button");
    }
  };

  const following = keepFollowing({
    pauses,
    until: deps.signal,
    onTrouble: (error) => deps.onTrouble(error === null ? null : describeTrouble(error)),
    isRefused: (error) =>
      error instanceof TelegramRefused && [401, 403, 404].includes(error.status),
    follow: async (signal, heard) => {
      const lease = { name, processId, seconds: leaseSeconds };
      if (!(await waitOut(() => takePollLease(db, lease), signal))) return pauses.firstMs * 10; // another process reads
      await poll(signal, heard);
      return 0;
    },
  });
  return {
    stop: async () => {
      await following.stop();
      await dropPollLease(db, name, processId).catch(() => {}); // it ends by its time
    },
  };
}

/** What a person has to do about it, in one sentence. */
function describeTrouble(error: unknown): string {
  const what = "presses of its buttons are not heard";
  const status = error instanceof TelegramRefused ? error.status : null;
  if (status === 401 || status === 404)
    return `Telegram does not accept the bot's token (${status}), so ${what}: set a valid DEPUTY_TELEGRAM_TOKEN and restart the daemon.`;
  if (status === 403)
    return `Telegram refuses the bot (403), so ${what}: unblock it, or set another DEPUTY_TELEGRAM_CHAT.`;
  if (status === 409)
    return `Another program reads the updates of the Telegram bot, or it has a webhook (409), so ${what}: give Deputy a bot of its own, or set DEPUTY_TELEGRAM_BUTTONS=false.`;
  return `Telegram was not reached (${causeOf(error)}), so ${what} for now.`;
}

import WebSocket from "ws";
import { z } from "zod";
import { slackBlocks } from "../channels/slack.ts";
import { callSlack, type SlackBot, SlackRefused } from "../channels/slack-api.ts";
import { causeOf } from "../post.ts";
import { defaultPauses, type Following, keepFollowing, type Pauses } from "./keep-following.ts";
import { type ReplyCounts, type TakePressDeps, takePress } from "./take-press.ts";

/**
 * Presses of buttons in Slack, by Socket Mode: the daemon opens a WebSocket, and Slack sends each press on it, to
 * one of several processes. A press is acknowledged once it is stored, within the seconds that Slack waits; where
 * the process dies before, Slack shows the person that it failed. Slack ends a socket now and then, and a new one is opened.
 */
export type FollowSlackDeps = TakePressDeps & {
  bot: SlackBot;
  /** Null: it is connected. */
  onTrouble: (sentence: string | null) => void;
  pauses?: Partial<Pauses & { silenceMs: number }>;
};

const silenceMs = 90_000;
const maxPayload = 1024 * 1024;

const envelopeSchema = z.object({
  type: z.string(),
  envelope_id: z.string().max(200).optional(),
  payload: z.unknown().optional(),
});
const pressSchema = z.object({
  type: z.literal("block_actions"),
  channel: z.object({ id: z.string() }),
  message: z.object({ ts: z.string().max(50) }),
  actions: z.array(z.object({ value: z.string().max(200) })).min(1),
});

export function followSlack(deps: FollowSlackDeps, counts: ReplyCounts): Following {
  const { bot } = deps;
  const pauses = { ...defaultPauses, silenceMs, ...deps.pauses };

  /** Deals with what the app is told; `acknowledge` as soon as Slack need not send it again. */
  const take = async (
    { id, payload }: { id: string; payload: unknown },
    acknowledge: () => void,
    signal: AbortSignal,
  ) => {
    const press = pressSchema.safeParse(payload).data;
    // Whatever else the app is told of, and presses elsewhere, is not for us.
    if (!press || press.channel.id !== bot.channel) {
      counts.dropped++;
      return acknowledge();
    }
    const taken = await takePress(
      { ...deps, signal },
      counts,
      `slack:${id}`,
      press.actions[0]?.value ?? "",
    );
    acknowledge();
    if (!taken) return;
    const { body, isAnswered, title } = taken;
    const shown = slackBlocks({
      title,
      body: isAnswered ? taken.ask.taskId : body,
      clickUrl: null,
    });
    const given = { channel: bot.channel, ts: press.message.ts, ...shown };
    await callSlack(bot, bot.botToken, "chat.update", given, { timeoutMs: 15_000, signal });
  };

  /** Until the socket ends; throws what ended it. */
  const listen = async (url: string, signal: AbortSignal, heard: () => void) => {
    const socket = new WebSocket(url, { maxPayload, handshakeTimeout: 15_000 });
    const ended = new Promise<void>((resolve, reject) => {
      socket.on("close", () => resolve());
      socket.on("error", reject);
    });
    const stop = () => socket.terminate();
    const watchdog = setTimeout(stop, pauses.silenceMs);
    signal.addEventListener("abort", stop, { once: true });
    const busy = new Set<Promise<void>>();
    socket.on("ping", () => watchdog.refresh());
    socket.on("message", (data) => {
      watchdog.refresh();
      const envelope = readEnvelope(String(data));
      if (envelope?.type === "hello") heard();
      if (envelope?.type === "disconnect") socket.close();
      const id = envelope?.envelope_id;
      if (envelope === null || id === undefined) return;
      const acknowledge = () => {
        if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ envelope_id: id }));
      };
      const work = take({ id, payload: envelope.payload }, acknowledge, signal)
        .catch((error: unknown) => {
          if (signal.aborted) return;
          const words = "Slack was not told what became of a button";
          deps.log("warn", { envelope: id, error: causeOf(error) }, words);
        })
        .then(() => void busy.delete(work));
      busy.add(work);
    });
    try {
      await ended;
    } finally {
      clearTimeout(watchdog);
      signal.removeEventListener("abort", stop);
      await Promise.all(busy);
    }
  };

  return keepFollowing({
    pauses,
    until: deps.signal,
    onTrouble: (error) => deps.onTrouble(error === null ? null : describeTrouble(error)),
    isRefused: isFinal,
    follow: async (signal, heard) => {
      const options = { timeoutMs: 15_000, signal };
      const { url } = await callSlack(bot, bot.appToken, "apps.connections.open", {}, options);
      await listen(requireSocket(url), signal, heard);
      return pauses.firstMs;
    },
  });
}

/** From outside: what cannot be read is nothing. */
function readEnvelope(text: string): z.infer<typeof envelopeSchema> | null {
  try {
    return envelopeSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** An encrypted one, or one on this machine. */
function requireSocket(url: unknown): string {
  const { hostname, protocol } =
    typeof url === "string" && URL.canParse(url) ? new URL(url) : { hostname: "", protocol: "" };
  if (protocol === "wss:" || (protocol === "ws:" && hostname === "127.0.0.1")) return String(url);
  throw new SlackRefused("an address that is no WebSocket");
}

const finalReasons =
  /^(?:40[134]|invalid_auth|not_authed|account_inactive|token_\w+|not_allowed_token_type|missing_scope)$/;

function isFinal(error: unknown): boolean {
  return error instanceof SlackRefused && finalReasons.test(error.reason);
}

/** What a person has to do about it, in one sentence. */
function describeTrouble(error: unknown): string {
  const what = "presses of its buttons are not heard";
  if (isFinal(error))
    return `Slack does not accept the app's token (${(error as SlackRefused).reason}), so ${what}: set a valid DEPUTY_SLACK_APP_TOKEN with the scope connections:write, switch Socket Mode on, and restart the daemon.`;
  return `Slack was not reached (${causeOf(error)}), so ${what} for now.`;
}

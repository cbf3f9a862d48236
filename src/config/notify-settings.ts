import { z } from "zod";
import { DeputyError } from "../core/base/error.ts";
import { type Manners, notifySchema, toManners } from "../core/settings/notify-settings.ts";
import { readChoice, readSecret, requireAddress } from "./read-environment.ts";

const aliveSchema = z
  .strictObject({
    every_minutes: z.number().int().min(1).max(1_440),
    /** ntfy schedules up to three days ahead. */
    after_minutes: z.number().int().min(2).max(4_320),
  })
  .refine(({ after_minutes, every_minutes }) => after_minutes > every_minutes, {
    path: ["after_minutes"],
    error: "must be more than every_minutes, or it rings while all is well",
  });

/**
 * The channels by which people are told, as the environment and config.yaml configure them. What lets
 * somebody post in a person's name (a token, an incoming address) comes from the environment or from a
 * file named there alone.
 */
export const notifierSchemas = {
  notify: notifySchema.optional(),
  ntfy: z
    .strictObject({
      url: z.url().optional(),
      topic: z.string().min(1).optional(),
      /** Whether pushes have buttons, and answers are read from the ntfy server. */
      buttons: z.boolean().optional(),
      /** The push that tells of this machine's silence, in minutes; false: none. */
      alive: z.union([z.boolean(), aliveSchema]).optional(),
    })
    .optional(),
  webhook: z.strictObject({ url: z.url() }).optional(),
  web_push: z
    .strictObject({
      subject: z.string().min(1).optional(),
      /** Of push services, with the port where it is not 443. */
      hosts: z.array(z.string().min(1)).optional(),
    })
    .optional(),
  slack: z
    .strictObject({
      /** The id of the channel that the bot writes to. */
      channel: z.string().min(1).optional(),
      api: z.url().optional(),
    })
    .optional(),
  telegram: z
    .strictObject({
      /** Of a person, a group (negative), or `@channel`. */
      chat: z.union([z.string().min(1), z.number().int()]).optional(),
      url: z.url().optional(),
      /** Whether pushes have buttons, and the updates of the bot are read for them. */
      buttons: z.boolean().optional(),
    })
    .optional(),
};

type InFile = z.infer<z.ZodObject<typeof notifierSchemas>>;

/** Null: not configured. Throws a DeputyError that names the variable, where half of one is missing. */
export function readNotifier(file: InFile, env: NodeJS.ProcessEnv, publicUrl: string | null) {
  const channels = {
    ntfy: readNtfy(file, env),
    webhook: readWebhook(file, env),
    slack: readIncoming(env, "DEPUTY_SLACK_URL"),
    slackBot: readSlackBot(file, env),
    discord: readIncoming(env, "DEPUTY_DISCORD_URL"),
    telegram: readTelegram(file, env),
    apprise: readApprise(env),
    webPush: readWebPush(file, env, publicUrl),
  };
  const manners: Manners = toManners(file.notify);
  if (channels.slack && channels.slackBot)
    throw new DeputyError(
      "invalid_input",
      "Slack is configured twice: leave out DEPUTY_SLACK_URL, or DEPUTY_SLACK_APP_TOKEN and DEPUTY_SLACK_BOT_TOKEN.",
    );
  const to = manners.escalate?.to;
  const isThere = to === "slack" && channels.slackBot !== null;
  if (to && channels[to === "web_push" ? "webPush" : to] === null && !isThere)
    throw new DeputyError(
      "invalid_input",
      `notify: escalate: to in config.yaml names ${to}, which is not configured: configure it, or name another channel.`,
    );
  return { ...channels, manners };
}

function readNtfy({ ntfy }: InFile, env: NodeJS.ProcessEnv) {
  const topic = env.DEPUTY_NTFY_TOPIC || ntfy?.topic;
  if (!topic) return null;
  return { url: ntfyUrl(ntfy, env), topic, token: readSecret(env, "DEPUTY_NTFY_TOKEN") };
}

function ntfyUrl(ntfy: InFile["ntfy"], env: NodeJS.ProcessEnv): string {
  const url = env.DEPUTY_NTFY_URL || ntfy?.url || "https://ntfy.sh";
  return requireAddress("DEPUTY_NTFY_URL (or ntfy: url in config.yaml)", url);
}

/** Of pushes by ntfy: `buttons`, and what tells of this machine's silence; null: nothing does. */
export function readPush({ ntfy }: InFile, env: NodeJS.ProcessEnv) {
  const buttons = readChoice(env, "DEPUTY_NTFY_BUTTONS", ["true", "false"]);
  return {
    buttons: (buttons ?? String(ntfy?.buttons ?? true)) === "true",
    alive: readAlive(env, ntfy?.alive, ntfyUrl(ntfy, env)),
  };
}

/**
 * Every ten minutes are 144 messages a day, more than half of what ntfy.sh lets anybody send: there it
 * is off unless it is asked for.
 */
function readAlive(
  env: NodeJS.ProcessEnv,
  given: boolean | z.infer<typeof aliveSchema> | undefined,
  url: string,
) {
  const word = readChoice(env, "DEPUTY_NTFY_ALIVE", ["true", "false"]);
  const isPublic = /^https?:\/\/ntfy\.sh\/?$/i.test(url);
  const isOn =
    word === null ? given !== false && (given !== undefined || !isPublic) : word === "true";
  const { after_minutes = 25, every_minutes = 10 } = typeof given === "object" ? given : {};
  return isOn ? { everyMinutes: every_minutes, afterMinutes: after_minutes } : null;
}

function readWebhook({ webhook }: InFile, env: NodeJS.ProcessEnv) {
  const url = env.DEPUTY_WEBHOOK_URL || webhook?.url;
  const secret = readSecret(env, "DEPUTY_WEBHOOK_SECRET");
  if (url && !secret)
    throw new DeputyError(
      "invalid_input",
      "A webhook needs a secret to sign with: set DEPUTY_WEBHOOK_SECRET or DEPUTY_WEBHOOK_SECRET_FILE.",
    );
  return url && secret
    ? { url: requireAddress("DEPUTY_WEBHOOK_URL (or webhook: url in config.yaml)", url), secret }
    : null;
}

function readTelegram({ telegram }: InFile, env: NodeJS.ProcessEnv) {
  const token = readSecret(env, "DEPUTY_TELEGRAM_TOKEN");
  const chat = env.DEPUTY_TELEGRAM_CHAT || telegram?.chat;
  if (!token && !telegram && !chat) return null;
  if (!token)
    throw new DeputyError(
      "invalid_input",
      "Telegram needs the token of a bot: set DEPUTY_TELEGRAM_TOKEN or DEPUTY_TELEGRAM_TOKEN_FILE.",
    );
  // It becomes a part of an address.
  if (!/^\d+:[\w-]+$/.test(token))
    throw new DeputyError(
      "invalid_input",
      "DEPUTY_TELEGRAM_TOKEN must be a token as BotFather gives it: a number, a colon, letters and digits.",
    );
  if (chat === undefined)
    throw new DeputyError(
      "invalid_input",
      "Telegram needs a chat to write to: set DEPUTY_TELEGRAM_CHAT, or telegram: chat in config.yaml.",
    );
  return {
    token,
    chat: String(chat),
    buttons:
      (readChoice(env, "DEPUTY_TELEGRAM_BUTTONS", ["true", "false"]) ??
        // A chat that has a name is public: whoever finds it could press.
        String(telegram?.buttons ?? !String(chat).startsWith("@"))) === "true",
    url: requireAddress(
      "telegram: url in config.yaml",
      telegram?.url ?? "https://api.telegram.org",
    ),
  };
}

/**
 * A push service wants to know whom it can ask, and Apple's refuses what is no real address. Null: there
 * is none, so there is no Web Push.
 */
function readWebPush({ web_push: own }: InFile, env: NodeJS.ProcessEnv, publicUrl: string | null) {
  const given = env.DEPUTY_WEB_PUSH_SUBJECT || own?.subject;
  const subject = given ?? (publicUrl?.startsWith("https:") ? new URL(publicUrl).origin : null);
  if (given !== undefined && !isSubject(given))
    throw new DeputyError(
      "invalid_input",
      "DEPUTY_WEB_PUSH_SUBJECT (or web_push: subject in config.yaml) must be a mailto: or https: address of yours, and not one of localhost.",
    );
  return subject === null ? null : { subject, hosts: own?.hosts ?? [] };
}

function isSubject(text: string): boolean {
  const [, mailHost] = /^mailto:[^@\s]+@([^@\s]+\.[^@\s.]+)$/.exec(text) ?? [];
  if (mailHost !== undefined) return true;
  return URL.canParse(text) && /^https:\/\/[^/]*\.[a-z]/i.test(text);
}

/** A Slack app with Socket Mode: two tokens and a channel, or none of them. */
function readSlackBot({ slack }: InFile, env: NodeJS.ProcessEnv) {
  const appToken = readSecret(env, "DEPUTY_SLACK_APP_TOKEN");
  const botToken = readSecret(env, "DEPUTY_SLACK_BOT_TOKEN");
  const channel = env.DEPUTY_SLACK_CHANNEL || slack?.channel;
  if (!appToken && !botToken && !channel) return null;
  const refuse = (message: string) => new DeputyError("invalid_input", message);
  if (!appToken?.startsWith("xapp-"))
    throw refuse(
      "A Slack app needs its app-level token, which starts with xapp-: set DEPUTY_SLACK_APP_TOKEN or DEPUTY_SLACK_APP_TOKEN_FILE.",
    );
  if (!botToken?.startsWith("xoxb-"))
    throw refuse(
      "A Slack app needs the token of its bot, which starts with xoxb-: set DEPUTY_SLACK_BOT_TOKEN or DEPUTY_SLACK_BOT_TOKEN_FILE.",
    );
  if (!channel || !/^[CDG][A-Z0-9]+$/.test(channel))
    throw refuse(
      "A Slack app needs the id of a channel, like C0123456789: set DEPUTY_SLACK_CHANNEL, or slack: channel in config.yaml.",
    );
  const api = requireAddress("slack: api in config.yaml", slack?.api ?? "https://slack.com/api");
  return { appToken, botToken, channel, api };
}

/** The address of an incoming webhook, which is a secret: a mistake is told without it. */
function readIncoming(env: NodeJS.ProcessEnv, name: string): { url: string } | null {
  const url = readSecret(env, name);
  if (url === null) return null;
  const { hostname, protocol } = URL.canParse(url) ? new URL(url) : { hostname: "", protocol: "" };
  const isHere = ["127.0.0.1", "[::1]", "localhost"].includes(hostname);
  if (protocol === "https:" || (protocol === "http:" && isHere)) return { url };
  throw new DeputyError("invalid_input", `${name} must be an address that starts with https://.`);
}

/** Addresses as apprise takes them, separated by white space. */
function readApprise(env: NodeJS.ProcessEnv): { urls: string[] } | null {
  const urls = readSecret(env, "DEPUTY_APPRISE_URLS")?.split(/\s+/).filter(Boolean) ?? [];
  const wrong = urls.findIndex((url) => !/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(url));
  if (wrong >= 0)
    throw new DeputyError(
      "invalid_input",
      `DEPUTY_APPRISE_URLS must be addresses like tgram://…, separated by spaces or lines; its entry ${wrong + 1} is none.`,
    );
  return urls.length > 0 ? { urls } : null;
}

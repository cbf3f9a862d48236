import type { Manners } from "../core/settings/notify-settings.ts";

/** The notification channels; null: not configured. */
export type NotifierConfig = {
  ntfy: { url: string; topic: string; token: string | null } | null;
  webhook: { url: string; secret: string } | null;
  /** Incoming webhooks: whoever has the address may post. */
  slack: { url: string } | null;
  /** A Slack app with Socket Mode, in place of the webhook. Absent: none. */
  slackBot?: { appToken: string; botToken: string; channel: string; api: string } | null;
  discord: { url: string } | null;
  telegram: {
    token: string;
    chat: string;
    url: string;
    /** Whether its pushes have buttons, and the bot's updates are read. Absent: no. */
    buttons?: boolean;
  } | null;
  /** Addresses of the program `apprise`; they have passwords in them. */
  apprise: { urls: readonly string[] } | null;
  /** `subject`: whom a push service may ask about this daemon; `hosts`: services beside the known ones. */
  webPush: { subject: string; hosts: readonly string[] } | null;
  /** The daemon's public URL, for links. */
  publicUrl: string | null;
  manners: Manners;
};

/**
 * Values that no outgoing text may contain. The topic is one: anyone who knows it can read along.
 */
export function secretsOf(config: NotifierConfig): string[] {
  const { apprise, discord, ntfy, slack, slackBot, telegram, webhook } = config;
  return [
    ...[ntfy?.token, ntfy?.topic, webhook?.secret, slack?.url, discord?.url, telegram?.token],
    ...[slackBot?.appToken, slackBot?.botToken],
    ...(apprise?.urls ?? []),
  ].filter((secret) => typeof secret === "string");
}

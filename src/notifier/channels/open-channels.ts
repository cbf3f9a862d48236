import type { ChannelName } from "../../core/settings/notify-settings.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import type { FindActions } from "../replies/push-actions.ts";
import { appriseChannel } from "./apprise.ts";
import type { Channel } from "./channel.ts";
import { discordChannel } from "./discord.ts";
import { type NtfyActions, ntfyChannel } from "./ntfy.ts";
import { slackChannel } from "./slack.ts";
import { slackBotChannel } from "./slack-bot.ts";
import { telegramChannel } from "./telegram.ts";
import { type WebPushDeps, webPushChannel } from "./web-push.ts";
import { webhookChannel } from "./webhook.ts";

/** What gives the pushes of a channel buttons and a page. */
export type ChannelActions = {
  ntfy?: NtfyActions | null;
  telegram?: FindActions | null;
  slack?: FindActions | null;
};

/**
 * The channels that are configured. Web Push knows its browsers from the database: without `webPush` it is
 * none of them.
 */
export function openChannels(
  config: NotifierConfig,
  actions: ChannelActions = {},
  webPush: WebPushDeps | null = null,
): Channel[] {
  return [
    config.ntfy ? ntfyChannel(config.ntfy, actions.ntfy) : [],
    config.webhook ? webhookChannel(config.webhook) : [],
    config.slack ? slackChannel(config.slack) : [],
    config.slackBot ? slackBotChannel(config.slackBot, actions.slack) : [],
    config.discord ? discordChannel(config.discord) : [],
    config.telegram ? telegramChannel(config.telegram, actions.telegram) : [],
    config.apprise ? appriseChannel(config.apprise) : [],
    config.webPush && webPush ? webPushChannel(config.webPush, config.publicUrl, webPush) : [],
  ].flat();
}

/** The names of all that are configured, for the rows that are written with an event. */
export function listChannels(config: NotifierConfig): ChannelName[] {
  const webPush = config.webPush ? (["web_push"] as const) : [];
  return [...openChannels(config).map(({ name }) => name), ...webPush];
}

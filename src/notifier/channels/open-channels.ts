import type { ChannelName } from "../../core/settings/notify-settings.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import type { FindActions } from "../replies/push-actions.ts";
import { appriseChannel } from "./apprise.ts";
import type { Channel } from "./channel.ts";
import { discordChannel } from "./discord.ts";
import { ntfyChannel } from "./ntfy.ts";
import { slackChannel } from "./slack.ts";
import { telegramChannel } from "./telegram.ts";
import { type WebPushDeps, webPushChannel } from "./web-push.ts";
import { webhookChannel } from "./webhook.ts";

/**
 * The channels that are configured; `findActions` gives their pushes buttons and a page. Web Push knows its
 * browsers from the database: without `webPush` it is none of them.
 */
export function openChannels(
  config: NotifierConfig,
  findActions?: FindActions,
  webPush: WebPushDeps | null = null,
): Channel[] {
  return [
    config.ntfy ? ntfyChannel(config.ntfy, findActions) : [],
    config.webhook ? webhookChannel(config.webhook) : [],
    config.slack ? slackChannel(config.slack) : [],
    config.discord ? discordChannel(config.discord) : [],
    config.telegram ? telegramChannel(config.telegram) : [],
    config.apprise ? appriseChannel(config.apprise) : [],
    config.webPush && webPush ? webPushChannel(config.webPush, config.publicUrl, webPush) : [],
  ].flat();
}

/** The names of all that are configured, for the rows that are written with an event. */
export function listChannels(config: NotifierConfig): ChannelName[] {
  const webPush = config.webPush ? (["web_push"] as const) : [];
  return [...openChannels(config).map(({ name }) => name), ...webPush];
}

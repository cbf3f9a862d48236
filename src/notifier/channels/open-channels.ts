import type { NotifierConfig } from "../notifier-config.ts";
import type { FindActions } from "../replies/push-actions.ts";
import { appriseChannel } from "./apprise.ts";
import type { Channel } from "./channel.ts";
import { discordChannel } from "./discord.ts";
import { ntfyChannel } from "./ntfy.ts";
import { slackChannel } from "./slack.ts";
import { telegramChannel } from "./telegram.ts";
import { webhookChannel } from "./webhook.ts";

/** The channels that are configured; `findActions` gives their pushes buttons and a page. */
export function openChannels(config: NotifierConfig, findActions?: FindActions): Channel[] {
  return [
    config.ntfy ? ntfyChannel(config.ntfy, findActions) : [],
    config.webhook ? webhookChannel(config.webhook) : [],
    config.slack ? slackChannel(config.slack) : [],
    config.discord ? discordChannel(config.discord) : [],
    config.telegram ? telegramChannel(config.telegram) : [],
    config.apprise ? appriseChannel(config.apprise) : [],
  ].flat();
}

/** The names of `openChannels`, for the rows that are written with an event. */
export function listChannels(config: NotifierConfig) {
  return openChannels(config).map(({ name }) => name);
}

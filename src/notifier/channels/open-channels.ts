import type { NotifierConfig } from "../notifier-config.ts";
import type { FindActions } from "../replies/push-actions.ts";
import type { Channel } from "./channel.ts";
import { ntfyChannel } from "./ntfy.ts";
import { webhookChannel } from "./webhook.ts";

/** The channels that are configured; `findActions` gives their pushes buttons and a page. */
export function openChannels(config: NotifierConfig, findActions?: FindActions): Channel[] {
  return [
    config.ntfy ? ntfyChannel(config.ntfy, findActions) : [],
    config.webhook ? webhookChannel(config.webhook) : [],
  ].flat();
}

/** The names of `openChannels`, for the rows that are written with an event. */
export function listChannels(config: NotifierConfig): string[] {
  return openChannels(config).map(({ name }) => name);
}

import type { NotifierConfig } from "../notifier-config.ts";
import type { Channel } from "./channel.ts";
import { ntfyChannel } from "./ntfy.ts";
import { webhookChannel } from "./webhook.ts";

/** The channels that are configured. */
export function openChannels(config: NotifierConfig): Channel[] {
  return [
    config.ntfy ? ntfyChannel(config.ntfy) : [],
    config.webhook ? webhookChannel(config.webhook) : [],
  ].flat();
}

/** The names of `openChannels`, for the rows that are written with an event. */
export function listChannels(config: NotifierConfig): string[] {
  return openChannels(config).map(({ name }) => name);
}

import { redactSecrets } from "../core/text/redact.ts";
import { openChannels } from "./channels/open-channels.ts";
import { send } from "./deliver-notifications.ts";
import { type NotifierConfig, secretsOf } from "./notifier-config.ts";
import { type OperatorNews, operatorRows } from "./operator-rows.ts";

/**
 * Notifies the daemon's operator of something that is not about a task, on each configured channel
 * and at once: the database, which queues other notifications, may not be writable. Returns the
 * channels' refusals; empty: all accepted.
 */
export async function notifyOperator(
  config: NotifierConfig,
  news: OperatorNews,
  signal: AbortSignal,
): Promise<string[]> {
  const channels = openChannels(config);
  const refused: string[] = [];
  for (const row of operatorRows(config, news)) {
    // Web Push needs the database, which may be what is broken.
    if (!channels.some(({ name }) => name === row.channel)) continue;
    const result = await send({ ...row, attempts: 1, ageMs: 0 }, channels, { timeoutMs, signal });
    if (result.kind === "refused")
      refused.push(`${row.channel}: ${redactSecrets(result.error, secretsOf(config))}`);
  }
  return refused;
}

const timeoutMs = 15_000;

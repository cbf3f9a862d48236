import { newId } from "../core/base/id.ts";
import { redactSecrets } from "../core/text/redact.ts";
import type { ClaimedNotification } from "../store/records/notifications.ts";
import { send } from "./deliver-notifications.ts";
import { type NotifierConfig, secretsOf } from "./notifier-config.ts";

/**
 * Notifies the daemon's operator of something that is not about a task, on each configured channel
 * and at once: the database, which queues other notifications, may not be writable. Returns the
 * channels' refusals; empty: all accepted.
 */
export async function notifyOperator(
  config: NotifierConfig,
  what: { type: string; title: string; message: string },
  signal: AbortSignal,
): Promise<string[]> {
  const eventId = newId("event");
  const { message, title, type } = what;
  const data = { task_id: null, title, message };
  const common = { eventId, taskId: "", title, body: message, priority: 4, clickUrl: null };
  const channels = {
    ntfy: { tags: ["warning"] },
    webhook: { type, timestamp: new Date().toISOString(), data },
  };
  const refused: string[] = [];
  for (const [channel, payload] of Object.entries(channels)) {
    if (channel === "ntfy" ? !config.ntfy : !config.webhook) continue;
    const row: ClaimedNotification = {
      ...{ ...common, id: newId("notification"), channel, payload },
      ...{ attempts: 1, ageMs: 0 },
    };
    const result = await send(row, config, timeoutMs, signal);
    if (result.kind === "refused")
      refused.push(`${channel}: ${redactSecrets(result.error, secretsOf(config))}`);
  }
  return refused;
}

const timeoutMs = 15_000;

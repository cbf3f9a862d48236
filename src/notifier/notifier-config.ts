/** The notification channels; null: not configured. */
export type NotifierConfig = {
  ntfy: { url: string; topic: string; token: string | null } | null;
  webhook: { url: string; secret: string } | null;
  /** The daemon's public URL, for links. */
  publicUrl: string | null;
};

/**
 * Values that no outgoing text may contain. The topic is one: anyone who knows it can read along.
 */
export function secretsOf(config: NotifierConfig): string[] {
  return [config.ntfy?.token, config.ntfy?.topic, config.webhook?.secret].filter(
    (secret) => typeof secret === "string",
  );
}

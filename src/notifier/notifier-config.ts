/** Where people are told. Null: not that way. */
export type NotifierConfig = {
  ntfy: { url: string; topic: string; token: string | null } | null;
  webhook: { url: string; secret: string } | null;
  /** Where the daemon is reached from outside, for links. */
  publicUrl: string | null;
};

/** The values that must not be in any text that leaves. The topic is one: who knows it can read along. */
export function secretsOf(config: NotifierConfig): string[] {
  return [config.ntfy?.token, config.ntfy?.topic, config.webhook?.secret].filter(
    (secret) => typeof secret === "string",
  );
}

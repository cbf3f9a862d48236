import { randomBytes } from "node:crypto";
import type { Config } from "../config/config.ts";
import { examineServer } from "../notifier/replies/examine-server.ts";
import { deriveReplySecrets } from "../notifier/replies/reply-secrets.ts";

/**
 * What the ntfy server lacks for pushes that can be answered and for an alarm, in sentences; none: it lacks nothing.
 * It is tried on a topic of chance, which nobody reads.
 */
export async function tryPush(config: Config): Promise<string[]> {
  const { ntfy } = config.notifier;
  const { alive, buttons } = config.push;
  if (!ntfy || !(buttons || alive)) return [];
  const { topic } = deriveReplySecrets(randomBytes(32).toString("hex"));
  try {
    const facts = await examineServer(ntfy, topic, new AbortController().signal);
    return [
      ...(buttons && facts.buttons ? [facts.buttons] : []),
      ...(alive && facts.sequences ? [facts.sequences] : []),
    ];
  } catch (error) {
    const { message } = error as Error;
    return [`the ntfy server at ${ntfy.url} does not answer: ${message}`];
  }
}

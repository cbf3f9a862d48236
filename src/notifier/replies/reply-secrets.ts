import { createHash, createHmac } from "node:crypto";

/**
 * What is derived from the daemon's push key, a file that only its owner can read: the key that signs
 * buttons, the name of the topic that they are sent to, and the tokens of answer pages. Deleting the
 * file gives new ones at the next start, and everything that was pushed before stops working.
 */
export type ReplySecrets = {
  buttons: Buffer;
  /** 128 bits of chance: only the daemon and the buttons know it. Never the topic of the pushes. */
  topic: string;
  /** The token of an ask's page, 128 bits, the same each time. */
  pageToken(ask: string): string;
};

/** What every reply topic begins with, for a server's access rules. */
export const topicPrefix = "deputy-reply-";

export function deriveReplySecrets(key: string): ReplySecrets {
  const derive = (label: string) => createHmac("sha256", key).update(label).digest();
  const pages = derive("pages");
  return {
    buttons: derive("buttons"),
    topic: topicPrefix + short(derive("topic")),
    pageToken: (ask) => short(createHmac("sha256", pages).update(ask).digest()),
  };
}

/** Under which a token or a topic is stored. */
export function hashSecret(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

function short(bytes: Buffer): string {
  return bytes.subarray(0, 16).toString("base64url");
}

import type { ClaimedNotification } from "../../store/records/notifications.ts";
import type { PostResult } from "../post.ts";

/**
 * A way to reach a person. A notification is stored once per channel, without addresses and secrets:
 * the channel adds them when it sends.
 */
export type Channel = {
  /** As in the rows. */
  name: string;
  /** Hands one notification to the channel's server; never throws because of the server. */
  send(notification: ClaimedNotification, options: SendOptions): Promise<PostResult>;
};

export type SendOptions = { timeoutMs: number; signal: AbortSignal };

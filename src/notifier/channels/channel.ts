import type { ChannelName } from "../../core/settings/notify-settings.ts";
import type { Card } from "../../store/pushes/cards.ts";
import type { ClaimedNotification } from "../../store/pushes/notifications.ts";
import type { PostResult } from "../post.ts";

/**
 * A way to reach a person. A notification is stored once per channel, without addresses and secrets:
 * the channel adds them when it sends, and writes the text so that nothing in it is markup there.
 */
export type Channel = {
  /** As in the rows. */
  name: ChannelName;
  /** Hands one notification to the channel's server; never throws because of the server. */
  send(notification: ClaimedNotification, options: SendOptions): Promise<PostResult>;
  /**
   * Changes what a card shows to its end, in a few words and without buttons; never throws because of the
   * server. Absent: what was sent stands for ever.
   */
  close?(card: ShownCard, end: string, options: SendOptions): Promise<PostResult>;
  /**
   * What is wrong with it, in a clause that needs no name in front, as far as that can be known without
   * ringing; null: nothing. Absent: it can only be known by a push.
   */
  examine?(options: SendOptions): Promise<string | null>;
};

export type ShownCard = Pick<Card, "card" | "message" | "title"> & {
  /** The message that brought its answer; null: it came otherwise. Absent: it was not answered. */
  usedMessage?: string | null;
};

export type SendOptions = { timeoutMs: number; signal: AbortSignal };

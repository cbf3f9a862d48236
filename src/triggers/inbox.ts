/**
 * The triggers' view of the durable store for deliveries, unique by delivery id. Implemented by
 * `store/inbox.ts`; the daemon connects the two.
 */
export type Inbox = {
  /** Returns false if this delivery is already stored. */
  insert(delivery: {
    deliveryId: string;
    source: string;
    event: string;
    action: string | null;
    payload: unknown;
    /** A subject and its state, as name-state.ts names it. */
    about?: string | null;
  }): Promise<boolean>;
  /** Unsettled deliveries, oldest first, without the ids in `except`. */
  listOpen(
    sources: readonly string[],
    limit: number,
    except: readonly string[],
    /** Only those about this one, in lower case; null: those about none; left out: all. */
    repository?: string | null,
  ): Promise<OpenDelivery[]>;
  /** Record the result; the delivery is not listed again. */
  settle(
    deliveryId: string,
    end: { result: string; subject: string | null; taskId: string | null },
  ): Promise<void>;
  /** Record why it is still open. */
  note(deliveryId: string, note: { result: string; subject: string | null }): Promise<void>;
};

export type OpenDelivery = {
  deliveryId: string;
  event: string;
  payload: unknown;
  receivedAt: Date;
  /** The last note on it. */
  result: string | null;
};

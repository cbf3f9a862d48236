/**
 * What triggers need of the place where deliveries are kept: durable, unique by delivery
 * id. `store/inbox.ts` is it; the daemon binds the two.
 */
export type Inbox = {
  /** False when this delivery is there already. */
  insert(delivery: {
    deliveryId: string;
    source: string;
    event: string;
    action: string | null;
    payload: unknown;
  }): Promise<boolean>;
  /** Not dealt with yet, oldest first, without the ids in `except`. */
  listOpen(source: string, limit: number, except: readonly string[]): Promise<OpenDelivery[]>;
  /** Record what became of it; it is never listed again. */
  settle(
    deliveryId: string,
    end: { result: string; subject: string | null; taskId: string | null },
  ): Promise<void>;
  /** Say why it is still open. */
  note(deliveryId: string, note: { result: string; subject: string | null }): Promise<void>;
};

export type OpenDelivery = {
  deliveryId: string;
  event: string;
  payload: unknown;
  receivedAt: Date;
  /** What was last said of it. */
  result: string | null;
};

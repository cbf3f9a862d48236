import { EventEmitter } from "node:events";
import type { StageName } from "../core/task/outcome.ts";
import { listen } from "../store/database/listen.ts";
import type { Store } from "../store/database/open.ts";

/**
 * The notifications of this process and the others, by kind. A notification is a hint: each listener
 * also looks by itself from time to time.
 */
export type Bus = {
  /** Call `handle` at each notification of this kind, or at those about one task. Returns how to stop that. */
  on<Kind extends keyof Notifications>(
    kind: Kind,
    handle: (about: Notifications[Kind]) => void,
    about?: Notifications[Kind],
  ): () => void;
  stop(): Promise<void>;
};

export type Notifications = {
  /** The outbox has rows. */
  outbox: string;
  /** The task of this id has a new event. */
  event: string;
  /** Pushes are due. */
  pushes: string;
  /** A person cancelled, or paused, the task of this id. */
  cancel: string;
  pause: string;
  /** Deputy was frozen, or thawed. */
  freeze: string;
  thaw: string;
  /** A stage has work. */
  ready: StageName;
  /** The task of this id is over. */
  over: string;
  /** The connection is back after a loss: what it missed is not known. */
  reconnected: string;
};

export async function openBus(store: Store, onError: (error: Error) => void): Promise<Bus> {
  const emitter = new EventEmitter().setMaxListeners(0);
  const listener = await listen(
    store,
    (message) => {
      const [kind = "", about = ""] = message.split(" ");
      emitter.emit(kind, about);
      emitter.emit(message, about);
    },
    () => emitter.emit("reconnected"),
    onError,
  );
  return {
    on: (kind, handle, about) => {
      const name = about === undefined ? kind : `${kind} ${about}`;
      emitter.on(name, handle);
      return () => emitter.off(name, handle);
    },
    stop: listener.close,
  };
}

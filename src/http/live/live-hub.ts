import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type LiveBeat,
  type LiveBye,
  type LiveResync,
  type LiveSnapshot,
  type LiveTasks,
  liveSnapshotWire,
  liveTasksWire,
} from "../../api/live.ts";
import { toWire } from "../../api/to-wire.ts";
import type { TaskChange } from "../../core/page/changes.ts";
import type { Service } from "../service.ts";
import { makeCounter } from "./count-tasks.ts";
import { type LiveClient, makeLiveClient, type Told } from "./live-client.ts";
import { Signal } from "./signal.ts";

/**
 * The one reader behind all connections of the live stream. A notification wakes it, and the heartbeat,
 * because notifications may be lost. It reads once what was committed since it last looked, however many
 * events and connections there are, and writes one text to all. It reads every `batchMs` at most, and
 * not at all while nobody is connected.
 */
export type LiveSource = Pick<Service, "countTasks" | "health" | "onNews" | "readChanges">;
export type LiveOptions = {
  heartbeatMs: number;
  batchMs: number;
  drainTimeoutMs: number;
  onError(error: unknown): void;
};
export type LiveHub = {
  /**
   * Takes a connection in, until it is over or `signal` aborts, whose reason it is told. Throws, with
   * nothing written yet, where nothing can be read.
   */
  join(response: ServerResponse, cursor: string | null, signal: AbortSignal): Promise<LiveClient>;
};

const retryMs = 1_000;

export function makeLiveHub(source: LiveSource, options: LiveOptions): LiveHub {
  const { batchMs, drainTimeoutMs, heartbeatMs, onError } = options;
  const clients = new Set<LiveClient>();
  const news = new Signal();
  const counter = makeCounter(() => source.countTasks(), batchMs);
  /** Of what all were told last. */
  let toldNumbers = "";
  /** Settles once it is known where the reader stands; null: nobody reads. */
  let reader: Promise<void> | null = null;

  const tellTasks = async (cursor: string, tasks: TaskChange[]): Promise<Told> => {
    const wire: LiveTasks = toWire(liveTasksWire, { cursor, tasks, ...(await counter.now()) });
    return { cursor, text: render("tasks", wire, cursor) };
  };
  const catchUp = async (from: string | null) => {
    const { cursor, reason, tasks } = await source.readChanges(from);
    if (tasks === null) return { cursor, text: renderResync(reason), isLast: true };
    if (from !== null) return { ...(await tellTasks(cursor, tasks)), isLast: false };
    const { version } = source.health();
    const about = { cursor, serverTime: new Date(), version, ...(await counter.now()) };
    const wire: LiveSnapshot = toWire(liveSnapshotWire, about);
    return { cursor, text: render("snapshot", wire, cursor), isLast: false };
  };

  /** Tells all what is new; returns the cursor from which to look next. */
  const look = async (from: string): Promise<string> => {
    const { cursor, reason, tasks } = await source.readChanges(from);
    if (tasks === null) {
      for (const client of clients) client.end(renderResync(reason));
      return cursor;
    }
    const told = await tellTasks(cursor, tasks);
    const numbers = JSON.stringify(counter.last());
    if (tasks.length > 0 || numbers !== toldNumbers)
      for (const client of clients) client.tell(told);
    toldNumbers = numbers;
    return cursor;
  };
  const beat = (cursor: string) => {
    const wire: LiveBeat = { server_time: new Date().toISOString(), cursor };
    for (const client of clients) client.beat(render("beat", wire, cursor));
  };
  const read = async (from: string) => {
    let cursor = from;
    let nextBeat = Date.now() + heartbeatMs;
    const stopListening = source.onNews(() => news.raise());
    while (clients.size > 0) {
      const waitMs = Math.min(nextBeat - Date.now(), counter.dueInMs());
      const isNews = await news.wait(Math.max(0, waitMs));
      if (clients.size === 0) break;
      const isBeat = Date.now() >= nextBeat;
      if (isNews || isBeat) counter.expire();
      try {
        cursor = await look(cursor);
      } catch (error) {
        onError(error);
        news.raise();
        await sleep(retryMs, undefined, { ref: false });
      }
      if (isBeat) {
        beat(cursor);
        nextBeat = Date.now() + heartbeatMs;
      }
      await sleep(batchMs, undefined, { ref: false });
    }
    stopListening();
    reader = null;
  };
  const begin = async () => {
    try {
      counter.expire();
      const { cursor } = await source.readChanges(null);
      toldNumbers = JSON.stringify(await counter.now());
      void read(cursor);
    } catch (error) {
      reader = null;
      throw error;
    }
  };

  return {
    join: async (response, cursor, signal) => {
      const client = makeLiveClient({ catchUp, cursor, drainTimeoutMs, onError, response });
      const leave = () => {
        clients.delete(client);
        client.end(null);
        signal.removeEventListener("abort", sayBye);
        news.raise();
      };
      const sayBye = () => client.end(renderBye(signal.reason));
      clients.add(client);
      response.once("close", leave);
      // One that aborted before tells no listener.
      if (signal.aborted) sayBye();
      else signal.addEventListener("abort", sayBye, { once: true });
      try {
        // It catches up from before where the reader stands, so nothing lies between the two.
        reader ??= begin();
        await reader;
      } catch (error) {
        // The response stays whole: it is for the answer that says what failed.
        response.off("close", leave);
        signal.removeEventListener("abort", sayBye);
        clients.delete(client);
        throw error;
      }
      return client;
    },
  };
}

function renderBye(reason: LiveBye["reason"]): string {
  return render("bye", { reason } satisfies LiveBye, null);
}

function renderResync(reason: string): string {
  return render("resync", { reason } satisfies LiveResync, null);
}

function render(event: string, data: object, id: string | null): string {
  return `${id === null ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

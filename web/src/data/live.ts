import type { LiveBeat, LiveBye, LiveSnapshot, LiveTasks } from "../../../src/api/live.ts";
import { createStore, type Store } from "./store.ts";

/**
 * The one stream of a tab: it says which tasks changed, never what they are now; whoever shows a
 * task reads it again. It is live while heartbeats come. When they stay away, what the page shows is
 * stale, and says so; the stream is opened again with the last cursor until the daemon answers, so
 * nothing is missed and no reload is needed.
 */
export type LiveState = {
  /** `signed_out`: the daemon no longer knows this browser. */
  link: "connecting" | "live" | "stale" | "signed_out";
  /** When the daemon was last heard, by this machine's clock; null: never. */
  heardAt: number | null;
  attention: number;
  frozen: boolean;
};

/** `all`: anything may have changed. */
export type Change =
  | {
      tasks: readonly string[];
      /** What state each of them is in now. */
      states: Readonly<Record<string, string>>;
      /** What needs a person, or the brake, may be another, too. */
      attention: boolean;
    }
  | "all";

export type Live = {
  state: Store<LiveState>;
  /** Calls `follow` with every change, until the returned function is called. */
  follow(follow: (change: Change) => void): () => void;
  close(): void;
};

/** Beats come every 15 s; two that stay away are silence, from the first moment on: a proxy may hold back all that comes. */
const silentAfterMs = 35_000;
const retryMs = { first: 500, most: 10_000 };

export function openLive(path = "/v1/stream"): Live {
  const state = createStore<LiveState>({
    ...{ link: "connecting", heardAt: null, attention: 0, frozen: false },
  });
  const followers = new Set<(change: Change) => void>();
  let source: EventSource | null = null;
  let cursor: string | null = null;
  let delayMs = retryMs.first;
  let retry: ReturnType<typeof setTimeout> | undefined;
  let silence: ReturnType<typeof setTimeout> | undefined;

  const tell = (change: Change) => {
    for (const follow of [...followers]) follow(change);
  };
  const patch = (changes: Partial<LiveState>) => state.set({ ...state.get(), ...changes });

  /** Every message is a sign of life. */
  const heard = (changes: Partial<LiveState> = {}) => {
    awaitSign();
    delayMs = retryMs.first;
    patch({ ...changes, link: "live", heardAt: Date.now() });
  };

  function awaitSign() {
    clearTimeout(silence);
    silence = setTimeout(reopen, silentAfterMs);
  }

  function open() {
    source?.close();
    awaitSign();
    source = new EventSource(
      cursor === null ? path : `${path}?cursor=${encodeURIComponent(cursor)}`,
    );
    on<LiveSnapshot>("snapshot", (snapshot) => {
      const { attention, frozen } = snapshot;
      cursor = snapshot.cursor;
      heard({ attention, frozen });
      tell("all");
    });
    on<LiveTasks>("tasks", ({ cursor: next, attention, frozen, tasks }) => {
      cursor = next;
      const before = state.get();
      heard({ attention, frozen });
      tell({
        tasks: tasks.map(({ id }) => id),
        states: Object.fromEntries(tasks.map(({ id, state: now }) => [id, now])),
        attention:
          before.link !== "live" || before.attention !== attention || before.frozen !== frozen,
      });
    });
    on<LiveBeat>("beat", (beat) => {
      cursor = beat.cursor;
      heard();
    });
    on<unknown>("resync", () => {
      cursor = null;
      heard();
      tell("all");
      reopen();
    });
    on<LiveBye>("bye", ({ reason }) => {
      if (reason === "revoked") leave();
      else reopen();
    });
    // The browser would open it again by itself, but not after an answer of 401 or 503.
    source.onerror = () => void lookWhy();
  }

  function on<Data>(name: string, handle: (data: Data) => void) {
    const from = source;
    from?.addEventListener(name, (event) => {
      if (from === source) handle(JSON.parse(event.data) as Data);
    });
  }

  async function lookWhy() {
    source?.close();
    const failed = source;
    const answer = await fetch("/v1/session", { credentials: "same-origin" }).catch(() => null);
    if (source !== failed) return; // it was opened again meanwhile, or left
    if (answer?.status === 401) leave();
    else reopen();
  }

  function reopen() {
    source?.close();
    clearTimeout(silence);
    clearTimeout(retry);
    patch({ link: "stale" });
    retry = setTimeout(open, delayMs);
    delayMs = Math.min(delayMs * 2, retryMs.most);
  }

  function leave() {
    close();
    patch({ link: "signed_out" });
  }

  /** A device that slept, or was without a network, does not wait for the next try. */
  function wake() {
    const { heardAt, link } = state.get();
    const isSilent = heardAt !== null && Date.now() - heardAt > silentAfterMs;
    if (document.visibilityState !== "visible" || (link === "live" && !isSilent)) return;
    delayMs = 0;
    reopen();
    delayMs = retryMs.first;
  }

  function close() {
    document.removeEventListener("visibilitychange", wake);
    removeEventListener("online", wake);
    source?.close();
    source = null;
    clearTimeout(silence);
    clearTimeout(retry);
  }

  document.addEventListener("visibilitychange", wake);
  addEventListener("online", wake);
  open();
  return {
    state,
    follow(follow) {
      followers.add(follow);
      return () => void followers.delete(follow);
    },
    close,
  };
}

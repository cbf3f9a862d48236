import type { ServerResponse } from "node:http";
import { drained, write } from "./write.ts";

/**
 * One connection of the live stream. It is `live` while everything that was told has been written; then
 * news is written as it comes, one text for all. Otherwise it is busy: news that it misses is not kept
 * for it, it catches up from its own cursor once its socket takes data again, as a client that
 * reconnects does. So a slow reader costs no memory; one that does not read at all is dropped.
 */
export type LiveClient = {
  /** The head of the response has been written. Where it was ended already, it says so now. */
  start(): void;
  tell(news: Told): void;
  beat(text: string): void;
  /** Says why, and ends; before the start nothing is written, as a head may follow, or a problem. */
  end(farewell: string | null): void;
};

/** Written events, and the cursor that stands after them. */
export type Told = { text: string; cursor: string };

type ClientDeps = {
  response: ServerResponse;
  /** Null: it starts anew. */
  cursor: string | null;
  /** What to tell a client that is there; `isLast`: it has to come again. */
  catchUp(cursor: string | null): Promise<Told & { isLast: boolean }>;
  drainTimeoutMs: number;
  onError(error: unknown): void;
};

export function makeLiveClient({
  catchUp,
  cursor: given,
  drainTimeoutMs,
  onError,
  response,
}: ClientDeps): LiveClient {
  let cursor = given;
  let state: "new" | "busy" | "live" | "over" = "new";
  let hasMissed = false;
  /** What it was ended with before its start; the first counts. */
  let early: { farewell: string | null } | null = null;

  const end = (farewell: string | null) => {
    if (state === "over") return;
    if (state === "new") {
      early ??= { farewell };
      return;
    }
    state = "over";
    if (farewell !== null && response.writable) response.write(farewell);
    response.end();
  };
  const refresh = async () => {
    do {
      hasMissed = false;
      const news = await catchUp(cursor);
      if (state === "over") return;
      if (news.isLast) return end(news.text);
      cursor = news.cursor;
      if (!(await write(response, news.text, { drainTimeoutMs }))) return end(null);
    } while (hasMissed);
    // Nothing was told since the last reading began, so nothing lies between it and what comes next.
    if (state === "busy") state = "live";
  };
  const run = (work: () => Promise<void>) => {
    state = "busy";
    work().catch((error) => {
      // Too late for a status: the client reconnects.
      onError(error);
      end(null);
      response.destroy();
    });
  };
  const waitForSocket = async () => {
    if (!(await drained(response, drainTimeoutMs))) return end(null);
    if (hasMissed) return refresh();
    if (state === "busy") state = "live";
  };
  return {
    start: () => {
      if (early === null) return run(refresh);
      state = "busy";
      end(early.farewell);
    },
    tell: (news) => {
      hasMissed = true;
      if (state !== "live") return;
      hasMissed = false;
      cursor = news.cursor;
      if (!response.write(news.text)) run(waitForSocket);
    },
    beat: (text) => {
      if (state === "live" && !response.write(text)) run(waitForSocket);
    },
    end,
  };
}

import pg from "pg";
import type { Connection } from "./open.ts";

/**
 * One LISTEN connection per process. A notification is only a hint: every listener also polls,
 * so a lost one costs time, never work. A broken connection is rebuilt with a pause.
 */
export async function listen(
  connection: Connection,
  onMessage: (payload: string) => void,
  onReconnect: () => void,
  onError: (error: Error) => void,
): Promise<{ close(): Promise<void> }> {
  let closed = false;
  let isAgain = false;
  let client: pg.Client | null = null;
  let timer: NodeJS.Timeout | undefined;
  const reconnectSoon = () => {
    if (closed || timer) return;
    timer = setTimeout(() => {
      timer = undefined;
      connect().catch((error: Error) => {
        onError(error);
        reconnectSoon();
      });
    }, 1_000);
  };
  const connect = async (): Promise<void> => {
    const next = new pg.Client({
      ...connection,
      application_name: "deputy listen",
      keepAlive: true,
    });
    next.on("error", onError);
    next.on("end", () => {
      client = null;
      reconnectSoon();
    });
    next.on("notification", (message) => onMessage(message.payload ?? ""));
    await next.connect();
    await next.query("listen deputy");
    client = next;
    if (isAgain) onReconnect();
    isAgain = true;
  };
  await connect();
  return {
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await client?.end();
    },
  };
}

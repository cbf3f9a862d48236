import pg from "pg";
import type { Store } from "./open.ts";

/**
 * Calls `onMessage` with each notification: this process's own as soon as it is sent, those of the other
 * processes through one LISTEN connection. A notification is only a hint: every listener also polls,
 * so a lost one costs time, never work. A broken connection is rebuilt with a pause.
 */
export async function listen(
  { connection, notifier }: Pick<Store, "connection" | "notifier">,
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
    next.on("notification", ({ payload = "" }) => {
      const [sender = ""] = payload.split(" ", 1);
      if (sender !== notifier.sender) onMessage(payload.slice(sender.length + 1));
    });
    await next.connect();
    await next.query("listen deputy");
    client = next;
    if (isAgain) onReconnect();
    isAgain = true;
  };
  await connect();
  const stopOwn = notifier.onSent(onMessage);
  return {
    close: async () => {
      stopOwn();
      closed = true;
      clearTimeout(timer);
      await client?.end();
    },
  };
}

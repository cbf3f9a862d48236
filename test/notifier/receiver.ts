import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { plainManners } from "../../src/core/settings/notify-settings.ts";
import type { NotifierConfig } from "../../src/notifier/notifier-config.ts";

/** A real server that writes down what it gets and answers what the test says. */
export type Received = {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
};
export type Answer = { status: number; headers?: Record<string, string>; body?: string } | "hang";

export type Receiver = {
  url: string;
  received: Received[];
  answer: (request: Received) => Answer;
  /** Resolves when the nth request has come. */
  got(count: number): Promise<void>;
  close(): Promise<void>;
};

export async function startReceiver(): Promise<Receiver> {
  const waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const received = {
        method: request.method ?? "",
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      };
      receiver.received.push(received);
      const answer = receiver.answer(received);
      for (const waiter of waiting) {
        if (receiver.received.length >= waiter.count) waiter.resolve();
      }
      if (answer === "hang") return;
      response.writeHead(answer.status, answer.headers).end(answer.body ?? "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: [],
    answer: () => ({ status: 200 }),
    got: (count) =>
      receiver.received.length >= count
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push({ count, resolve })),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return receiver;
}

/** Nothing is configured. */
export const noChannels: NotifierConfig = {
  ...{
    ntfy: null,
    webhook: null,
    slack: null,
    discord: null,
    telegram: null,
    apprise: null,
    webPush: null,
  },
  ...{ publicUrl: null, manners: plainManners },
};

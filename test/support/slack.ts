import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";

/**
 * Slack's Web API and Socket Mode, as far as its documents say: a socket's address for an app's token, each
 * press to one socket, which has to acknowledge it. `fail` answers a method with an error.
 */
export type SlackMessage = {
  ts: string;
  text: string;
  words: string[];
  buttons: { label: string; value: string }[];
  updates: number;
};

export type Slack = {
  api: string;
  bot: { appToken: string; botToken: string; channel: string; api: string };
  messages: SlackMessage[];
  sockets: Set<WebSocket>;
  /** How many sockets were opened. */
  opened: number;
  /** As a person does it; resolves when it is acknowledged, or false where its socket ended first. */
  press(message: SlackMessage, value: string, channel?: string): Promise<boolean>;
  /** Sends a line on each socket. */
  say(line: string): void;
  fail(method: string, error: string | null): void;
  close(): Promise<void>;
};

type Block = {
  type: string;
  text?: { text: string };
  elements?: { text: { text: string }; value: string }[];
};

export async function startSlack(): Promise<Slack> {
  const failing = new Map<string, string>();
  let ids = 1;
  const say = (response: ServerResponse, body: object) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
  };
  const read = ({ blocks = [], text = "" }: { blocks?: Block[]; text?: string }) => ({
    text,
    words: blocks.flatMap((block) => block.text?.text ?? []),
    buttons: blocks.flatMap(({ elements = [] }) =>
      elements.map((one) => ({ label: one.text.text, value: one.value })),
    ),
  });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const method = request.url?.replace("/api/", "") ?? "";
      const { appToken, botToken, channel } = slack.bot;
      const wanted = method === "apps.connections.open" ? appToken : botToken;
      const error = failing.get(method);
      if (request.headers.authorization !== `Bearer ${wanted}`)
        return say(response, { ok: false, error: "invalid_auth" });
      if (error !== undefined) return say(response, { ok: false, error });
      const body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
      if (method === "apps.connections.open")
        return say(response, { ok: true, url: `${slack.api.replace("http", "ws")}/link` });
      if (method === "auth.test") return say(response, { ok: true });
      if (body.channel !== channel) return say(response, { ok: false, error: "channel_not_found" });
      if (method === "chat.postMessage") {
        const message = { ts: `${ids++}.000100`, ...read(body), updates: 0 };
        slack.messages.push(message);
        return say(response, { ok: true, ts: message.ts });
      }
      const message = slack.messages.find(({ ts }) => ts === body.ts);
      if (!message) return say(response, { ok: false, error: "message_not_found" });
      Object.assign(message, { ...read(body), updates: message.updates + 1 });
      say(response, { ok: true, ts: message.ts });
    });
  });
  const acks = new Map<string, (isTaken: boolean) => void>();
  const socketServer = new WebSocketServer({ server });
  socketServer.on("connection", (socket) => {
    slack.sockets.add(socket);
    slack.opened++;
    socket.send(JSON.stringify({ type: "hello", num_connections: 1 }));
    socket.on("message", (data) => acks.get(JSON.parse(String(data)).envelope_id)?.(true));
    socket.on("close", () => {
      slack.sockets.delete(socket);
      for (const done of acks.values()) done(false);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`;
  const slack: Slack = {
    api,
    bot: { appToken: "xapp-1-secret", botToken: "xoxb-1-secret", channel: "C0123", api },
    ...{ messages: [], sockets: new Set(), opened: 0 },
    press: (message, value, channel = "C0123") =>
      new Promise((resolve) => {
        const [socket] = slack.sockets;
        if (!socket) throw new Error("nobody listens");
        const id = `envelope-${ids++}`;
        acks.set(id, resolve);
        const payload = {
          ...{ type: "block_actions", user: { id: "U1" }, channel: { id: channel } },
          ...{ message: { ts: message.ts }, actions: [{ action_id: "deputy-0", value }] },
        };
        socket.send(JSON.stringify({ envelope_id: id, type: "interactive", payload }));
      }),
    say: (line) => {
      for (const socket of slack.sockets) socket.send(line);
    },
    fail: (method, error) => {
      if (error === null) failing.delete(method);
      else failing.set(method, error);
    },
    close: async () => {
      for (const socket of slack.sockets) socket.terminate();
      socketServer.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return slack;
}

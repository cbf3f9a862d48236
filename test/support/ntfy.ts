import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * An ntfy server, as far as its documents say: messages are published as JSON to its root, kept for
 * twelve hours, read as a poll or as a stream, updated and deleted by sequence id, and delivered
 * later. What is due later is delivered when the test moves the clock. `access` says who may do what;
 * `sequences: false` is a server from before 2.16, which ignores sequence ids.
 */
export type NtfyMessage = {
  id: string;
  time: number;
  event: "message" | "message_delete";
  topic: string;
  message?: string;
  title?: string;
  priority?: number;
  tags?: string[];
  click?: string;
  actions?: NtfyAction[];
  sequence_id?: string;
};
type NtfyAction = {
  action: string;
  label: string;
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
};
type Kept = NtfyMessage & { dueAt: number };
type Access = (about: { topic: string; token: string | null; write: boolean }) => number;

export type Ntfy = {
  url: string;
  /** For a daemon that pushes to `topic`. */
  env: Record<string, string>;
  topic: string;
  /** What was delivered to a topic, oldest first. */
  delivered(topic?: string): NtfyMessage[];
  scheduled(topic?: string): NtfyMessage[];
  /** What a phone shows: the newest of each sequence. */
  cards(): NtfyMessage[];
  /** Waits for a card. */
  card(fits: (message: NtfyMessage) => boolean): Promise<NtfyMessage>;
  /** As a phone does it; returns the status. */
  press(card: NtfyMessage, label: string): Promise<number>;
  publish(body: object): Promise<Response>;
  /** The topic that buttons are sent to, as soon as the daemon reads it. */
  replyTopic(): Promise<string>;
  /** Resolves when a reader of the topic has an open stream. */
  streaming(topic: string): Promise<void>;
  requests: { method: string; path: string; authorization: string | null }[];
  setAccess(access: Access): void;
  /** Answers everything with this status; null: works again. */
  setDown(status: number | null): void;
  /** Ends all open streams, as a restart does. */
  cut(): void;
  advance(ms: number): void;
  close(): Promise<void>;
};

export async function startNtfy(
  options: { sequences?: boolean; keepaliveMs?: number; access?: Access } = {},
): Promise<Ntfy> {
  const { sequences = true, keepaliveMs = 45_000 } = options;
  const topic = "deputy";
  const kept: Kept[] = [];
  const streams = new Set<{ topic: string; response: ServerResponse }>();
  const watchers = new Set<() => void>();
  const requests: Ntfy["requests"] = [];
  let access: Access = options.access ?? (() => 200);
  let down: number | null = null;
  let shiftMs = 0;
  const now = () => Date.now() + shiftMs;
  const changed = () => {
    for (const look of [...watchers]) look();
  };
  const when = <T>(read: () => T | undefined | false) =>
    new Promise<T>((resolve) => {
      const look = () => {
        const found = read();
        if (found === undefined || found === false) return;
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      look();
    });

  const isDue = ({ dueAt }: Kept) => dueAt <= now();
  const show = ({ dueAt: _, ...message }: Kept): NtfyMessage => message;
  const of = (name: string) => kept.filter((one) => one.topic === name);
  const send = (message: Kept) => {
    for (const stream of streams)
      if (stream.topic === message.topic)
        stream.response.write(`${JSON.stringify(show(message))}\n`);
  };
  const keep = (message: Kept) => {
    kept.push(message);
    if (isDue(message)) send(message);
    changed();
  };
  const line = (event: string, name: string) =>
    `${JSON.stringify({ id: newId(), time: Math.floor(now() / 1000), event, topic: name })}\n`;

  const publish = async (request: IncomingMessage, response: ServerResponse) => {
    const body = JSON.parse((await readBody(request)) || "{}");
    const { topic: name, message = "triggered", delay, sequence_id, ...rest } = body;
    if (!/^[-_A-Za-z0-9]{1,64}$/.test(name ?? "")) return refuse(response, 400);
    const allowed = access({ topic: name, token: tokenOf(request), write: true });
    if (allowed !== 200) return refuse(response, allowed);
    if (Buffer.byteLength(message) > 4_096) return refuse(response, 413);
    if ((rest.actions ?? []).length > 3) return refuse(response, 400);
    const delayMs = delay === undefined ? 0 : readDelay(delay);
    if (delayMs !== 0 && !(delayMs >= 10_000 && delayMs <= 3 * 24 * 3_600_000))
      return refuse(response, 400);
    if (sequences && sequence_id !== undefined)
      for (const old of of(name).filter((one) => one.sequence_id === sequence_id && !isDue(one)))
        kept.splice(kept.indexOf(old), 1);
    const made: Kept = {
      ...{ id: newId(), time: Math.floor((now() + delayMs) / 1000), event: "message" },
      ...{ topic: name, message, ...rest, dueAt: now() + delayMs },
      ...(sequences && sequence_id !== undefined ? { sequence_id } : {}),
    };
    keep(made);
    response.end(JSON.stringify(show(made)));
  };

  const read = (request: IncomingMessage, response: ServerResponse, name: string, url: URL) => {
    const allowed = access({ topic: name, token: tokenOf(request), write: false });
    if (allowed !== 200) return refuse(response, allowed);
    const since = url.searchParams.get("since") ?? (url.searchParams.has("poll") ? "all" : "none");
    const withScheduled = url.searchParams.has("scheduled");
    const alive = of(name).filter(({ dueAt }) => dueAt > now() - 12 * 3_600_000);
    const at = alive.findIndex(({ id }) => id === since);
    // Of an id that it does not know, everything.
    const found = since === "none" ? [] : alive.slice(at + 1);
    const lines = found.filter((one) => withScheduled || isDue(one)).map(show);
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    const isPoll = url.searchParams.has("poll");
    if (!isPoll) response.write(line("open", name));
    response.write(lines.map((one) => `${JSON.stringify(one)}\n`).join(""));
    if (isPoll) return response.end();
    const stream = { topic: name, response };
    streams.add(stream);
    const beat = setInterval(() => response.write(line("keepalive", name)), keepaliveMs);
    response.on("close", () => {
      clearInterval(beat);
      streams.delete(stream);
    });
    changed();
  };

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://ntfy");
    const { method = "" } = request;
    const { authorization = null } = request.headers;
    requests.push({ method, path: url.pathname, authorization });
    if (down !== null) return refuse(response, down);
    const [, name = "", last = ""] = url.pathname.split("/");
    if (method === "POST" && name === "") return void publish(request, response);
    if (method === "GET" && last === "json") return void read(request, response, name, url);
    if (method === "DELETE" && sequences && last !== "") {
      for (const old of of(name).filter((one) => one.sequence_id === last && !isDue(one)))
        kept.splice(kept.indexOf(old), 1);
      const about = { id: newId(), time: Math.floor(now() / 1000), topic: name };
      keep({ ...about, event: "message_delete", sequence_id: last, dueAt: now() });
      return void response.end("{}");
    }
    refuse(response, 404);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  const ntfy: Ntfy = {
    url,
    topic,
    requests,
    env: { DEPUTY_NTFY_URL: url, DEPUTY_NTFY_TOPIC: topic },
    delivered: (name = topic) =>
      of(name)
        .filter((one) => one.event === "message" && isDue(one))
        .map(show),
    scheduled: (name = topic) =>
      of(name)
        .filter((one) => !isDue(one))
        .map(show),
    cards: () => {
      const bySequence = new Map<string, NtfyMessage>();
      for (const one of of(topic).filter(isDue).map(show)) {
        const key = one.sequence_id ?? one.id;
        if (one.event === "message_delete") bySequence.delete(key);
        else bySequence.set(key, one);
      }
      return [...bySequence.values()];
    },
    card: (fits) => when(() => ntfy.cards().find(fits)),
    press: async ({ actions = [] }, label) => {
      const action = actions.find((one) => one.label === label);
      if (!action) throw new Error(`no button ${label} among ${actions.map((one) => one.label)}`);
      const { body, headers, method } = action;
      const response = await fetch(action.url, {
        ...(method ? { method } : {}),
        ...(headers ? { headers } : {}),
        ...(body ? { body } : {}),
      });
      return response.status;
    },
    publish: (body) => fetch(url, { method: "POST", body: JSON.stringify(body) }),
    replyTopic: () => when(() => [...streams].find((one) => one.topic !== topic)?.topic),
    streaming: async (name) => {
      await when(() => [...streams].some((one) => one.topic === name));
    },
    setAccess: (next) => {
      access = next;
    },
    setDown: (status) => {
      down = status;
    },
    cut: () => {
      for (const { response } of streams) response.destroy();
    },
    advance: (ms) => {
      const waiting = kept.filter((one) => !isDue(one));
      shiftMs += ms;
      for (const one of waiting.filter(isDue)) send(one);
      changed();
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return ntfy;
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status).end(JSON.stringify({ http: status, error: "refused" }));
}

function tokenOf({ headers }: IncomingMessage): string | null {
  return /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1] ?? null;
}

const newId = () => randomBytes(9).toString("base64url").replace(/[-_]/g, "x");

function readDelay(text: string): number {
  const [, count = "", unit = ""] = /^(\d+)([smh])$/.exec(text) ?? [];
  return Number(count) * ({ s: 1_000, m: 60_000, h: 3_600_000 }[unit] ?? Number.NaN);
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

import { connect } from "node:net";
import { onTestFinished } from "vitest";
import { type HttpServerOptions, startHttpServer } from "../../src/http/server.ts";
import { MemoryService } from "./memory-service.ts";

export const token = "secret-token";

/** A real server on a free port, closed when the test ends. */
export async function startTestServer(options: Partial<HttpServerOptions> = {}) {
  const service = new MemoryService();
  const logged: { level: string; object: object; message: string }[] = [];
  const server = await startHttpServer({
    service,
    host: "127.0.0.1",
    port: 0,
    token,
    allowedHosts: [],
    redact: (text) => text,
    version: "0.0.0",
    log: (level, object, message) => logged.push({ level, object, message }),
    ...options,
  });
  onTestFinished(() => server.close());
  const call = (path: string, init: RequestInit = {}) =>
    fetch(server.url + path, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
    });
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    call(path, {
      method: "POST",
      ...(body !== undefined && { body: JSON.stringify(body) }),
      headers: { ...(body !== undefined && { "content-type": "application/json" }), ...headers },
    });
  const submit = async (body: object = {}) => {
    const response = await post("/v1/tasks", { goal: "Fix it", repository: "/repo", ...body });
    return (await response.json()) as { id: string };
  };
  return { ...server, service, logged, call, post, submit };
}

/** Send bytes and read until the server closes the connection. */
export function sendRaw(url: string, ...parts: (string | Buffer)[]): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("close", () => resolve(text));
    socket.on("error", reject);
    for (const part of parts) socket.write(part);
  });
}

/** The next events of a stream as they come: {id, event, data}; null when it ends. */
export function readStream(response: Response) {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  const next = async (): Promise<{ id: string | null; event: string; data: string } | null> => {
    for (;;) {
      const end = rest.indexOf("\n\n");
      if (end >= 0) {
        const block = rest.slice(0, end);
        rest = rest.slice(end + 2);
        const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? null;
        const event = field("event");
        if (event === null) continue;
        return { id: field("id"), event, data: field("data") ?? "" };
      }
      const chunk = await reader?.read();
      if (!chunk || chunk.done) return null;
      rest += chunk.value;
    }
  };
  return { next, cancel: () => reader?.cancel() };
}

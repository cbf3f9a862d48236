import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, onTestFinished, test } from "vitest";
import { type Forwarded, forwardCall } from "../../src/agents/gateway/forward-call.ts";

/** A provider that falls silent in the middle of an answer, and a garbage collector that is busy. */
async function listen(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test("a silent answer ends for its silence, whatever the garbage collector took meanwhile", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const provider = await listen((_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: first\n\n");
  });
  const calls: Promise<Forwarded>[] = [];
  const gateway = await listen((request, response) => {
    const { signal } = new AbortController();
    const options = { usageOf: () => null, idleMs: 300, signal };
    const own = { protocol: "openai", apiKey: "key", baseUrl: provider } as const;
    calls.push(forwardCall(own, provider, request, Buffer.from("{}"), response, options));
  });
  const answer = await fetch(gateway, { method: "POST", body: "{}" });
  const collecting = setInterval(collect, 10);
  onTestFinished(() => clearInterval(collecting));
  expect(await calls[0]).toMatchObject({ kind: "broken" });
  await answer.body?.cancel().catch(() => {}); // broken off with the provider's
});

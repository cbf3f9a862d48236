import { createServer, request } from "node:http";
import { expect, onTestFinished, test } from "vitest";
import { exposeOnLoopback } from "../../src/agents/gateway/expose-on-loopback.ts";
import { judgeFailure } from "../../src/agents/gateway/judge-failure.ts";
import { openGateway } from "../../src/agents/gateway/open-gateway.ts";
import type { Protocol } from "../../src/agents/gateway/provider.ts";
import { readCall } from "../../src/agents/gateway/read-call.ts";
import type { Scenario, Turn } from "../support/model-server/scenario.ts";
import { startModelServer } from "../support/model-server/start.ts";
import { makeRun } from "./make-run.ts";

const realKey = "sk-the-real-one";
const usage = { input: 1_000, cached: 400, output: 50, reasoning: 20 };

async function open(
  turns: Turn[],
  given: Parameters<typeof makeRun>[0] = {},
  protocol: Protocol = "openai",
) {
  const scenario: Scenario = { models: ["m-1"], roles: { coder: { turnsBy: "served", turns } } };
  const server = await startModelServer({ scenario, apiKey: realKey });
  const run = await makeRun(given);
  const baseUrl = protocol === "openai" ? server.url : server.origin;
  const gateway = await openGateway({ protocol, apiKey: realKey, baseUrl }, run);
  onTestFinished(async () => {
    await gateway.close();
    await server.close();
  });
  const ask = async (path: string, body: unknown, key = gateway.key, method = "POST") => {
    const response = await fetch(gateway.baseUrl + path, {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(method === "POST" ? { body: JSON.stringify(body) } : {}),
    });
    return { status: response.status, text: await response.text() };
  };
  return { server, run, gateway, ask };
}

const tools = [{ type: "function", function: { name: "bash", parameters: {} } }];
const chat = { model: "m-1", messages: [{ role: "user", content: "hi" }], tools };
const responses = {
  model: "m-1",
  input: [{ role: "user", content: "hi" }],
  tools: [{ type: "function", name: "bash", parameters: {} }],
};
const messages = {
  model: "m-1",
  max_tokens: 100,
  messages: [{ role: "user", content: "hi" }],
  tools: [{ name: "bash", input_schema: { type: "object" } }],
};

const told = { inputTokens: 1_000, cachedInputTokens: 400, outputTokens: 50 };

test.each([
  ["openai", "/chat/completions", { ...chat, stream: true }],
  ["openai", "/chat/completions", chat],
  ["openai", "/responses", { ...responses, stream: true }],
  ["openai", "/responses", responses],
  ["anthropic", "/v1/messages", { ...messages, stream: true }],
  ["anthropic", "/v1/messages", messages],
] as const)("%s %s is counted as the server counts it", async (protocol, path, body) => {
  const { ask, run, server, gateway } = await open([{ text: "hello", usage }], {}, protocol);
  const { status, text } = await ask(path, body);
  expect(status, text).toBe(200);
  expect(text).toContain("he"); // a streamed text comes in pieces
  expect(run.calls).toMatchObject([{ model: "m-1", tokens: told, costUsd: null }]);
  expect(server.served["m-1"]).toMatchObject({ calls: 1, ...told });
  expect(gateway.trouble()).toBe(null);
});

test("the key of the run opens the gateway, no other does, and the real one stays inside", async () => {
  const { ask, server, gateway } = await open([{ text: "hello" }]);
  expect((await ask("/chat/completions", chat, "sk-other")).status).toBe(401);
  expect((await ask("/chat/completions", chat, realKey)).status).toBe(401);
  expect(server.requests).toEqual([]);
  expect(gateway.calls()).toBe(0);
  expect((await ask("/chat/completions", chat)).status).toBe(200);
  expect(JSON.stringify(server.requests[0]?.headers)).toContain(realKey);
  expect(JSON.stringify(server.requests[0]?.headers)).not.toContain(gateway.key);
});

test.each([
  ["POST", "/files"],
  ["GET", "/../secrets"],
  ["DELETE", "/models"],
])("%s %s is nothing that a program may ask for", async (method, path) => {
  const { ask } = await open([]);
  expect((await ask(path, {}, undefined, method)).status).toBe(404);
});

test("a whole address as the target leads to the one provider all the same", async () => {
  const other = createServer((_, response) => response.end("caught"));
  const port = await exposeOnLoopback(other);
  onTestFinished(() => void other.close());
  const { gateway } = await open([]);
  const { hostname, port: own } = new URL(gateway.baseUrl);
  const status = await new Promise<number | undefined>((resolve) => {
    request({
      hostname,
      port: own,
      path: `http://127.0.0.1:${port}/v1/models`,
      headers: { authorization: `Bearer ${gateway.key}` },
    })
      .on("response", (response) => {
        response.resume();
        let text = "";
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve(text === "caught" ? -1 : response.statusCode));
      })
      .end();
  });
  expect(status).toBe(200);
});

test("a refused call is not made, in words that a program understands", async () => {
  const { ask, server, gateway } = await open([{ text: "hello" }], {
    meter: {
      limits: null,
      refuse: async () => "the task's 10 turns are used up",
      count: async () => {},
      watch: async () => {},
      settle: async () => {},
    },
  });
  const { status, text } = await ask("/responses", responses);
  expect([status, JSON.parse(text).error.message]).toEqual([
    402,
    "the task's 10 turns are used up",
  ]);
  expect(server.requests).toEqual([]);
  expect(gateway.stopped.aborted).toBe(true);
  expect(gateway.trouble()).toMatchObject({ kind: "out_of_budget" });
});

test("turns have a limit for programs that know none", async () => {
  const { ask, gateway } = await open([{ text: "1" }, { text: "2" }, { text: "3" }], {
    maxTurns: 2,
  });
  const codes = [];
  for (let i = 0; i < 3; i++) codes.push((await ask("/chat/completions", chat)).status);
  expect(codes).toEqual([200, 200, 402]);
  expect(gateway.trouble()?.detail).toBe("used all 2 turns");
});

test.each(["cut", "reset"] as const)(
  "an answer that breaks off (%s) is a failure and counts nothing",
  async (kind) => {
    const { ask, run, gateway } = await open([{ text: "a longer text", fault: { kind } }]);
    await ask("/responses", { ...responses, stream: true }).catch(() => {});
    await expect.poll(() => gateway.trouble()?.kind).toBe("model_unavailable");
    expect(run.calls).toEqual([]);
  },
);

test("trouble that passes is forgotten with the next answer", async () => {
  const { ask, gateway } = await open([{ text: "hello", fault: { kind: "server_error" } }]);
  expect((await ask("/chat/completions", chat)).status).toBe(500);
  expect(gateway.trouble()).toMatchObject({ kind: "model_unavailable", isFinal: false });
  expect((await ask("/chat/completions", chat)).status).toBe(200);
  expect(gateway.trouble()).toBe(null);
});

const provider = {
  protocol: "openai",
  apiKey: realKey,
  baseUrl: "https://models.test/v1",
} as const;
const now = Date.parse("2030-01-01T00:00:00Z");
const error = (more: object) => JSON.stringify({ error: { message: "No.", ...more } });

test.each([
  [401, {}, error({}), "agent_unavailable", true, null],
  [402, {}, error({}), "agent_unavailable", true, null],
  [404, {}, error({}), "agent_unavailable", true, null],
  [429, {}, error({ code: "insufficient_quota" }), "agent_unavailable", true, null],
  [400, {}, error({}), "agent_failed", false, null],
  [413, {}, "", "agent_failed", false, null],
  [429, { retryAfter: "5" }, error({}), "model_unavailable", false, now + 5_000],
  [429, { retryAfter: "3600" }, error({}), "rate_limit_window", true, now + 3_600_000],
  [529, { retryAfter: "3600" }, error({}), "model_unavailable", true, now + 3_600_000],
  [
    429,
    {},
    error({ type: "usage_limit_reached", resets_at: 1_900_000_000 }),
    "rate_limit_window",
    true,
    1_900_000_000_000,
  ],
  [
    429,
    {},
    error({ type: "usage_limit_reached", resets_in_seconds: 60 }),
    "rate_limit_window",
    true,
    now + 60_000,
  ],
  [429, { windowResets: "1900000000" }, error({}), "rate_limit_window", true, 1_900_000_000_000],
  [500, {}, "<html>", "model_unavailable", false, null],
  [500, { failuresInRow: 4 }, "", "model_unavailable", true, null],
  [null, {}, "", "model_unavailable", false, null],
  [null, { silence: { ms: 300_000, inRow: 1 } }, "", "model_unavailable", false, null],
  [null, { silence: { ms: 300_000, inRow: 2 } }, "", "model_unavailable", true, null],
] as const)("%s %o %s is %s", (status, given, body, kind, isFinal, retryAt) => {
  const call = {
    provider,
    status,
    retryAfter: null,
    windowResets: null,
    body,
    failuresInRow: 1,
    silence: null,
    now,
    ...given,
  };
  const failure = judgeFailure(call);
  expect([failure.kind, failure.isFinal, failure.retryAt?.getTime() ?? null]).toEqual([
    kind,
    isFinal,
    retryAt,
  ]);
  expect(failure.detail).toContain("models.test");
});

test("a provider that is silent twice in a row ends the run, however often its program would ask", async () => {
  const { ask, gateway, server } = await open([{ text: "hello" }], { modelSilenceMs: 100 });
  server.hold();
  expect((await ask("/chat/completions", chat)).text).toContain("nothing came for");
  expect(gateway.stopped.aborted).toBe(false);
  await ask("/chat/completions", chat);
  expect(gateway.stopped.aborted).toBe(true);
  expect(gateway.trouble()).toMatchObject({ kind: "model_unavailable", isFinal: true });
  expect(gateway.trouble()?.detail).toContain("was silent for 0 s, 2 times in a row");
});

test("what the server repeats of the key is not repeated", () => {
  const body = error({ message: `Bad key ${realKey}` });
  const call = {
    provider,
    status: 401,
    retryAfter: null,
    windowResets: null,
    body,
    failuresInRow: 1,
    silence: null,
    now,
  };
  expect(judgeFailure(call).detail).toMatch(/check OPENAI_API_KEY: Bad key \[key\]/);
});

test("a call is read for what it may come to, and told a limit where the program gives none", () => {
  const at = (host: string) => ({ protocol: "openai", apiKey: "k", baseUrl: host }) as const;
  const read = (path: string, call: object, host = "https://models.example/v1") => {
    const body = Buffer.from(JSON.stringify(call));
    const { body: sent, ...planned } = readCall(at(host), path, body, 16_000);
    return { ...planned, sent: JSON.parse(sent.toString()) };
  };
  const bare = read("/responses", { model: "m", input: "é" });
  expect(bare).toMatchObject({ model: "m", outputTokens: 16_000 });
  expect(bare.inputTokens).toBe(Buffer.byteLength('{"model":"m","input":"é"}'));
  expect(bare.sent.max_output_tokens).toBe(16_000);
  expect(read("/chat/completions", { model: "m" }).sent.max_tokens).toBe(16_000);
  const home = read("/chat/completions", { model: "m" }, "https://api.openai.com/v1");
  expect(home.sent).toEqual({ model: "m", max_completion_tokens: 16_000 });
  const own = read("/chat/completions", { model: "m", max_tokens: 5 });
  expect(own).toMatchObject({ outputTokens: 5, sent: { model: "m", max_tokens: 5 } });
  const kept = read("/responses", { model: "m", previous_response_id: "resp_1" });
  expect(kept.inputTokens).toBe(Number.POSITIVE_INFINITY);
});

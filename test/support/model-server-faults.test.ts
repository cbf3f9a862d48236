import { describe, expect, test } from "vitest";
import { type Answer, askRaw, eventsOf } from "./model-server/ask.ts";
import { makeClient, speak, startForTest } from "./model-server/ask-openai.ts";
import type { Fault, Json, Turn, Wire } from "./model-server/scenario.ts";

const wires = ["responses", "chat", "messages"] as const;
const turn: Turn = {
  text: "I run the tests, and then I look at what they say.",
  calls: [{ tool: "bash", args: { command: "npm test" } }],
  usage: { input: 10, output: 5 },
};

/** The first answer has the fault, the second is the turn itself. */
async function meet(wire: Wire, fault: Fault, more: Json = {}) {
  const server = await startForTest(speak({ ...turn, fault }));
  return { server, answer: await askRaw(server, wire, more) };
}

function isWhole({ status, text, isBroken }: Answer): boolean {
  const end = /data: \[DONE\]\n\n$|"type":"response\.completed"|"type":"message_stop"}\n\n$/;
  return status === 200 && !isBroken && end.test(text);
}

/** A tool call's arguments, put together as a client does it. */
function argumentsOf(answer: Answer): string {
  const pieces = eventsOf(answer).flatMap(({ type, delta, choices }): unknown[] => {
    if (type === "response.function_call_arguments.delta") return [delta];
    const { partial_json } = (delta ?? {}) as Json;
    if (partial_json !== undefined) return [partial_json];
    const [choice] = (choices ?? []) as { delta: { tool_calls?: { function: Json }[] } }[];
    return (choice?.delta.tool_calls ?? []).map((call) => call.function.arguments);
  });
  return pieces.join("");
}

/** What the openai package makes of the answer. */
async function byClient(fault: Fault, wire: "responses" | "chat"): Promise<unknown> {
  const { server } = await meet(wire, { times: 2, ...fault });
  const client = makeClient(server);
  const base = { model: "scripted", stream: true } as const;
  try {
    const stream =
      wire === "responses"
        ? await client.responses.create({ ...base, input: "Fix the test." })
        : await client.chat.completions.create({
            ...base,
            messages: [{ role: "user", content: "Fix the test." }],
          });
    const seen: unknown[] = [];
    for await (const event of stream) seen.push(event);
    return seen.at(-1);
  } catch (error) {
    return error;
  }
}

describe("an error instead of a reply, in each API's own words; the next request gets the turn", () => {
  const resetsAt = 1_900_000_000;
  const openai = (type: string, code: string | null) => ({ error: { type, code } });
  const anthropic = (type: string) => ({ type: "error", error: { type } });

  test.each<[Fault, Record<Wire, [number, Json, Record<string, string>?]>]>([
    [
      { kind: "rate_limit", retryAfter: 7 },
      {
        responses: [429, openai("requests", "rate_limit_exceeded"), { "retry-after": "7" }],
        chat: [429, openai("requests", "rate_limit_exceeded"), { "retry-after": "7" }],
        messages: [429, anthropic("rate_limit_error"), { "retry-after": "7" }],
      },
    ],
    [
      { kind: "server_error" },
      {
        responses: [500, openai("server_error", null)],
        chat: [500, openai("server_error", null)],
        messages: [500, anthropic("api_error")],
      },
    ],
    [
      { kind: "overloaded" },
      {
        responses: [529, openai("overloaded_error", null)],
        chat: [529, openai("overloaded_error", null)],
        messages: [529, anthropic("overloaded_error")],
      },
    ],
    [
      { kind: "usage_limit", resetsAt },
      {
        responses: [429, { error: { type: "usage_limit_reached", resets_at: resetsAt } }],
        chat: [429, { error: { type: "usage_limit_reached", resets_at: resetsAt } }],
        messages: [
          429,
          anthropic("rate_limit_error"),
          { "anthropic-ratelimit-unified-reset": `${resetsAt}` },
        ],
      },
    ],
    [
      { kind: "insufficient_quota" },
      {
        responses: [429, openai("insufficient_quota", "insufficient_quota")],
        chat: [429, openai("insufficient_quota", "insufficient_quota")],
        messages: [400, anthropic("invalid_request_error")],
      },
    ],
    [
      { kind: "status", status: 418, code: "teapot", message: "short", headers: { "x-so": "1" } },
      {
        responses: [418, openai("scripted_error", "teapot"), { "x-so": "1" }],
        chat: [418, openai("scripted_error", "teapot"), { "x-so": "1" }],
        messages: [418, anthropic("api_error"), { "x-so": "1" }],
      },
    ],
  ])("%o", async (fault, expected) => {
    for (const wire of wires) {
      const { server, answer } = await meet(wire, fault);
      const [status, body, headers = {}] = expected[wire];
      expect([wire, answer.status]).toEqual([wire, status]);
      expect(JSON.parse(answer.text)).toMatchObject(body);
      for (const [name, value] of Object.entries(headers)) {
        expect(answer.headers.get(name)).toBe(value);
      }
      expect(isWhole(await askRaw(server, wire))).toBe(true);
      expect(server.requests.map((request) => request.fault)).toEqual([fault.kind, null]);
      expect(server.requests.map((request) => request.turn)).toEqual([0, 0]);
      expect(server.served.scripted?.calls).toBe(1);
    }
  });

  test("context_length: a 400, but an event where a stream of the Responses API has begun", async () => {
    const fault: Fault = { kind: "context_length" };
    const { answer: chat } = await meet("chat", fault);
    expect(chat.status).toBe(400);
    expect(JSON.parse(chat.text).error.code).toBe("context_length_exceeded");
    const { answer: messages } = await meet("messages", fault);
    expect(messages.status).toBe(400);
    expect(JSON.parse(messages.text).error.message).toMatch(/^prompt is too long: \d+ tokens >/);
    const { answer: whole } = await meet("responses", fault, { stream: false });
    expect(whole.status).toBe(400);
    const { answer: streamed } = await meet("responses", fault);
    expect(streamed.status).toBe(200);
    expect(eventsOf(streamed).map(({ type }) => type)).toEqual([
      ...["response.created", "response.in_progress", "response.failed"],
    ]);
    expect(eventsOf(streamed).at(-1)).toMatchObject({
      response: { status: "failed", error: { code: "context_length_exceeded" } },
    });
  });

  test("wrong_content_type: a web page, and all is well with the status", async () => {
    const { answer } = await meet("chat", { kind: "wrong_content_type" });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/html");
    expect(answer.text).toContain("Please log in.");
  });

  test("as often as it is told, one after the other, and then the turn", async () => {
    const server = await startForTest(
      speak({ ...turn, fault: [{ kind: "server_error", times: 2 }, { kind: "overloaded" }] }),
    );
    const statuses: number[] = [];
    for (const _ of [1, 2, 3, 4]) statuses.push((await askRaw(server, "chat")).status);
    expect(statuses).toEqual([500, 500, 529, 200]);
  });
});

describe.each(wires)("a stream that breaks off, on %s", (wire) => {
  test("reset: a part of the reply, then a broken connection", async () => {
    const { server, answer } = await meet(wire, { kind: "reset" });
    expect(answer.isBroken).toBe(true);
    expect(server.served).toEqual({});
    expect(isWhole(await askRaw(server, wire))).toBe(true);
  });

  test("cut: a part of the reply, and a clean end without a finish reason", async () => {
    const { server, answer } = await meet(wire, { kind: "cut" });
    expect(answer.isBroken).toBe(false);
    expect(eventsOf(answer).length).toBeGreaterThan(2);
    expect(isWhole(answer)).toBe(false);
    expect(server.served).toEqual({});
  });

  test("cut_arguments: an end in the middle of a tool call's arguments", async () => {
    const { answer } = await meet(wire, { kind: "cut_arguments" });
    expect(isWhole(answer)).toBe(false);
    expect(argumentsOf(answer)).toMatch(/^\{"comm/);
    expect(() => JSON.parse(argumentsOf(answer))).toThrow(SyntaxError);
    const { answer: intact } = await meet(wire, { kind: "status", status: 500, times: 0 });
    expect(argumentsOf(intact)).toBe('{"command":"npm test"}');
  });

  test("malformed: an event that is no JSON", async () => {
    const { answer } = await meet(wire, { kind: "malformed" });
    expect(answer.isBroken).toBe(false);
    expect(() => eventsOf(answer)).toThrow(SyntaxError);
  });

  test("error_event: an error inside the stream", async () => {
    const { answer } = await meet(wire, { kind: "error_event", message: "Something broke." });
    expect(answer.status).toBe(200);
    expect(JSON.stringify(eventsOf(answer).at(-1))).toContain('"message":"Something broke."');
    const { answer: whole } = await meet(wire, { kind: "error_event" }, { stream: false });
    expect(whole.status).toBe(500);
  });

  test.each(["stall", "hang"] as const)("%s: silence, until it is released", async (kind) => {
    const server = await startForTest(speak({ ...turn, fault: { kind } }));
    let answered = false;
    const asked = askRaw(server, wire).then((answer) => {
      answered = true;
      return answer;
    });
    const stalled = await server.waitForRequest(({ stalledAt }) => stalledAt !== null);
    expect(answered).toBe(false);
    expect(stalled.usage).toBeNull();
    server.release();
    const answer = await asked;
    expect(isWhole(answer)).toBe(true);
    expect(stalled.usage).toMatchObject({ inputTokens: 10, outputTokens: 5 });
  });

  test("without streaming the same cuts go through the middle of the JSON", async () => {
    for (const kind of ["reset", "cut", "malformed"] as const) {
      const { answer } = await meet(wire, { kind }, { stream: false });
      expect(() => JSON.parse(answer.text)).toThrow(SyntaxError);
      expect(answer.isBroken).toBe(kind === "reset");
      expect(answer.text.length).toBeGreaterThan(50);
    }
  });
});

describe.each(wires)("a reply that is whole and yet wrong, on %s", (wire) => {
  const finishes: Record<Wire, Record<"length" | "refusal" | "empty", string>> = {
    responses: {
      length: '"incomplete_details":{"reason":"max_output_tokens"}',
      refusal: '"type":"response.refusal.done"',
      empty: '"output":[]',
    },
    chat: {
      length: '"finish_reason":"length"',
      refusal: '"delta":{"refusal":',
      empty: '"finish_reason":"stop"',
    },
    messages: {
      length: '"stop_reason":"max_tokens"',
      refusal: '"stop_reason":"refusal"',
      empty: '"stop_reason":"end_turn"',
    },
  };

  test("length: arguments that end in the middle, and a finish reason that says why", async () => {
    const { answer } = await meet(wire, { kind: "length" });
    expect(answer.text).toContain(finishes[wire].length);
    expect(answer.isBroken).toBe(false);
    expect(argumentsOf(answer)).toMatch(/^\{"comm/);
    expect(() => JSON.parse(argumentsOf(answer))).toThrow(SyntaxError);
  });

  test("refusal, and empty: no text and no call", async () => {
    for (const kind of ["refusal", "empty"] as const) {
      const { server, answer } = await meet(wire, { kind });
      expect(answer.text).toContain(finishes[wire][kind]);
      expect(answer.text).not.toMatch(/I run the|toolu_|call_t0/);
      expect(isWhole(answer)).toBe(true);
      expect(server.served.scripted).toMatchObject({ calls: 1, inputTokens: 10 });
    }
  });

  test("unknown_tool: a call of what was never offered", async () => {
    const { server, answer } = await meet(wire, { kind: "unknown_tool", name: "launch" });
    expect(isWhole(answer)).toBe(true);
    expect(answer.text).toContain('"name":"launch"');
    expect(answer.text).not.toContain('"name":"bash"');
    expect(server.requests[0]?.tools).toEqual(["bash"]);
  });

  test("no_usage: nothing says what it cost, and nothing counts as served", async () => {
    const { server, answer } = await meet(wire, { kind: "no_usage" });
    expect(isWhole(answer)).toBe(true);
    expect(answer.text).not.toMatch(/_tokens":\d/);
    expect(server.served).toEqual({});
  });
});

describe("what the openai package makes of it", () => {
  test.each(["responses", "chat"] as const)("%s", async (wire) => {
    const fails = (kind: "rate_limit" | "reset" | "malformed") => byClient({ kind }, wire);
    expect(await fails("rate_limit")).toMatchObject({ status: 429, code: "rate_limit_exceeded" });
    expect(await fails("reset")).toMatchObject({ message: expect.stringMatching(/terminated/) });
    expect(await fails("malformed")).toBeInstanceOf(SyntaxError);
    const broken = await byClient({ kind: "error_event", message: "Something broke." }, wire);
    expect(JSON.stringify(broken)).toContain("Something broke.");
  });
});

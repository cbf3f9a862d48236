import { OpenAI } from "openai";
import { describe, expect, test } from "vitest";
import { askRaw, eventsOf } from "./model-server/ask.ts";
import {
  chatTools,
  responseTools,
  speak,
  startWithClient as start,
  user,
} from "./model-server/ask-openai.ts";
import type { Json, Turn } from "./model-server/scenario.ts";

const usage = { input: 100, cached: 40, output: 30, reasoning: 12 };
const command = "npm test -- --reporter=tap";
const turns: Turn[] = [
  {
    reasoning: "The test is red: look first.",
    text: "I run the tests.",
    calls: [
      { tool: "bash", args: { command } },
      { tool: "bash", args: { command: "git status" } },
    ],
    usage,
  },
  { text: "They are green.", usage: { input: 7, output: 3 } },
];

describe("the Responses API, by the openai package", () => {
  test("streams items piece by piece, and the whole response with its usage at the end", async () => {
    const { server, client } = await start(speak(...turns));
    const stream = client.responses.stream({
      model: "scripted",
      input: "go",
      tools: responseTools,
      include: ["reasoning.encrypted_content"],
    });
    const types: string[] = [];
    const pieces: string[] = [];
    for await (const event of stream) {
      if (types.at(-1) !== event.type) types.push(event.type);
      if (event.type === "response.function_call_arguments.delta") pieces.push(event.delta);
    }
    const call = ["function_call_arguments.delta", "function_call_arguments.done"];
    expect(types.map((type) => type.replace("response.", ""))).toEqual([
      ...["created", "in_progress"],
      ...["output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta"],
      ...["reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"],
      ...["output_item.added", "content_part.added", "output_text.delta", "output_text.done"],
      ...["content_part.done", "output_item.done"],
      ...["output_item.added", ...call, "output_item.done"],
      ...["output_item.added", ...call, "output_item.done"],
      "completed",
    ]);
    expect(pieces.length).toBeGreaterThan(4);
    const { output, output_text, usage: told } = await stream.finalResponse();
    expect(output_text).toBe("I run the tests.");
    expect(output).toMatchObject([
      { type: "reasoning", encrypted_content: expect.stringMatching(/^gAAAAA/) },
      { type: "message" },
      { type: "function_call", name: "bash", arguments: JSON.stringify({ command }) },
      { type: "function_call", arguments: '{"command":"git status"}' },
    ]);
    expect(told).toEqual({
      input_tokens: 100,
      input_tokens_details: { cached_tokens: 40 },
      output_tokens: 30,
      output_tokens_details: { reasoning_tokens: 12 },
      total_tokens: 130,
    });
    expect(server.served).toEqual({
      scripted: {
        calls: 1,
        inputTokens: 100,
        cachedInputTokens: 40,
        outputTokens: 30,
        reasoningTokens: 12,
      },
    });
  });

  test("goes on with its own output carried back, or with the id of the response before", async () => {
    const { server, client } = await start(speak(...turns));
    const first = await client.responses.create({
      model: "scripted",
      input: "go",
      tools: responseTools,
    });
    const results = first.output.flatMap((item) =>
      item.type === "function_call"
        ? [{ type: "function_call_output" as const, call_id: item.call_id, output: "ok" }]
        : [],
    );
    const before = first.output as OpenAI.Responses.ResponseInputItem[];
    const carried = await client.responses.create({
      model: "scripted",
      input: [{ type: "message", ...user("go") }, ...before, ...results],
    });
    const named = await client.responses.create({
      model: "scripted",
      previous_response_id: first.id,
      input: results,
    });
    expect([carried.output_text, named.output_text]).toEqual([
      "They are green.",
      "They are green.",
    ]);
    expect(server.requests.map(({ turn }) => turn)).toEqual([0, 1, 1]);
    expect(server.served.scripted).toMatchObject({ calls: 3, inputTokens: 114 });
    await expect(
      client.responses.create({ model: "scripted", previous_response_id: "resp_no", input: "x" }),
    ).rejects.toMatchObject({ status: 400, code: "previous_response_not_found" });
  });
});

describe("Chat Completions, by the openai package", () => {
  test("streams fragments of tool calls, a finish reason, and usage last", async () => {
    const { client } = await start(speak(...turns));
    const stream = client.chat.completions.stream({
      model: "scripted",
      messages: [user("go")],
      tools: chatTools,
      stream_options: { include_usage: true },
    });
    const fragments: string[] = [];
    for await (const { choices } of stream) {
      for (const { function: part } of choices[0]?.delta.tool_calls ?? []) {
        fragments.push(part?.arguments ?? "");
      }
    }
    expect(fragments.filter(Boolean).length).toBeGreaterThan(4);
    const { choices, usage: told } = await stream.finalChatCompletion();
    expect(choices[0]).toMatchObject({
      finish_reason: "tool_calls",
      message: {
        content: "I run the tests.",
        tool_calls: [
          { function: { name: "bash", arguments: JSON.stringify({ command }) } },
          { function: { name: "bash", arguments: '{"command":"git status"}' } },
        ],
      },
    });
    expect(told).toMatchObject({
      prompt_tokens: 100,
      completion_tokens: 30,
      prompt_tokens_details: { cached_tokens: 40 },
      completion_tokens_details: { reasoning_tokens: 12 },
    });
  });

  test("says what it cost only when asked, and counts as served only what it said", async () => {
    const { server } = await start(speak(...turns));
    const silent = await askRaw(server, "chat", { stream_options: null });
    expect(silent.text).not.toContain("prompt_tokens");
    expect(silent.text).toMatch(/\n\ndata: \[DONE\]\n\n$/);
    expect(server.served).toEqual({});
    await askRaw(server, "chat", { stream: false });
    expect(server.served.scripted).toMatchObject({ calls: 1, outputTokens: 30 });
  });
});

describe("Anthropic's Messages", () => {
  test("streams blocks, with thinking where the request asks for it", async () => {
    const { server } = await start(speak(...turns));
    const answer = await askRaw(server, "messages", { thinking: { type: "enabled" } });
    const events = eventsOf(answer);
    const blocks = events.filter(({ type }) => type === "content_block_start");
    expect(blocks.map(({ content_block }) => (content_block as Json).type)).toEqual([
      ...["thinking", "text", "tool_use", "tool_use"],
    ]);
    expect(events.map(({ type }) => type)).toContain("ping");
    const input = events.flatMap(({ index, delta }) => {
      const { partial_json } = (delta ?? {}) as Json;
      return index === 2 && partial_json !== undefined ? [partial_json] : [];
    });
    expect(input.length).toBeGreaterThan(3);
    expect(JSON.parse(input.join(""))).toEqual({ command });
    expect(events[0]).toMatchObject({
      type: "message_start",
      message: { usage: { input_tokens: 60, cache_read_input_tokens: 40, output_tokens: 1 } },
    });
    expect(events.slice(-2)).toMatchObject([
      {
        type: "message_delta",
        delta: { stop_reason: "tool_use" },
        usage: { input_tokens: 60, cache_read_input_tokens: 40, output_tokens: 30 },
      },
      { type: "message_stop" },
    ]);
    // Both wires count alike: cached tokens are part of the input.
    expect(server.served.scripted).toMatchObject({ inputTokens: 100, cachedInputTokens: 40 });
  });

  test("as one object, without thinking that nobody asked for; and counts tokens", async () => {
    const { server } = await start(speak(...turns));
    const { text } = await askRaw(server, "messages", { stream: false });
    expect(JSON.parse(text)).toMatchObject({
      stop_reason: "tool_use",
      content: [{ type: "text" }, { type: "tool_use", input: { command } }, { type: "tool_use" }],
    });
    const body = JSON.stringify({ model: "m", messages: [user("how many?")] });
    const counted = await fetch(`${server.origin}/v1/messages/count_tokens`, {
      method: "POST",
      body,
    });
    expect(await counted.json()).toEqual({ input_tokens: Math.ceil(body.length / 4) });
  });
});

describe("as strict as the real services", () => {
  test.each(["responses", "chat", "messages"] as const)("a wrong key on %s", async (wire) => {
    const { server } = await start(speak(...turns), { apiKey: ["sk-a", "sk-right"] });
    expect((await askRaw(server, wire)).status).toBe(200);
    expect((await askRaw(server, wire, {}, { "x-api-key": "sk-wrong" })).status).toBe(401);
    expect(server.requests.map(({ status }) => status)).toEqual([200, 401]);
  });

  test("a conversation with a call that lost its result, or a result without its call", async () => {
    const { client } = await start(speak(...turns));
    const call = (id: string) => ({
      role: "assistant" as const,
      tool_calls: [{ id, type: "function" as const, function: { name: "bash", arguments: "{}" } }],
    });
    const result = { role: "tool" as const, tool_call_id: "call_x", content: "ok" };
    const ask = (...more: OpenAI.ChatCompletionMessageParam[]) =>
      client.chat.completions.create({ model: "scripted", messages: [user("go"), ...more] });
    await expect(ask(call("call_x"))).rejects.toThrow("400 No tool output found for function call");
    await expect(ask(result)).rejects.toThrow("400 No tool call found for the tool output");
    await expect(ask(call("call_x"), result)).resolves.toBeDefined();
  });

  test("what it is told to lack", async () => {
    const { server, client } = await start({
      ...speak({ text: "ok" }),
      lacks: ["responses", "structured_output", "usage"],
    });
    expect((await askRaw(server, "responses")).status).toBe(404);
    const schema = { name: "x", schema: {} };
    const ask = { model: "scripted", messages: [user("go")] };
    await expect(
      client.chat.completions.create({
        ...ask,
        response_format: { type: "json_schema", json_schema: schema },
      }),
    ).rejects.toMatchObject({ status: 400 });
    expect((await client.chat.completions.create(ask)).usage).toBeUndefined();
    expect(server.served).toEqual({});
  });

  test("nonsense, unknown paths, and the list of models in each provider's format", async () => {
    const { server, client } = await start({ ...speak(), models: ["big", "small"] });
    expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["big", "small"]);
    const headers = { "anthropic-version": "2023-06-01" };
    const listed = await fetch(`${server.url}/models`, { headers });
    expect(await listed.json()).toMatchObject({ data: [{ type: "model", id: "big" }, {}] });
    const nonsense = await fetch(`${server.url}/chat/completions`, { method: "POST", body: "{" });
    expect(nonsense.status).toBe(400);
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
  });
});

test("a held reply waits until it is released; who waits for the request gets a signal", async () => {
  const { server, client } = await start(speak({ text: "now" }));
  server.hold(({ body }) => JSON.stringify(body).includes("slow"));
  const ask = (content: string) =>
    client.chat.completions.create({ model: "scripted", messages: [user(content)] });
  const awaited = server.waitForRequest(({ body }) => JSON.stringify(body).includes("slow"));
  const slow = Promise.all([ask("slow"), ask("slow")]);
  const request = await awaited;
  await server.waitForRequest(() => server.requests.length === 2);
  await ask("quick");
  expect(request.firstByteAt).toBeNull();
  expect(server.requests.map(({ firstByteAt }) => firstByteAt !== null)).toEqual([
    ...[false, false, true],
  ]);
  server.release();
  const [one, other] = await slow;
  expect(one.choices[0]?.message.content).toBe("now");
  expect(one.id).not.toBe(other.id);
  // What has come already counts too.
  expect(await server.waitForRequest(({ wire }) => wire === "chat")).toBe(request);
});

test("two hundred conversations at once do not disturb each other", async () => {
  const numbers = Array.from({ length: 200 }, (_, index) => index);
  const { server } = await start(
    {
      roles: {
        coder: {
          turns: ({ user: brief }, turn) => ({
            text: `${brief}, turn ${turn}`,
            usage: { input: 2, output: 1 },
            latencyMs: 20,
          }),
        },
      },
    },
    { apiKey: numbers.map((number) => `sk-${number}`), keepsBodies: false },
  );
  const said = await Promise.all(
    numbers.map(async (number) => {
      const baseURL = server.url;
      const client = new OpenAI({ apiKey: `sk-${number}`, baseURL, maxRetries: 0 });
      const { choices } = await client.chat.completions.create({
        model: `model-${number % 2}`,
        messages: [user(`task ${number}`)],
      });
      return choices[0]?.message.content;
    }),
  );
  expect(said).toEqual(numbers.map((number) => `task ${number}, turn 0`));
  expect(server.served).toMatchObject({
    "model-0": { calls: 100 },
    "model-1": { inputTokens: 200 },
  });
  expect(new Set(server.requests.map(({ conversation }) => conversation)).size).toBe(200);
  expect(new Set(server.requests.map(({ headers }) => headers.authorization)).size).toBe(200);
});

import { OpenAI } from "openai";
import { expect, onTestFinished, test } from "vitest";
import type { Scenario } from "../../src/demo/scenario-types.ts";
import { startScriptedModel } from "../../src/demo/scripted-model.ts";

const command = "printf '%s' \"a longer command, so that it is cut into pieces\"";
const scenario: Scenario = {
  model: "scripted",
  choose: ({ brief }) =>
    brief.includes("other")
      ? [{ text: "The other script." }]
      : [
          {
            text: "Two calls.",
            calls: [
              { name: "bash", arguments: { command } },
              { name: "read", arguments: { path: "README.md" } },
            ],
            usage: { inputTokens: 7, cachedInputTokens: 3, outputTokens: 5 },
          },
          { text: "Second turn." },
        ],
};

async function start() {
  const model = await startScriptedModel(scenario);
  onTestFinished(() => model.close());
  return {
    model,
    client: new OpenAI({ apiKey: "any", baseURL: model.baseUrl, maxRetries: 0 }),
  };
}

const user = (content: string) => ({ role: "user" as const, content });

test("streams as the real API does: pieces, a finish reason, usage last", async () => {
  const { client } = await start();
  const stream = await client.chat.completions.create({
    model: "scripted",
    messages: [user("go")],
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);

  const deltas = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
  const argumentsOf = (index: number) =>
    deltas.filter((delta) => delta.index === index).map((delta) => delta.function?.arguments ?? "");
  expect(argumentsOf(0).length).toBeGreaterThan(2);
  expect(JSON.parse(argumentsOf(0).join(""))).toEqual({ command });
  expect(JSON.parse(argumentsOf(1).join(""))).toEqual({ path: "README.md" });
  expect(new Set(deltas.flatMap((delta) => delta.id ?? [])).size).toBe(2);
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe("tool_calls");
  expect(chunks.at(-1)).toMatchObject({
    choices: [],
    usage: { prompt_tokens: 7, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 3 } },
  });
});

test("the wire ends with [DONE], and usage comes only when asked for", async () => {
  const { model } = await start();
  const response = await fetch(`${model.baseUrl}/chat/completions`, {
    method: "POST",
    body: JSON.stringify({ model: "m", stream: true, messages: [user("other")] }),
  });
  const text = await response.text();
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  expect(text).toMatch(/\n\ndata: \[DONE\]\n\n$/);
  expect(text).not.toContain("prompt_tokens");
});

test("the turn follows from the request alone: another server gives the same reply", async () => {
  const messages = [user("go"), { role: "assistant" as const, content: "Two calls." }, user("on")];
  const ask = async () => {
    const { client, model } = await start();
    const reply = await client.chat.completions.create({ model: "scripted", messages });
    await model.close();
    return [reply.id, reply.choices[0]?.message.content];
  };
  expect(await ask()).toEqual(await ask());
  expect((await ask())[1]).toBe("Second turn.");
});

test("lists its model, and answers nonsense in the format of the API", async () => {
  const { client, model } = await start();
  expect((await client.models.list()).data.map(({ id }) => id)).toEqual(["scripted"]);
  const post = (body: string) =>
    fetch(`${model.baseUrl}/chat/completions`, { method: "POST", body }).then(async (response) => [
      response.status,
      Object.keys(((await response.json()) as { error: object }).error),
    ]);
  expect(await post("{")).toEqual([400, ["message", "type", "param", "code"]]);
  expect((await post('{"model": "m", "messages": []}'))[0]).toBe(400);
  expect((await fetch(`${model.baseUrl}/nothing`)).status).toBe(404);
});

test("after the last turn it says so, instead of going on for ever", async () => {
  const { client } = await start();
  const messages = [user("other"), { role: "assistant" as const, content: "x" }];
  const reply = await client.chat.completions.create({ model: "scripted", messages });
  expect(reply.choices[0]?.message.content).toContain("nothing more to say");
});

test("what was asked and served is on record", async () => {
  const { client, model } = await start();
  await client.chat.completions.create({ model: "scripted", messages: [user("go")] });
  expect(model.requests).toMatchObject([
    {
      model: "scripted",
      authorization: "Bearer any",
      turn: 0,
      fault: null,
      served: { inputTokens: 7, cachedInputTokens: 3, outputTokens: 5 },
    },
  ]);
});

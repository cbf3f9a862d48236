import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type BuiltinOptions, makeBuiltinAgent } from "../../src/agents/builtin/builtin.ts";
import type { Fault, ScriptedTurn } from "../../src/demo/scenario-types.ts";
import { startScriptedModel } from "../../src/demo/scripted-model.ts";
import { makeRun } from "./make-run.ts";

const apiKey = "sk-faults-77-do-not-show";

/** One turn that writes a file, so that what ran can be counted, and one that finishes. */
const work = (faults: readonly Fault[]): ScriptedTurn[] => [
  {
    text: "I write the file that was asked for.",
    calls: [{ name: "bash", arguments: { command: "echo ran >> ran" } }],
    usage: { inputTokens: 100, cachedInputTokens: 10, outputTokens: 20 },
    faults,
  },
  {
    calls: [{ name: "finish", arguments: { summary: "Finished." } }],
    usage: { inputTokens: 200, cachedInputTokens: 100, outputTokens: 5 },
  },
];

async function play(turns: readonly ScriptedTurn[], options: Partial<BuiltinOptions> = {}) {
  const model = await startScriptedModel({ model: "scripted", choose: () => turns }, { apiKey });
  onTestFinished(() => model.close());
  const run = await makeRun();
  const end = await makeBuiltinAgent({
    apiKey,
    baseUrl: model.baseUrl,
    model: "scripted",
    idleTimeoutMs: 250,
    retry: { baseMs: 1, maxRetries: 2 },
    ...options,
  })(run);
  const ran = await readFile(join(run.worktree, "ran"), "utf8").catch(() => "");
  const words = run.events.flatMap((event) => (event.kind === "text" ? [event.text] : []));
  return { end, model, ran, words };
}

const status = (code: number, more: Partial<Fault & { kind: "status" }> = {}): Fault => ({
  kind: "status",
  status: code,
  ...more,
});

describe("trouble that passes: the same call again, and the tool runs once", () => {
  test.each<[string, Fault, string]>([
    ["429", status(429), "answered 429"],
    [
      "429 with Retry-After",
      status(429, { headers: { "retry-after": "0.01" } }),
      "next try in 1 s",
    ],
    ["500", status(500), "answered 500"],
    ["503", status(503), "answered 503"],
    ["529", status(529, { message: "Overloaded" }), "Overloaded"],
    ["a connection reset mid-stream", { kind: "reset" }, "connection to"],
    ["a stream that ends without a finish reason", { kind: "cut" }, "before it was finished"],
    ["a stalled stream", { kind: "stall" }, "silent for"],
    ["an event that is no JSON", { kind: "malformed" }, "connection to"],
    ["an error inside the stream", { kind: "error_event", message: "overloaded" }, "overloaded"],
    ["a web page instead of a reply", { kind: "html" }, "before it was finished"],
  ])("%s", async (_, fault, words) => {
    const played = await play(work([fault]));
    expect(played.end).toMatchObject({ reason: "done", failure: null, summary: "Finished." });
    expect(played.ran).toBe("ran\n");
    expect(played.model.requests.map((request) => request.fault)).toEqual([fault.kind, null, null]);
    expect(played.words.join("\n")).toContain(words);
    // Only what the server counted as served is counted here.
    expect(played.end.usage).toMatchObject([
      { calls: 2, inputTokens: 300, cachedInputTokens: 110, outputTokens: 25 },
    ]);
  });

  test("and when it does not pass, the end says so", async () => {
    const { end, model, ran } = await play(work([status(500), { kind: "reset" }, status(502)]));
    expect(end).toMatchObject({ reason: "gave_up", failure: "model_unavailable", usage: [] });
    expect(end.detail).toMatch(/answered 502.*\(tried 3 times\)/);
    expect(model.requests).toHaveLength(3);
    expect(ran).toBe("");
  });

  test("a server that is not there", async () => {
    const gone = await startScriptedModel({ model: "scripted", choose: () => [] });
    await gone.close();
    const { end } = await play([], { baseUrl: gone.baseUrl });
    expect(end).toMatchObject({ reason: "gave_up", failure: "model_unavailable" });
    expect(end.detail).toContain("ECONNREFUSED");
  });

  test("a long Retry-After is not slept through: it ends the attempt", async () => {
    const wait = status(429, { headers: { "retry-after": "3600" } });
    const { end, model } = await play(work([wait]));
    expect(end).toMatchObject({ reason: "gave_up", failure: "usage_window" });
    expect(end.detail).toContain("it asks to wait 3600 s");
    expect(model.requests).toHaveLength(1);
  });
});

describe("trouble that does not pass: no second call, and a sentence that says what to do", () => {
  test.each<[string, Fault, string, RegExp]>([
    ["403", status(403), "agent_unavailable", /refused the API key \(403\); check OPENAI_API_KEY/],
    ["404", status(404), "agent_unavailable", /knows no model "scripted".*check OPENAI_BASE_URL/],
    ["402", status(402), "agent_unavailable", /no credit left/],
    [
      "429 without credit",
      status(429, { code: "insufficient_quota" }),
      "agent_unavailable",
      /no credit/,
    ],
    ["422", status(422), "agent_failed", /refused the request \(422\)/],
    [
      "a full context",
      status(400, { code: "context_length_exceeded" }),
      "agent_failed",
      /no longer fits into the context/,
    ],
    [
      "a full context in other words",
      status(400, { message: "This model's maximum context length is 8192 tokens" }),
      "agent_failed",
      /no longer fits into the context/,
    ],
  ])("%s", async (_, fault, failure, detail) => {
    const { end, model, ran } = await play(work([fault]));
    expect(end).toMatchObject({ reason: "gave_up", failure, usage: [] });
    expect(end.detail).toMatch(detail);
    expect(model.requests).toHaveLength(1);
    expect(ran).toBe("");
  });

  test("a wrong key, which the server repeats", async () => {
    const wrong = "sk-wrong-key-12345";
    const { end, model } = await play(work([]), { apiKey: wrong });
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_unavailable" });
    expect(end.detail).toMatch(/refused the API key \(401\); check OPENAI_API_KEY/);
    expect(model.requests).toHaveLength(0);

    const echoed = await play(work([status(403, { message: `no ${apiKey} here` })]));
    expect(echoed.end.detail).toContain("no [key] here");
    expect(JSON.stringify(echoed.end)).not.toContain(apiKey);
  });

  test.each([
    [{ baseUrl: "localhost:1234" }, /OPENAI_BASE_URL must be an http or https URL/],
    [{ baseUrl: "file:///etc/passwd" }, /OPENAI_BASE_URL must be an http or https URL/],
    [{ apiKey: "sk-with\nbreak" }, /OPENAI_API_KEY is empty or holds characters/],
  ])("settings that cannot work: %j", async (options, detail) => {
    const { end } = await play(work([]), options);
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_unavailable" });
    expect(end.detail).toMatch(detail);
    expect(JSON.stringify(end)).not.toContain("sk-with");
  });
});

test("a whole reply without an end is taken, and what it cost is unknown", async () => {
  const price = { inputPerM: 1, cachedInputPerM: 1, outputPerM: 1 };
  const { end, model, ran } = await play(work([{ kind: "hang" }]), { price });
  expect(end).toMatchObject({ reason: "done", failure: null });
  expect(ran).toBe("ran\n");
  expect(model.requests).toHaveLength(2);
  expect(end.usage).toMatchObject([{ calls: 2, inputTokens: 200, costUsd: null }]);
});

describe("a reply that is whole and yet not usable", () => {
  test("cut at the length limit: nothing of it runs", async () => {
    const [first, last] = work([]);
    const { end, model, ran } = await play([{ ...first, finish: "length" }, last ?? {}]);
    expect(end.reason).toBe("done");
    expect(ran).toBe("");
    expect(model.requests[1]?.messages.at(-1)?.content).toContain("cut off at the length limit");
    expect(model.requests[1]?.messages.some((message) => message.tool_calls)).toBe(false);
    expect(end.usage).toMatchObject([{ calls: 2, inputTokens: 300 }]);
  });

  test("cut three times in a row", async () => {
    const cut: ScriptedTurn = { text: "Once upon a time", finish: "length" };
    const { end } = await play([cut, cut, cut]);
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_failed" });
    expect(end.detail).toContain("cut off at the length limit");
  });

  test("withheld by a content filter", async () => {
    const { end } = await play([{ text: "I", finish: "content_filter" }]);
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_failed" });
    expect(end.detail).toContain("content filter");
  });

  test("arguments cut in the middle are not mended", async () => {
    const [first, last] = work([]);
    const { end, model, ran } = await play([
      { ...first, calls: [{ name: "bash", arguments: '{"command": "echo ran >> ran' }] },
      last ?? {},
    ]);
    expect(end.reason).toBe("done");
    expect(ran).toBe("");
    expect(model.requests[1]?.messages.at(-1)?.content).toContain("not valid JSON");
  });
});

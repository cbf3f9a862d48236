import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Fault, Turn } from "../support/model-server/scenario.ts";
import { startModelServer } from "../support/model-server/start.ts";
import type { TestRun } from "./make-run.ts";
import { apiKey, bash, finish, lastBody, play, serve, wires } from "./play.ts";

/** One turn that writes a file, so that what ran can be counted, and one that finishes. */
const work = (fault: Fault | Fault[]): Turn[] => [
  {
    text: "I write the file that was asked for.",
    ...bash("echo ran >> ran"),
    usage: { input: 100, cached: 10, output: 20 },
    fault,
  },
  { ...finish, usage: { input: 200, cached: 100, output: 5 } },
];
const status = (code: number, more: Partial<Fault & { kind: "status" }> = {}): Fault => ({
  kind: "status",
  status: code,
  ...more,
});
const ranIn = (run: TestRun) => readFile(join(run.worktree, "ran"), "utf8").catch(() => "");

describe.each(wires)("over %s", (wire) => {
  describe("trouble that passes: the same call again, and the tool runs once", () => {
    test.each<[string, Fault, string]>([
      ["429", { kind: "rate_limit" }, "answered 429"],
      ["429 with Retry-After", { kind: "rate_limit", retryAfter: "0.01" }, "next try in 1 s"],
      ["500", { kind: "server_error" }, "answered 500"],
      ["503", status(503), "answered 503"],
      ["529", { kind: "overloaded" }, "Overloaded"],
      ["a connection reset mid-stream", { kind: "reset" }, "connection to"],
      ["a stream that ends without a finish reason", { kind: "cut" }, "before it was finished"],
      ["arguments cut mid-stream", { kind: "cut_arguments" }, "before it was finished"],
      ["a stalled stream", { kind: "stall" }, "silent for"],
      ["an event that is no JSON", { kind: "malformed" }, "connection to"],
      ["an error inside the stream", { kind: "error_event", message: "on fire" }, "on fire"],
      ["a web page instead of a reply", { kind: "wrong_content_type" }, "before it was finished"],
    ])("%s", async (_, fault, words) => {
      const server = await serve(work(fault));
      const isSilent = fault.kind === "stall";
      const played = await play(server, isSilent ? { wire, modelSilenceMs: 1_000 } : { wire });
      expect(played.end).toMatchObject({ reason: "done", failure: null, summary: "Finished." });
      expect(await ranIn(played.run)).toBe("ran\n");
      expect(server.requests.map((request) => request.fault ?? null)).toEqual([
        fault.kind,
        null,
        null,
      ]);
      expect(played.words).toContain(words);
      // Only what the server counted as served is counted here.
      const used = { calls: 2, inputTokens: 300, cachedInputTokens: 110, outputTokens: 25 };
      expect(played.used).toEqual(used);
      expect(server.served.scripted).toMatchObject(used);
    });

    test("and when it does not pass, the end says so", async () => {
      const server = await serve(work([status(500), { kind: "reset" }, status(502)]));
      const { end, run, used } = await play(server, { wire });
      expect(end).toMatchObject({ reason: "gave_up", failure: "model_unavailable" });
      expect(end.detail).toMatch(/answered 502.*\(tried 3 times\)/);
      expect(server.requests).toHaveLength(3);
      expect(used.calls).toBe(0);
      expect(await ranIn(run)).toBe("");
    });
  });

  test("a server that is silent twice in a row is not asked as often as one that fails", async () => {
    const server = await serve(work([{ kind: "stall", times: 2 }]));
    const { end, run } = await play(server, {
      ...{ wire, modelSilenceMs: 200, retry: { baseMs: 1, maxRetries: 6 } },
    });
    expect(end).toMatchObject({ reason: "gave_up", failure: "model_unavailable" });
    expect(end.detail).toContain("silent for 0 s (tried 2 times)");
    expect(server.requests).toHaveLength(2);
    expect(await ranIn(run)).toBe("");
  });

  describe("trouble that passes later: the attempt ends, with the time", () => {
    test("a usage limit that says when it resets", async () => {
      const resetsAt = Math.floor(Date.now() / 1_000) + 7_200;
      const server = await serve(work({ kind: "usage_limit", resetsAt }));
      const { end } = await play(server, { wire });
      expect(end).toMatchObject({ reason: "gave_up", failure: "rate_limit_window" });
      expect(end.retryAt).toEqual(new Date(resetsAt * 1_000));
      expect(end.detail).toContain(`it resets at ${new Date(resetsAt * 1_000).toISOString()}`);
      expect(server.requests).toHaveLength(1);
    });

    test("a Retry-After that is too long to be slept through", async () => {
      const server = await serve(work({ kind: "rate_limit", retryAfter: 3_600 }));
      const { end } = await play(server, { wire });
      expect(end).toMatchObject({ reason: "gave_up", failure: "rate_limit_window" });
      expect(end.detail).toContain("it asks to wait 3600 s");
      const inS = ((end.retryAt?.getTime() ?? 0) - Date.now()) / 1_000;
      expect(inS).toBeGreaterThan(3_000);
      expect(inS).toBeLessThanOrEqual(3_600);
      expect(server.requests).toHaveLength(1);
    });
  });

  describe("trouble that does not pass: no second call, and a sentence that says what to do", () => {
    test.each<[string, Fault, string, string, RegExp]>([
      [
        "403",
        status(403, { message: `no ${apiKey} here` }),
        "gave_up",
        "agent_unavailable",
        /refused the API key \(403\); check OPENAI_API_KEY: .*no \[key\] here/,
      ],
      [
        "404",
        status(404),
        "gave_up",
        "agent_unavailable",
        /knows no model "scripted".*check OPENAI_BASE_URL/,
      ],
      ["402", status(402), "gave_up", "agent_unavailable", /no credit left/],
      ["no quota", { kind: "insufficient_quota" }, "gave_up", "agent_unavailable", /no credit/],
      ["422", status(422), "gave_up", "agent_failed", /refused the request \(422\)/],
      [
        "a full context with nothing to hand off",
        { kind: "context_length" },
        "out_of_budget",
        "out_of_budget",
        /no longer fits into the context/,
      ],
      [
        "a full context in other words",
        status(400, { message: "This model's maximum context length is 8192 tokens" }),
        "out_of_budget",
        "out_of_budget",
        /no longer fits into the context/,
      ],
      [
        "a refusal of the model",
        { kind: "refusal", message: "I will not do that." },
        "gave_up",
        "agent_failed",
        /the model refused: I will not do that\./,
      ],
    ])("%s", async (_, fault, reason, failure, detail) => {
      const server = await serve(work(fault));
      const { end, run } = await play(server, { wire });
      expect(end).toMatchObject({ reason, failure });
      expect(end.detail).toMatch(detail);
      expect(JSON.stringify(end)).not.toContain(apiKey);
      expect(server.requests).toHaveLength(1);
      expect(await ranIn(run)).toBe("");
    });
  });

  describe("a reply that is whole and yet not usable", () => {
    test("cut at the length limit: nothing of it runs, and it is paid", async () => {
      const server = await serve(work({ kind: "length" }));
      const { end, run, used } = await play(server, { wire });
      expect(end.reason).toBe("done");
      expect(await ranIn(run)).toBe("");
      expect(lastBody(server)).toContain("cut off at the length limit");
      expect(lastBody(server)).not.toContain("echo ran");
      expect(used.inputTokens).toBe(300);
    });

    test("cut three times in a row", async () => {
      const cut: Turn = { text: "Once upon a time there was", fault: { kind: "length" } };
      const { end } = await play(await serve([cut, cut, cut]), { wire });
      expect(end).toMatchObject({ reason: "gave_up", failure: "agent_failed" });
      expect(end.detail).toContain("3 replies in a row were cut off at the length limit");
    });

    test("an invented tool", async () => {
      const server = await serve(work({ kind: "unknown_tool", name: "fly" }));
      const { end, run } = await play(server, { wire });
      expect(end.reason).toBe("done");
      expect(lastBody(server)).toContain('there is no tool \\"fly\\"; the tools are read, search');
      expect(await ranIn(run)).toBe("");
    });

    test("an empty one, once and twice", async () => {
      const once = await serve(work({ kind: "empty" }));
      expect((await play(once, { wire })).end.reason).toBe("done");
      expect(lastBody(once)).toContain("You called no tool");
      const twice = await serve([{ fault: { kind: "empty" } }, { fault: { kind: "empty" } }]);
      const { end } = await play(twice, { wire });
      expect(end).toMatchObject({ reason: "gave_up", failure: "agent_failed" });
      expect(end.detail).toContain("empty reply twice");
    });

    test("one without numbers: taken, and what it cost is unknown", async () => {
      const server = await serve(work({ kind: "no_usage" }));
      const { end, run } = await play(server, { wire });
      expect(end.reason).toBe("done");
      expect(run.calls.map(({ tokens }) => tokens?.inputTokens ?? null)).toEqual([null, 200]);
    });
  });

  test("a wrong key is never said", async () => {
    const wrong = "sk-wrong-key-12345";
    const server = await serve(work([]));
    const { end } = await play(server, { wire, apiKey: wrong });
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_unavailable" });
    expect(end.detail).toMatch(/refused the API key \(401\); check OPENAI_API_KEY/);
    expect(JSON.stringify(end)).not.toContain(wrong);
  });
});

test("a whole reply of Chat Completions without an end is taken", async () => {
  const server = await serve(work({ kind: "hang" }));
  const { end, run } = await play(server, { modelSilenceMs: 1_000 });
  expect(end).toMatchObject({ reason: "done", failure: null });
  expect(await ranIn(run)).toBe("ran\n");
});

test("a server that is not there", async () => {
  const gone = await startModelServer({ scenario: { roles: {} } });
  await gone.close();
  const { end } = await play(gone);
  expect(end).toMatchObject({ reason: "gave_up", failure: "model_unavailable" });
  expect(end.detail).toContain("ECONNREFUSED");
});

test.each([
  [{ baseUrl: "localhost:1234" }, /OPENAI_BASE_URL must be an http or https URL/],
  [{ baseUrl: "file:///etc/passwd" }, /OPENAI_BASE_URL must be an http or https URL/],
  [{ apiKey: "sk-with\nbreak" }, /OPENAI_API_KEY is empty or holds characters/],
])("settings that cannot work: %j", async (options, detail) => {
  const { end } = await play(await serve([]), options);
  expect(end).toMatchObject({ reason: "gave_up", failure: "agent_unavailable" });
  expect(end.detail).toMatch(detail);
  expect(JSON.stringify(end)).not.toContain("sk-with");
});

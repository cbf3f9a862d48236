import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Json, Turn } from "../support/model-server/scenario.ts";
import { makeRun } from "./make-run.ts";
import { bash, finish, lastBody, play, serve, wires } from "./play.ts";

describe.each(wires)("over %s", (wire) => {
  test("reads, searches, edits, runs and finishes, and every token is counted", async () => {
    const run = await makeRun({ brief: "Make it two.\n" });
    await writeFile(join(run.worktree, "value.txt"), "value = 1\n");
    const usage = { input: 1_000, cached: 600, output: 50, reasoning: 20 };
    const server = await serve([
      {
        text: "Let me look.",
        calls: [
          { tool: "read", args: { path: "value.txt" } },
          { tool: "search", args: { pattern: "val.e" } },
        ],
        usage,
      },
      {
        calls: [{ tool: "edit", args: { path: "value.txt", old: "value = 1", new: "value = 2" } }],
      },
      bash("cat value.txt; exit 3"),
      { calls: [{ tool: "finish", args: { summary: "Two.", not_done: "No tests." } }] },
    ]);
    const { end, used } = await play(server, { wire }, run);
    expect(end).toMatchObject({ reason: "done", summary: "Two.\n\nNot done: No tests." });
    expect(await readFile(join(run.worktree, "value.txt"), "utf8")).toBe("value = 2\n");
    expect(new Set(server.requests.map((request) => request.wire))).toEqual(new Set([wire]));
    expect(lastBody(server)).toContain("exit 3\\nvalue = 2");
    expect(server.served.scripted).toMatchObject(used);
    expect(run.calls[0]?.tokens).toEqual({
      inputTokens: 1_000,
      cachedInputTokens: 600,
      outputTokens: 50,
      reasoningTokens: 20,
    });
  });

  test("calls that only read run at the same time, the others each in its turn", async () => {
    const call = (command: string) => bash(command).calls?.[0] ?? never();
    const server = await serve([
      {
        calls: [
          call("echo 1 > a"),
          { tool: "read", args: { path: "a" } },
          { tool: "read", args: { path: "a" } },
          call("echo 2 > a"),
          { tool: "read", args: { path: "a" } },
        ],
      },
      finish,
    ]);
    const { run } = await play(server, { wire });
    const results = run.events.flatMap((event) =>
      event.kind === "tool_call" || event.kind === "tool_result"
        ? [`${event.kind === "tool_call" ? "+" : "-"}${event.tool}`]
        : [],
    );
    expect(results.slice(0, 10).join(" ")).toBe(
      "+bash -bash +read +read -read -read +bash -bash +read -read",
    );
    const entries = run.session.entries as { role: string; text: string }[];
    expect(entries.filter(({ role }) => role === "tool").map(({ text }) => text)).toEqual([
      "exit 0\n(no output)",
      "1\t1",
      "1\t1",
      "exit 0\n(no output)",
      "1\t2",
      "Finished.",
    ]);
  });
});

test("the Responses API keeps nothing, and the model's reasoning goes back as it came", async () => {
  const server = await serve([
    { reasoning: "First I look.", ...bash("true") },
    bash("echo 2"),
    finish,
  ]);
  const { end } = await play(server, { wire: "responses" });
  expect(end.reason).toBe("done");
  expect(server.requests[0]?.body).toMatchObject({
    store: false,
    stream: true,
    include: ["reasoning.encrypted_content"],
  });
  for (const request of server.requests.slice(1)) {
    const input = request.body.input as Json[];
    expect(input.map(({ type, role }) => type ?? role).slice(0, 4)).toEqual([
      "user",
      "reasoning",
      "function_call",
      "function_call_output",
    ]);
    expect(input[1]).toEqual({
      id: expect.stringMatching(/^rs_/),
      type: "reasoning",
      summary: [{ type: "summary_text", text: "First I look." }],
      encrypted_content: expect.stringMatching(/^gAAAAA/),
    });
  }
});

test("of a thought before a flood of arguments the thought alone is kept", async () => {
  const flood = { tool: "write", args: { path: "a", content: "x".repeat(1_200_000) } };
  const server = await serve([{ reasoning: "All at once.", calls: [flood] }, finish]);
  const { end, run, words } = await play(server, { wire: "responses" });
  expect(end).toMatchObject({ reason: "done", detail: "finished" });
  expect(words).not.toContain("summary");
  const stored = JSON.stringify(run.session.entries);
  expect(stored).toContain("at most 1000000 are taken");
  expect(stored.length).toBeLessThan(10_000);
  expect(lastBody(server)).toContain("All at once.");
});

test("reasoning of one model is not shown to another", async () => {
  const first = await play(await serve([{ reasoning: "Mine.", ...bash("true") }, finish]), {
    wire: "responses",
  });
  const server = await serve([{}, {}, finish]);
  const run = await makeRun({ brief: "Go on." });
  const given = { ...run, session: { ...run.session, entries: first.run.session.entries } };
  await play(server, { wire: "responses", model: "another" }, given);
  expect(lastBody(server)).toContain("function_call");
  expect(lastBody(server)).not.toContain("gAAAAA");
});

describe("which wire", () => {
  test("auto is Chat Completions for a server that is not OpenAI's", async () => {
    const server = await serve([bash("true"), finish]);
    await play(server);
    expect(server.requests.map(({ wire }) => wire)).toEqual(["chat", "chat"]);
  });

  test("auto is Responses at OpenAI, and Chat Completions where that is not there", async () => {
    const script = [bash("true"), finish];
    const whole = await serve(script);
    const lacking = await serve({ lacks: ["responses"], roles: { any: { turns: script } } });
    for (const [server, expected] of [
      [whole, ["responses", "responses"]],
      [lacking, ["responses", "chat", "chat"]],
    ] as const) {
      const asked: string[] = [];
      const { end } = await play(server, {
        baseUrl: "https://api.openai.com/v1",
        fetch: (url, init) => {
          const { pathname } = new URL(String(url));
          asked.push(pathname.includes("responses") ? "responses" : "chat");
          return fetch(server.origin + pathname, init);
        },
      });
      expect(end.reason).toBe("done");
      expect(asked).toEqual(expected);
    }
  });

  test("a model that only the Responses API has, at another address", async () => {
    const refusal = {
      kind: "status",
      status: 404,
      message: "This model is only supported in v1/responses and not in v1/chat/completions.",
    } as const;
    const server = await serve(({ wire, replies }) => ({
      ...(replies === 0 ? bash("true") : finish),
      ...(wire === "chat" ? { fault: refusal } : {}),
    }));
    const { end } = await play(server);
    expect(end.reason).toBe("done");
    expect(server.requests.map(({ wire }) => wire)).toEqual(["chat", "responses", "responses"]);
  });

  test("a wire that is named is the only one", async () => {
    const server = await serve({ lacks: ["responses"], roles: { any: { turns: [finish] } } });
    const { end } = await play(server, { wire: "responses" });
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_unavailable" });
    expect(server.requests.every(({ wire }) => wire === "responses")).toBe(true);
  });
});

test("a server that knows no stream_options is asked without, for the rest of the run", async () => {
  const refusal = {
    kind: "status",
    status: 400,
    message: "Unrecognized request argument supplied: stream_options",
  } as const;
  const server = await serve([{ ...bash("true"), fault: refusal }, finish]);
  const { end } = await play(server);
  expect(end.reason).toBe("done");
  expect(server.requests.map(({ body }) => "stream_options" in body)).toEqual([true, false, false]);
});

describe("an answer by a schema", () => {
  const outputSchema = {
    type: "object",
    properties: { summary: { type: "string" }, count: { type: "integer" } },
    required: ["summary", "count"],
    additionalProperties: false,
  };
  const good = { summary: "Three of them.", count: 3 };
  const asked = async () => makeRun({ mode: "read_only", role: "reviewer", outputSchema });
  const answer = (args: Json): Turn => ({ calls: [{ tool: "finish", args }] });

  test.each(wires)("as a call of finish, over %s", async (wire) => {
    const server = await serve([{ calls: [{ tool: "read", args: { path: "." } }] }, answer(good)]);
    const { end } = await play(server, { wire }, await asked());
    expect(end).toMatchObject({ reason: "done", output: good, summary: "Three of them." });
    expect(server.requests[0]?.tools).toEqual(["read", "search", "finish"]);
  });

  test("as words that are its JSON, fenced or bare", async () => {
    const bare = await serve([{ text: JSON.stringify(good) }]);
    expect((await play(bare, {}, await asked())).end.output).toEqual(good);
    const fenced = await serve([{ text: `Here:\n\n\`\`\`json\n${JSON.stringify(good)}\n\`\`\`` }]);
    expect((await play(fenced, {}, await asked())).end.output).toEqual(good);
  });

  test.each([
    ["responses", "text"],
    ["chat", "response_format"],
  ] as const)(
    "by the server's own format at OpenAI, over %s, and by finish when it refuses",
    async (wire, key) => {
      const askAtHome = async (lacks: "structured_output"[]) => {
        const server = await serve({ lacks, roles: { any: { turns: [{ json: good }] } } });
        const { end } = await play(
          server,
          {
            wire,
            baseUrl: "https://api.openai.com/v1",
            fetch: (url, init) => fetch(server.origin + new URL(String(url)).pathname, init),
          },
          await asked(),
        );
        expect(end).toMatchObject({ reason: "done", output: good });
        return server.requests.map(({ body, status }) => [status, key in body]);
      };
      expect(await askAtHome([])).toEqual([[200, true]]);
      expect(await askAtHome(["structured_output"])).toEqual([
        [400, true],
        [200, false],
      ]);
    },
  );

  test("one that does not fit is asked for once more, with what is wrong", async () => {
    const server = await serve([answer({ summary: "x", count: "three" }), answer(good)]);
    const { end } = await play(server, {}, await asked());
    expect(end).toMatchObject({ reason: "done", output: good });
    expect(lastBody(server)).toContain("does not fit its schema: count: Invalid input");
  });

  test("and the second ends the work in words", async () => {
    const server = await serve([answer({ summary: "x" }), { text: '{"count": 1}' }, answer(good)]);
    const { end } = await play(server, {}, await asked());
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_failed", output: null });
    expect(end.detail).toContain("did not fit its schema, twice: summary: ");
    expect(server.requests).toHaveLength(2);
  });
});

function never(): never {
  throw new Error("unreachable");
}

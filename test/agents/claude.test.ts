import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeCliAgent } from "../../src/agents/cli/run-cli.ts";
import { claude } from "../../src/agents/programs/claude.ts";
import type { ModelCall } from "../../src/core/budget/usage.ts";
import { runProgram } from "./fake-program.ts";
import { makeFolder, makeRun } from "./make-run.ts";

/** Claude with a login of its own: what its lines say is all that is known. */
const session_id = "8c07ad70-06e3-4e2a-9d99-8ce777772bb1";
const init = { type: "system", subtype: "init", session_id, tools: [], model: "m" };
const message = (id: string, ...content: object[]) => ({
  type: "assistant",
  session_id,
  message: { id, model: "m", content, usage: { input_tokens: 900, output_tokens: 1 } },
});
const result = (more: object) => ({
  type: "result",
  subtype: "success",
  is_error: false,
  duration_api_ms: 128,
  session_id,
  result: "All done.",
  modelUsage: {
    m: {
      inputTokens: 1_000,
      outputTokens: 50,
      cacheReadInputTokens: 300,
      cacheCreationInputTokens: 20,
      costUSD: 0.35,
    },
    n: {
      inputTokens: 10,
      outputTokens: 1,
      cacheReadInputTokens: 0,
      cacheCreationInputTokens: 0,
      costUSD: 0.01,
    },
  },
  ...more,
});

/** One call of the conversation, as the stream tells of it. */
const streamed = (input: number, output: number, stop_reason: string, model = "m-20260101") => [
  {
    type: "stream_event",
    session_id,
    event: {
      type: "message_start",
      message: {
        model,
        usage: { input_tokens: input, output_tokens: 1, cache_read_input_tokens: 100 },
      },
    },
  },
  {
    type: "stream_event",
    session_id,
    event: { type: "content_block_delta", delta: { text: "x" } },
  },
  {
    type: "stream_event",
    session_id,
    event: { type: "message_delta", delta: { stop_reason }, usage: { output_tokens: output } },
  },
];
/** A subagent is done: its last call is told of here alone. */
const subagentEnd = (tool_use_id: string, input: number) => ({
  type: "user",
  session_id,
  parent_tool_use_id: null,
  message: { content: [{ type: "tool_result", tool_use_id, content: "seven" }] },
  tool_use_result: {
    ...{ status: "completed", agentId: "a1", resolvedModel: "m-20260101", totalTokens: input + 70 },
    usage: { input_tokens: input, cache_read_input_tokens: 0, output_tokens: 70 },
  },
});
const tokensOf = (calls: readonly ModelCall[]) =>
  calls.map(({ model, tokens }) => [model, tokens?.inputTokens, tokens?.outputTokens]);

test("the result's sums are the bill, by model, with what it says they cost", async () => {
  const {
    end,
    run: own,
    call,
  } = await runProgram(claude, [
    init,
    message("msg_1", { type: "text", text: "I look." }),
    message("msg_1", { type: "tool_use", id: "t", name: "Read", input: { file_path: "a" } }),
    {
      type: "user",
      message: { content: [{ type: "tool_result", tool_use_id: "t", content: "1\tline" }] },
    },
    { type: "rate_limit_event", info: {} },
    result({}),
  ]);
  expect(end).toMatchObject({ reason: "done", summary: "All done." });
  expect(own.bills).toEqual([
    [
      {
        model: "m",
        tokens: {
          inputTokens: 1_320,
          cachedInputTokens: 300,
          outputTokens: 50,
          reasoningTokens: 0,
        },
        latencyMs: 128,
        costUsd: 0.35,
      },
      expect.objectContaining({ model: "n", costUsd: 0.01, latencyMs: 0 }),
    ],
  ]);
  expect(own.session.externalId).toBe(session_id);
  expect(own.events).toContainEqual({
    kind: "tool_call",
    tool: "Read",
    summary: '{"file_path":"a"}',
  });
  const { args, env } = await call();
  expect(args).toEqual(expect.arrayContaining(["-p", "--dangerously-skip-permissions"]));
  expect(env).not.toContain("ANTHROPIC_API_KEY");
});

test.each([
  ["Not logged in · Please run /login", "question"],
  ["API Error: 529 Overloaded", "model_unavailable"],
  ["Claude AI usage limit reached|1900000000", "rate_limit_window"],
  ["Prompt is too long", "agent_failed"],
])("an error that comes as a success is an error: %s", async (text, failure) => {
  const { end } = await runProgram(claude, [
    init,
    result({ is_error: true, result: text, modelUsage: {} }),
  ]);
  expect(end.failure).toBe(failure);
  expect(end.retryAt?.getTime() ?? null).toBe(
    failure === "rate_limit_window" ? 1_900_000_000_000 : null,
  );
});

test("each call is counted when it ends, those of subagents when they answer, the last at its end", async () => {
  const subagent = { ...message("msg_9"), parent_tool_use_id: "t" };
  const lines = [
    init,
    ...streamed(900, 50, "tool_use"),
    { ...message("msg_1"), parent_tool_use_id: null },
    subagent,
    subagent,
    subagentEnd("t", 950),
    subagentEnd("t", 900), // said already
    ...streamed(1_000, 60, "end_turn"),
  ];
  const { run: own, call } = await runProgram(claude, [...lines, result({})], { model: "m" });
  expect((await call()).args.join(" ")).toContain("--include-partial-messages --model m");
  const counted = [
    ["m", 1_000, 50],
    ["m", 900, 1],
    ["m", 950, 70],
    ["m", 1_100, 60],
  ];
  expect(tokensOf(own.calls)).toEqual(counted);
  expect(own.bills).toHaveLength(1);
  // Killed before its result: what was told is known, a call that was cut off is not in it.
  const cutOff = streamed(1, 1, "tool_use").slice(0, 2);
  const killed = await runProgram(claude, [...lines, ...cutOff], { ending: "kill -KILL $$" });
  expect(killed.end.reason).toBe("crashed");
  expect(tokensOf(killed.run.calls)).toEqual(counted);
  expect(killed.run.bills).toEqual([]);
});

test("the turns of its role end it while it works", async () => {
  const lines = [init, ...streamed(1, 1, "tool_use"), ...streamed(1, 1, "tool_use")];
  const { end, run: own } = await runProgram(claude, lines, {
    given: { maxTurns: 2 },
    ending: "sleep 60",
  });
  expect(end).toMatchObject({ reason: "out_of_budget", detail: "used all 2 turns" });
  expect(own.calls).toHaveLength(2);
});

test("read-only has no tool that changes anything", async () => {
  const { call } = await runProgram(claude, [init, result({})], { given: { mode: "read_only" } });
  const { args } = await call();
  expect(args.join(" ")).toContain("--tools Read,Grep,Glob");
  expect(args).not.toContain("--dangerously-skip-permissions");
});

test("an answer by schema comes beside the text", async () => {
  const outputSchema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
  const { end, call } = await runProgram(claude, [init, result({ structured_output: { n: 3 } })], {
    given: { outputSchema },
  });
  expect(end.output).toEqual({ n: 3 });
  const { args } = await call();
  expect(args[args.indexOf("--json-schema") + 1]).toBe(JSON.stringify(outputSchema));
});

test("what a person says while it works is a line on its stdin; what it did not take in is given back", async () => {
  const folder = await makeFolder();
  const program = join(folder, "program");
  const replay = (content: string) => ({ type: "user", isReplay: true, message: { content } });
  const print = (lines: object[]) =>
    `cat <<'END'\n${lines.map((line) => JSON.stringify(line)).join("\n")}\nEND\n`;
  await writeFile(
    program,
    `#!/bin/sh
read -r first
${print([init, replay("the brief"), message("msg_1", { type: "text", text: "I look." })])}
read -r second; read -r third
printf '%s\\n' "$first" "$second" "$third" > ${folder}/in
${print([replay("Make it blue."), result({}), result({ result: "Both done." })])}
cat > /dev/null # it ends when its stdin does
`,
  );
  await chmod(program, 0o755);
  const said = [[], ["Make it blue.", "And bold."]];
  const back: string[] = [];
  const own = await makeRun({
    takeMessages: async () => said.shift() ?? [],
    returnMessages: (texts) => {
      back.push(...texts);
    },
  });
  const options = { model: null, provider: null, userHome: "/nonexistent" };
  const end = await makeCliAgent(claude, { ...options, program: [program] })(own);
  expect(end).toMatchObject({ reason: "done", summary: "Both done." });
  const heard = (await readFile(join(folder, "in"), "utf8")).trim().split("\n");
  expect(heard.map((line) => JSON.parse(line).message.content[0].text)).toEqual([
    expect.stringContaining("Do it."),
    "Make it blue.",
    "And bold.",
  ]);
  expect(back).toEqual(["And bold."]);
  expect(own.session.entries).toContainEqual({ told: "Make it blue." });
  // The sums of the second turn hold those of the first.
  expect(
    own.bills.map((bill) => bill.map(({ model, tokens }) => [model, tokens?.outputTokens])),
  ).toEqual([
    [
      ["m", 50],
      ["n", 1],
    ],
  ]);
});

test.each([
  ["hangs until its time is over", "exec sleep 300"],
  ["is killed on its way out", "kill -9 $$"],
])("one that said it was done and then %s is done", async (_, ending) => {
  const { end } = await runProgram(claude, [init, result({})], {
    ending,
    given: { timeoutMs: 3_000 },
  });
  expect(end).toMatchObject({ reason: "done", failure: null, summary: "All done." });
  expect(end.detail).toBe("finished; its process ended late and was stopped");
});

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeCliAgent } from "../../src/agents/cli/run-cli.ts";
import { codex } from "../../src/agents/programs/codex.ts";
import { makeProgram } from "./fake-program.ts";
import { makeFolder, makeRun, sumCalls } from "./make-run.ts";

/**
 * Codex with a login of its own writes down each call in its thread's file while it works, and tells
 * them at its end as a running total. The lines are those of the real one, cut down.
 */
const thread = "01a22310-32f0-7ed3-b541-fad15e60d285";
const day = `$HOME/.codex/sessions/2026/11/28`;
const name = `rollout-2026-11-28T16-49-53-${thread}.jsonl`;
const usage = (input: number, output: number) => ({
  ...{ input_tokens: input, cached_input_tokens: 0, cache_write_input_tokens: 0 },
  ...{ output_tokens: output, reasoning_output_tokens: 0, total_tokens: input + output },
});
const record = (input: number, output: number) => ({
  type: "token_usage_record",
  payload: { thread_id: thread, usage: usage(input, output), thread_token_usage: usage(0, 0) },
});
const tokenCount = (total: [number, number], last: [number, number]) => ({
  type: "event_msg",
  payload: {
    type: "token_count",
    info: { total_token_usage: usage(...total), last_token_usage: usage(...last) },
  },
});
const called = { type: "response_item", payload: { type: "function_call", name: "exec_command" } };
const spoke = { type: "response_item", payload: { type: "message", role: "assistant" } };
const started = { type: "thread.started", thread_id: thread };
const says = { type: "item.completed", item: { type: "agent_message", text: "Done." } };
const completed = (input: number, output: number) => ({
  type: "turn.completed",
  usage: usage(input, output),
});

const lines = (...all: object[]) => all.map((line) => JSON.stringify(line)).join("\n");
/** Shell that appends to the thread's file, or prints. */
const write = (...all: object[]) => `mkdir -p ${day}; cat >> ${day}/${name} <<'END'
${lines(...all)}
END`;
const print = (...all: object[]) => `cat <<'END'\n${lines(...all)}\nEND`;

async function makeAgent(...endings: string[]) {
  const program = await makeProgram(endings.map((ending) => ({ lines: [started], ending })));
  return makeCliAgent(codex, {
    ...{ program: [program.path], model: "gpt-5.5", provider: null, userHome: "/nonexistent" },
  });
}
const tokensOf = (calls: readonly { tokens: unknown }[]) => calls.map(({ tokens }) => tokens);
const tokens = (inputTokens: number, outputTokens: number) =>
  expect.objectContaining({ inputTokens, outputTokens });

/** Written after the reply, and again, in other words, when the tools have run. */
const first = [called, record(100, 5), tokenCount([100, 5], [100, 5])];
const last = (total: [number, number]) => [spoke, record(200, 7), tokenCount(total, [200, 7])];

test("each call is counted once, and the total at the end is what is charged", async () => {
  const agent = await makeAgent(
    `${write(...first, ...last([300, 12]))}\n${print(says, completed(300, 12))}`,
  );
  const run = await makeRun();
  expect(await agent(run)).toMatchObject({ reason: "done", summary: "Done." });
  expect(tokensOf(run.calls)).toEqual([tokens(100, 5), tokens(200, 7)]);
  expect(tokensOf(run.bills.flat())).toEqual([tokens(300, 12)]);
});

test("a version that tells calls only behind their tools is followed, too", async () => {
  const repeated = tokenCount([100, 5], [100, 5]);
  const agent = await makeAgent(
    `${write(called, repeated, repeated, spoke, tokenCount([300, 12], [200, 7]))}
${print(says, completed(300, 12))}`,
  );
  const run = await makeRun();
  expect(await agent(run)).toMatchObject({ reason: "done" });
  expect(tokensOf(run.calls)).toEqual([tokens(100, 5), tokens(200, 7)]);
});

test("it is ended within its turn; who has made the last call is not", async () => {
  const tool = [called, record(100, 5)];
  const busy = await makeRun({ maxTurns: 2 });
  const end = await (await makeAgent(`${write(...tool, ...tool)}\nsleep 600`))(busy);
  expect(end).toMatchObject({ reason: "out_of_budget", detail: "used all 2 turns" });
  expect(sumCalls(busy.calls)).toMatchObject({ calls: 2, inputTokens: 200 });

  const finished = await makeRun({ maxTurns: 2 });
  const finish = `${write(...first, ...last([300, 12]))}\n${print(says, completed(300, 12))}`;
  expect(await (await makeAgent(finish))(finished)).toMatchObject({ reason: "done" });
});

test("gone on with after it was killed in a tool, whose call its total forgets, each is charged once", async () => {
  const agent = await makeAgent(
    `${write(...first, called, record(150, 6))}\nkill -KILL $$`,
    `${write(...last([300, 12]))}\n${print(says, completed(300, 12))}`,
    `${write(...last([500, 19]))}\n${print(says, completed(500, 19))}`,
  );
  const run = await makeRun();
  expect(await agent(run)).toMatchObject({ reason: "crashed" });
  expect(await agent(run)).toMatchObject({ reason: "done" });
  expect(await agent(run)).toMatchObject({ reason: "done" });
  expect(tokensOf(run.calls)).toEqual([
    ...[tokens(100, 5), tokens(150, 6), tokens(200, 7), tokens(200, 7)],
  ]);
  expect(tokensOf(run.bills.flat())).toEqual([tokens(200, 7), tokens(200, 7)]);
});

test("where nothing of that file can be read, what was counted is taken off the total", async () => {
  const agent = await makeAgent(
    `${write(...first)}\nkill -KILL $$`,
    `rm -r $HOME/.codex/sessions\n${print(says, completed(300, 12))}`,
  );
  const run = await makeRun();
  await agent(run);
  expect(await agent(run)).toMatchObject({ reason: "done" });
  expect(tokensOf(run.bills.flat())).toEqual([tokens(200, 7)]);
});

test.each([
  ["much", 9e11],
  ["little", 1],
])("a file that is forged to tell %s makes nobody pay less than the total", async (_, forged) => {
  const huge = [called, record(forged, forged), called, tokenCount([9e11, 9e11], [1, 1])];
  const broken = [record(-5, 1), record(1e300, 1), { type: "token_usage_record", payload: 7 }];
  const agent = await makeAgent(
    `${write(...broken, ...huge)}\nkill -KILL $$`,
    `${write(...huge)}\n${print(says, completed(300, 12))}`,
  );
  const run = await makeRun();
  await agent(run);
  expect(await agent(run)).toMatchObject({ reason: "done" });
  expect(sumCalls(run.calls)).toMatchObject({ calls: 2, inputTokens: 2 * forged });
  // The first process told no total: what was counted of it stays. Of the second one its charge does.
  const paid = sumCalls([...run.calls.slice(0, 1), ...run.bills.flat()]);
  expect(paid.inputTokens).toBeGreaterThanOrEqual(300);
});

test.each([
  ["a link to the folder", (to: string) => `rm -rf ${day}; ln -s ${to} ${day}`],
  ["a link to the file", (to: string) => `ln -s ${to}/${name} ${day}/${name}`],
  ["a pipe", () => `mkfifo ${day}/${name}`],
  ["another home", (to: string) => `mv $HOME $HOME.old; ln -s ${to}/home $HOME`],
])("%s in place of the file is not followed", async (_, plant) => {
  const outside = await makeFolder();
  const below = join(outside, "home/.codex/sessions/2026/11/28");
  await mkdir(below, { recursive: true });
  for (const folder of [outside, below])
    await writeFile(join(folder, name), `${lines(called, record(4_000, 1))}\n`);
  const agent = await makeAgent(
    `mkdir -p ${day}\n${plant(outside)}\n${print(says, completed(300, 12))}`,
  );
  const run = await makeRun();
  expect(await agent(run)).toMatchObject({ reason: "done" });
  expect(run.calls).toEqual([]);
  expect(tokensOf(run.bills.flat())).toEqual([tokens(300, 12)]);
});

test("of its windows the used-up one that ends last says when it may go on", async () => {
  const limits = {
    ...{ primary: { used_percent: 100, window_minutes: 300, resets_at: 1_900_000_000 } },
    ...{ secondary: { used_percent: 100, window_minutes: 10_080, resets_at: 1_900_500_000 } },
  };
  const told = {
    type: "event_msg",
    payload: { type: "token_count", info: null, rate_limits: limits },
  };
  const failed = {
    type: "turn.failed",
    error: { message: "You've hit your usage limit. Try again at 5:42 PM." },
  };
  const agent = await makeAgent(`${write(told)}\n${print(failed)}\nexit 1`);
  const end = await agent(await makeRun());
  expect(end).toMatchObject({ reason: "gave_up", failure: "rate_limit_window" });
  expect(end.retryAt?.getTime()).toBe(1_900_500_000_000);
});

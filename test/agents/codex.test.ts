import { mkdir, readFile, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeCliAgent } from "../../src/agents/cli/run-cli.ts";
import { codex } from "../../src/agents/programs/codex.ts";
import { type FakeProgram, makeProgram, runProgram } from "./fake-program.ts";
import { makeFolder, makeRun, makeSession, sumCalls } from "./make-run.ts";

/** Codex with a login of its own: what its lines say is all that is known. */
const agentOf = (program: FakeProgram, userHome = "/nonexistent") =>
  makeCliAgent(codex, { program: [program.path], model: "gpt-5.5", provider: null, userHome });

const thread = "01a1fca1-18f3-7f72-a39a-c89405952dd4";
const started = { type: "thread.started", thread_id: thread };
const says = (text: string) => ({
  type: "item.completed",
  item: { id: "item_0", type: "agent_message", text },
});
const completed = (input: number, output: number) => ({
  type: "turn.completed",
  usage: {
    input_tokens: input,
    cached_input_tokens: 10,
    output_tokens: output,
    reasoning_output_tokens: 2,
  },
});

test("a turn: what it did, what it said, what it used, where it can be gone on with", async () => {
  const program = await makeProgram([
    {
      lines: [
        started,
        { type: "turn.started" },
        { type: "item.started", item: { type: "command_execution", command: "ls", status: "x" } },
        {
          type: "item.completed",
          item: {
            type: "command_execution",
            command: "ls",
            aggregated_output: "a\nb",
            exit_code: 1,
          },
        },
        "no JSON at all",
        '{"type":"item.completed","item":{"type":"agent_me',
        { type: "a.kind.of.tomorrow", item: 7 },
        says("All done."),
        completed(1_000, 50),
      ],
    },
  ]);
  const run = await makeRun({ brief: "Do this.\n" });
  const end = await agentOf(program)(run);
  expect(end).toMatchObject({ reason: "done", failure: null, summary: "All done." });
  expect(run.session.externalId).toBe(thread);
  expect(run.events).toEqual(
    expect.arrayContaining([
      { kind: "tool_call", tool: "shell", summary: "ls" },
      { kind: "tool_result", tool: "shell", ok: false, summary: "a" },
      { kind: "text", text: "All done." },
    ]),
  );
  expect(sumCalls(run.bills.flat())).toMatchObject({
    ...{ calls: 1, inputTokens: 1_000, outputTokens: 50 },
  });
  const { args, input, env } = await program.call(0);
  expect(args).toEqual(
    expect.arrayContaining(["exec", "--json", "-m", "gpt-5.5", "-s", "workspace-write", "-"]),
  );
  expect(input).toMatch(/^Do this\.\n/);
  expect(env).toContain(`HOME=${run.sessionFolder}/home\n`);
  expect(await readFile(run.logPath, "utf8")).toContain("no JSON at all");
});

test("read-only is its own sandbox, or ours around it", async () => {
  for (const [confined, mode] of [
    [false, "read-only"],
    [true, "danger-full-access"],
  ] as const) {
    const program = await makeProgram([{ lines: [started, says("x"), completed(1, 1)] }]);
    await agentOf(program)(await makeRun({ mode: "read_only", confined }));
    expect((await program.call(0)).args.join(" ")).toContain(`-s ${mode}`);
  }
});

test("gone on with, its running total is counted from where the last process ended", async () => {
  const program = await makeProgram([
    { lines: [started, says("First."), completed(1_000, 50)] },
    { lines: [started, says("Second."), completed(2_500, 80)] },
  ]);
  const run = await makeRun();
  await agentOf(program)(run);
  await agentOf(program)({ ...run, brief: "And this.\n" });
  const bills = run.bills.flat();
  expect(bills.map(({ tokens }) => [tokens?.inputTokens, tokens?.outputTokens])).toEqual([
    [1_000, 50],
    [1_500, 30],
  ]);
  expect((await program.call(1)).args.join(" ")).toContain(`resume ${thread} -`);
});

test("a thread that is gone is begun afresh, with what was told and answered before", async () => {
  const program = await makeProgram([
    {
      lines: [],
      ending: `echo 'Error: thread/resume failed: no rollout found for thread id ${thread}' >&2; exit 1`,
    },
    { lines: [{ ...started, thread_id: "another" }, says("Done after all."), completed(700, 30)] },
  ]);
  const tokens = { inputTokens: 900, cachedInputTokens: 10, outputTokens: 40, reasoningTokens: 2 };
  const told = [{ told: "Build the bridge." }, { answered: "Half of it stands." }];
  const entries = [...told, { total: tokens, of: thread }];
  const run = await makeRun({ brief: "Finish it.\n", session: makeSession(entries, thread) });
  const end = await agentOf(program)(run);
  expect(end).toMatchObject({ reason: "done", summary: "Done after all." });
  expect(end.detail).toContain("a fresh one was briefed");
  // Its total begins anew, too.
  expect(sumCalls(run.bills.flat())).toMatchObject({ inputTokens: 700, outputTokens: 30 });
  const { args, input } = await program.call(1);
  expect(args).not.toContain("resume");
  for (const part of ["Build the bridge.", "Half of it stands.", "Finish it."])
    expect(input).toContain(part);
});

describe("an answer by schema", () => {
  const schema = {
    type: "object",
    properties: { files: { type: "array", items: { type: "string" } } },
    required: ["files"],
    additionalProperties: false,
  };

  test("is asked for in its own way, and once again when it is none", async () => {
    const program = await makeProgram([
      { lines: [started, says('{"files": 7}'), completed(1, 1)] },
      { lines: [started, says('Here:\n```json\n{"files": ["a"]}\n```'), completed(2, 2)] },
    ]);
    const run = await makeRun({ outputSchema: schema });
    const end = await agentOf(program)(run);
    expect(end).toMatchObject({ reason: "done", output: { files: ["a"] } });
    const { args } = await program.call(0);
    expect(args.slice(-3)).toEqual([
      "--output-schema",
      join(run.sessionFolder, "home/answer-schema.json"),
      "-",
    ]);
    expect((await program.call(1)).input).toMatch(/not the answer that was asked for: files: /);
  });

  test("that never comes is a failure", async () => {
    const wrong = { lines: [started, says("I would rather not."), completed(1, 1)] };
    const end = await agentOf(await makeProgram([wrong, wrong]))(
      await makeRun({ outputSchema: schema }),
    );
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_failed", output: null });
    expect(end.detail).toContain("it holds no JSON object");
  });
});

test("a question in its last line waits for a person", async () => {
  const text = 'I looked around.\n{"question": "Which colour?", "options": ["red", "green"]}';
  const program = await makeProgram([{ lines: [started, says(text), completed(1, 1)] }]);
  const run = await makeRun();
  expect(await agentOf(program)(run)).toMatchObject({
    reason: "needs_input",
    failure: "question",
    question: "Which colour?",
    choices: ["red", "green"],
  });
  expect(run.events).toContainEqual({ kind: "question", text: "Which colour?" });
});

test("what a person said meanwhile is the next message of the session", async () => {
  const program = await makeProgram([
    { lines: [started, says("Done in red."), completed(1, 1)] },
    { lines: [started, says("Done in blue."), completed(2, 2)] },
  ]);
  const said = [["It is urgent."], ["Make it blue."], []];
  const run = await makeRun({ takeMessages: async () => said.shift() ?? [] });
  expect(await agentOf(program)(run)).toMatchObject({ reason: "done", summary: "Done in blue." });
  expect((await program.call(0)).input).toContain(
    "Do it.\n\n# What a person said meanwhile\n\nIt is urgent.",
  );
  expect((await program.call(1)).input).toBe("Make it blue.");
});

test.each([
  ["kill -KILL $$", "crashed", "killed", "codex was killed by SIGKILL"],
  ["exit 3", "gave_up", "agent_failed", "codex: exit 3 without a word"],
  [
    "echo 'Not logged in' >&2; exit 1",
    "needs_input",
    "question",
    "the login of codex does not work",
  ],
  ["sleep 60", "timed_out", "timed_out", "timed out"],
  ["printf 'Trust this folder? (y/n) '; exit 1", "needs_input", "question", "stopped at a prompt"],
])("%s → %s", async (ending, reason, failure, detail) => {
  const run = await makeRun({ timeoutMs: ending.startsWith("sleep") ? 1_000 : 60_000 });
  const end = await agentOf(await makeProgram([{ lines: [started], ending }]))(run);
  expect(end).toMatchObject({ reason, failure });
  expect(end.detail).toContain(detail);
});

test.each([
  ["You've hit your usage limit. Try again in 2 hours 5 minutes.", "rate_limit_window", true],
  ["exceeded retry limit, last status: 429 Too Many Requests", "model_unavailable", false],
  [
    "The 'gpt-9' model is not supported when using Codex with a ChatGPT account.",
    "agent_unavailable",
    false,
  ],
  ["the patch was too clever", "agent_failed", false],
])("a failed turn says why: %s", async (message, failure, hasTime) => {
  const lines = [started, { type: "turn.failed", error: { message } }];
  const end = await agentOf(await makeProgram([{ lines, ending: "exit 1" }]))(await makeRun());
  expect(end).toMatchObject({ reason: "gave_up", failure });
  expect(end.retryAt !== null).toBe(hasTime);
});

test("a program that is not there says what to install", async () => {
  const program: FakeProgram = { path: "/nonexistent/codex", call: () => Promise.reject() };
  const end = await agentOf(program)(await makeRun());
  expect(end).toMatchObject({ reason: "gave_up", failure: "agent_unavailable" });
  expect(end.detail).toContain("npm install -g @openai/codex");
});

describe("its login", () => {
  const jwt = (exp: number) => `h.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.s`;
  const soon = Math.round(Date.now() / 1_000) + 3_600;
  const tokens = { id_token: "i", access_token: jwt(soon), refresh_token: "r", account_id: "a" };
  const login = { OPENAI_API_KEY: null, tokens, last_refresh: "2020-01-01T00:00:00Z" };
  const makeUser = async (text: string) => {
    const userHome = await makeFolder();
    await mkdir(join(userHome, ".codex"));
    await writeFile(join(userHome, ".codex/auth.json"), text, { mode: 0o600 });
    return userHome;
  };
  const lines = [started, says("x"), completed(1, 1)];

  test("is lent as a copy that nothing in it renews and nobody else reads", async () => {
    const userHome = await makeUser(JSON.stringify(login));
    const { run } = await runProgram(codex, lines, { userHome });
    const place = join(run.sessionFolder, "home/.codex/auth.json");
    expect(await readlink(place)).toBe(join(run.scratch, "login/auth.json"));
    const lent = JSON.parse(await readFile(place, "utf8"));
    expect(lent.tokens).toEqual({ ...tokens, refresh_token: "" });
    expect(Date.parse(lent.last_refresh)).toBeGreaterThan(Date.now() - 60_000);
    expect((await stat(place)).mode & 0o777).toBe(0o400);
    expect(await readFile(join(userHome, ".codex/auth.json"), "utf8")).toBe(JSON.stringify(login));
  });

  test.each([
    ["coder", "needs_input", "question"],
    ["reviewer", "gave_up", "agent_unavailable"],
  ] as const)(
    "that has run out is said to the %s's person, before anything runs",
    async (role, reason, failure) => {
      const old = { ...login, tokens: { ...tokens, access_token: jwt(1_700_000_000) } };
      const userHome = await makeUser(JSON.stringify(old));
      const { end, run } = await runProgram(codex, lines, { userHome, given: { role } });
      expect(end).toMatchObject({ reason, failure });
      expect(end.detail).toContain("the login of codex expired at 2023-11-14T22:13:20.000Z");
      expect(end.question ?? end.detail).toContain("or run `codex login`");
      expect(run.processes).toEqual([]);
      // What it was told is in the session, for when it is gone on with.
      expect(run.session.entries).toEqual([{ told: run.brief }]);
    },
  );

  test.each([
    "error sending request for url (https://auth.openai.com/oauth/token)",
    "Failed to refresh token: 400 Bad Request: Invalid 'refresh_token': empty string.",
    "OAuth session expired and could not be refreshed",
    'unexpected status 401: {"error":{"message":"Invalid API key"}}',
  ])("that fails in the run waits for a person: %s", async (message) => {
    const failed = [started, { type: "turn.failed", error: { message } }];
    const { end } = await runProgram(codex, failed, { ending: "exit 1" });
    expect(end).toMatchObject({ reason: "needs_input", failure: "question" });
    expect(end.question).toMatch(
      /^The login of codex does not work.*run `codex login`.*answer "yes"/,
    );
  });

  test("that cannot be read is none", async () => {
    const { end } = await runProgram(codex, lines, { userHome: await makeUser("{}") });
    expect(end.question).toMatch(/^The login of codex in .*auth\.json cannot be read/);
  });
});

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type BuiltinOptions, makeBuiltinAgent } from "../../src/agents/builtin/builtin.ts";
import type { ScriptedTurn } from "../../src/demo/scenario-types.ts";
import { type ScriptedModel, startScriptedModel } from "../../src/demo/scripted-model.ts";
import { makeRun, makeSession, type TestRun } from "./make-run.ts";

const apiKey = "sk-test-4f3a9c-do-not-show";
const finish: ScriptedTurn = {
  calls: [{ name: "finish", arguments: { summary: "Finished it." } }],
};

/** Let the agent play this script over real HTTP. */
async function play(
  turns: readonly ScriptedTurn[],
  given: { run?: TestRun; options?: Partial<BuiltinOptions> } = {},
) {
  const model = await startScriptedModel({ model: "scripted", choose: () => turns }, { apiKey });
  onTestFinished(() => model.close());
  const run = given.run ?? (await makeRun());
  const end = await makeBuiltinAgent({
    apiKey,
    baseUrl: model.baseUrl,
    model: "scripted",
    retry: { baseMs: 1 },
    ...given.options,
  })(run);
  return { end, model, run };
}

/** What the model was told last: the results of its calls, or a sentence. */
function lastTold(model: ScriptedModel): string {
  return model.requests.at(-1)?.messages.at(-1)?.content ?? "";
}

describe("what is told outside", () => {
  test("the key goes to the model server and nowhere else", async () => {
    const { end, model, run } = await play([
      { calls: [{ name: "bash", arguments: { command: "env; cat /proc/self/cmdline" } }] },
      { calls: [{ name: "bash", arguments: { command: `echo ${apiKey}` } }] },
      finish,
    ]);
    expect(model.requests.map(({ authorization }) => authorization)).toEqual(
      Array(3).fill(`Bearer ${apiKey}`),
    );
    expect(model.requests[1]?.messages.at(-1)?.content).toContain("PATH=");
    expect(JSON.stringify(model.requests[1]?.messages)).not.toContain(apiKey);
    expect(await readFile(run.logPath, "utf8")).not.toContain(apiKey);
    expect(end.outputTail).not.toContain(apiKey);
  });

  test("the log reads as the transcript", async () => {
    const { run } = await play([
      { text: "Looking.", calls: [{ name: "bash", arguments: { command: "echo seen" } }] },
      finish,
    ]);
    const log = await readFile(run.logPath, "utf8");
    for (const part of ["turn 1", "Looking.", "→ bash", "exit 0\nseen", "ended: done"]) {
      expect(log).toContain(part);
    }
  });
});

test("a session has eight checks, whichever run they were called in", async () => {
  const asked: (string | null)[] = [];
  const check: TestRun["check"] = async (command) => {
    asked.push(command);
    return { ok: true, text: "pass" };
  };
  const calls = (count: number) => ({
    calls: Array.from({ length: count }, () => ({ name: "check", arguments: { command: "x" } })),
  });
  const entries: unknown[] = [];
  const first = [calls(5), finish];
  await play(first, { run: await makeRun({ check, session: makeSession(entries) }) });
  const run = await makeRun({ check, session: makeSession(entries), brief: "Go on." });
  const { model } = await play([...first, calls(4), finish], { run });
  expect(asked).toEqual(Array(8).fill("x"));
  expect(lastTold(model)).toContain("there were 8 checks already");
});

describe("how a run ends", () => {
  test("a question", async () => {
    const { end } = await play([{ calls: [{ name: "ask", arguments: { question: "Which?" } }] }]);
    expect(end).toMatchObject({ reason: "needs_input", failure: "question", question: "Which?" });
  });

  test("a question with answers to choose from; a wrong offer asks nothing", async () => {
    const ask = (options: unknown) => ({
      calls: [{ name: "ask", arguments: { question: "Which?", options } }],
    });
    const { end, model } = await play([
      ask(["one"]),
      ask(["one", "x".repeat(61)]),
      ask(["a", "b"]),
    ]);
    expect(end).toMatchObject({ question: "Which?", choices: ["a", "b"] });
    expect(model.requests).toHaveLength(3);
    const told = JSON.stringify(model.requests[2]);
    expect(told).toContain("options: must be 2 to 4; nothing was asked");
    expect(told).toContain("options 2: must be a line of 1 to 60 characters; nothing was asked");
  });

  test("the turns run out", async () => {
    const turns = Array.from({ length: 5 }, (_, i) => ({
      calls: [{ name: "bash", arguments: { command: `echo ${i}` } }],
    }));
    const { end, model } = await play(turns, { run: await makeRun({ maxTurns: 3 }) });
    expect(end).toMatchObject({
      reason: "out_of_budget",
      failure: "out_of_budget",
      detail: "used all 3 turns",
    });
    expect(model.requests).toHaveLength(3);
  });

  test("an abort in the middle of a command", async () => {
    const stop = new AbortController();
    const run = await makeRun({
      signal: stop.signal,
      emit: ({ kind }) => kind === "tool_call" && stop.abort(),
    });
    const { end } = await play(
      [{ calls: [{ name: "bash", arguments: { command: "sleep 60" } }] }, finish],
      { run },
    );
    expect(end).toMatchObject({ reason: "cancelled", failure: null });
  });

  test("an abort while the model thinks", async () => {
    const stop = new AbortController();
    const run = await makeRun({
      signal: stop.signal,
      emit: () => setImmediate(() => stop.abort()),
    });
    const { end } = await play([{ ...finish, thinkMs: 30_000 }], { run });
    expect(end).toMatchObject({ reason: "cancelled" });
    expect(run.calls).toEqual([]);
  });

  test("the time runs out", async () => {
    const { end, run } = await play(
      [{ calls: [{ name: "bash", arguments: { command: "sleep 60" } }] }, finish],
      { run: await makeRun({ timeoutMs: 400 }) },
    );
    expect(end).toMatchObject({ reason: "timed_out", failure: "timed_out" });
    expect(run.calls).toHaveLength(1);
  });

  test("the time runs out in a check, which is the run's time", async () => {
    const check: TestRun["check"] = (_, signal) =>
      new Promise((__, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    const { end } = await play([{ calls: [{ name: "check", arguments: {} }] }, finish], {
      run: await makeRun({ check, timeoutMs: 400 }),
    });
    expect(end).toMatchObject({ reason: "timed_out", failure: "timed_out" });
  });

  test("the same call again and again: a nudge, then the end", async () => {
    const same = { calls: [{ name: "bash", arguments: { command: "true" } }] };
    const { end, model } = await play([same, same, same, same, finish]);
    expect(end).toMatchObject({ reason: "gave_up", failure: "stalled" });
    expect(lastTold(model)).toContain("same call three times");
    expect(model.requests).toHaveLength(4);
  });

  test("the nudge can be heeded", async () => {
    const same = { calls: [{ name: "bash", arguments: { command: "true" } }] };
    const { end } = await play([same, same, same, finish]);
    expect(end.reason).toBe("done");
  });

  test("two empty replies", async () => {
    const { end, model } = await play([{}, {}, finish]);
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_failed" });
    expect(end.detail).toContain("empty reply");
    expect(lastTold(model)).toContain("call finish");
  });

  test("an empty reply, then work", async () => {
    expect((await play([{}, finish])).end.reason).toBe("done");
  });

  test("only words after work count as the end, after a nudge", async () => {
    const { end, model } = await play([
      { calls: [{ name: "bash", arguments: { command: "true" } }] },
      { text: "I am done." },
      { text: "As I said: done." },
    ]);
    expect(model.requests).toHaveLength(3);
    expect(end).toMatchObject({ reason: "done", summary: "As I said: done." });
  });

  test("only words and no work", async () => {
    const { end } = await play([{ text: "What shall I do?" }, { text: "I cannot do this." }]);
    expect(end).toMatchObject({ reason: "gave_up", failure: "agent_failed" });
    expect(end.detail).toContain("I cannot do this.");
  });
});

describe("bad calls are answered in words", () => {
  test.each([
    ["an unknown tool", "fly", {}, 'there is no tool "fly"; the tools are read, search'],
    ["a tool without a name", "", {}, 'there is no tool ""'],
    ["a name that is none", "fly away!", {}, 'there is no tool "fly away!"'],
    ["a missing argument", "bash", {}, "the arguments do not fit: command: Invalid input"],
    ["a wrong type", "read", { path: 7 }, "path: Invalid input: expected string"],
    ["an unknown argument", "read", { path: ".", mode: "x" }, 'Unrecognized key: "mode"'],
    ["no object", "bash", '"ls"', "expected object"],
    ["truncated JSON", "bash", '{"command": "rm -rf', "not valid JSON"],
    ["a flood", "write", `{"path": "a", "content": "${"x".repeat(5e6)}"}`, "at most 1000000"],
    ["a path outside", "write", { path: "../out", content: "" }, "outside the worktree"],
    ["a path of git", "write", { path: ".git/config", content: "" }, "belongs to git"],
    ["a file that is not there", "read", { path: "none" }, 'there is no file "none"'],
  ])("%s", async (_, name, args, words) => {
    const { end, model } = await play([{ calls: [{ name, arguments: args }] }, finish]);
    expect(end.reason).toBe("done");
    expect(lastTold(model)).toContain("Error: ");
    expect(lastTold(model)).toContain(words);
    // Servers refuse a history whose arguments are no JSON, and nobody pays for a flood twice.
    const sent = JSON.stringify(model.requests[1]?.messages);
    expect(sent.length).toBeLessThan(20_000);
    const calls = model.requests[1]?.messages.at(-2)?.tool_calls as {
      function: { name: string; arguments: string };
    }[];
    for (const { function: called } of calls) {
      expect(called.name).toMatch(/^[\w-]{1,64}$/);
      expect(() => JSON.parse(called.arguments)).not.toThrow();
    }
  });

  test("200 calls at once: the first few run", async () => {
    const calls = Array.from({ length: 200 }, (_, i) => ({
      name: "bash",
      arguments: { command: `echo ${i} >> ran` },
    }));
    const { end, model, run } = await play([{ calls }, finish]);
    expect(end.reason).toBe("done");
    expect((await readFile(join(run.worktree, "ran"), "utf8")).trim().split("\n")).toHaveLength(16);
    expect(model.requests[1]?.messages.filter(({ role }) => role === "tool")).toHaveLength(200);
    expect(lastTold(model)).toContain("at most 16 calls");
  });

  test("a file that changed since it was read is not edited by guess", async () => {
    const { end, model, run } = await play([
      { calls: [{ name: "write", arguments: { path: "a", content: "one\n" } }] },
      { calls: [{ name: "bash", arguments: { command: "echo two > a" } }] },
      { calls: [{ name: "edit", arguments: { path: "a", old_text: "one", new_text: "1" } }] },
      finish,
    ]);
    expect(end.reason).toBe("done");
    expect(lastTold(model)).toContain("old_text is not in a");
    expect(await readFile(join(run.worktree, "a"), "utf8")).toBe("two\n");
  });
});

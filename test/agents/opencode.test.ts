import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeCliAgent } from "../../src/agents/cli/run-cli.ts";
import { opencode } from "../../src/agents/opencode.ts";
import { makeProgram } from "./fake-program.ts";
import { makeRun, sumCalls } from "./make-run.ts";

/** opencode with a login of its own: what its lines say is all that is known. */
const sessionID = "ses_e0363b5e5ffe72R75rtGGGp2BF";
const step = (reason: string, input: number, cost = 0) => ({
  type: "step_finish",
  sessionID,
  part: {
    type: "step-finish",
    reason,
    cost,
    tokens: { input, output: 40, reasoning: 5, cache: { read: 100, write: 0 } },
  },
});
const tool = (state: object) => ({
  type: "tool_use",
  sessionID,
  part: { type: "tool", tool: "read", state: { input: { filePath: "a" }, ...state } },
});

async function run(lines: object[], ending?: string, given = {}) {
  const program = await makeProgram([{ lines, ...(ending ? { ending } : {}) }]);
  const agent = makeCliAgent(opencode, {
    program: program.path,
    model: null,
    provider: null,
    userHome: "/nonexistent",
  });
  const testRun = await makeRun(given);
  return { end: await agent(testRun), run: testRun, ...(await program.call(0)) };
}

test("each step is a call, and the session is kept from the first line on", async () => {
  const {
    end,
    run: own,
    args,
  } = await run([
    { type: "step_start", sessionID, part: { type: "step-start" } },
    tool({ status: "completed", output: "one\ntwo", title: "src/a" }),
    step("tool-calls", 1_000),
    tool({ status: "error", error: "no such file" }),
    { type: "text", sessionID, part: { type: "text", text: "All done." } },
    step("stop", 2_000),
  ]);
  expect(end).toMatchObject({ reason: "done", summary: "All done." });
  expect(own.session.externalId).toBe(sessionID);
  // Its own tokens are those that were not cached, and reasoning is beside the output.
  expect(sumCalls(own.calls)).toMatchObject({ calls: 2, inputTokens: 3_200, outputTokens: 90 });
  expect(own.calls.map(({ costUsd }) => costUsd)).toEqual([null, null]);
  expect(own.events).toContainEqual({
    kind: "tool_result",
    tool: "read",
    ok: false,
    summary: "no such file",
  });
  expect(args).toEqual(expect.arrayContaining(["run", "--format", "json", "--auto", "--title"]));
});

test.each([
  [[step("tool-calls", 1)], "exit 0", "agent_failed"],
  [
    [{ type: "error", sessionID, error: { name: "APIError", data: { message: "Rate limit" } } }],
    "exit 1",
    "model_unavailable",
  ],
  [[{ type: "error", sessionID, error: { name: "ProviderAuthError" } }], "exit 1", "agent_failed"],
])("an end that is none: %j, %s → %s", async (lines, ending, failure) => {
  const { end } = await run(lines, ending);
  expect(end).toMatchObject({ reason: "gave_up", failure });
});

test("read-only is a permission that its config denies", async () => {
  const { run: own } = await run([step("stop", 1)], undefined, { mode: "read_only" });
  const file = join(own.sessionFolder, "home/.config/opencode/opencode.json");
  const { permission } = JSON.parse(await readFile(file, "utf8"));
  expect(permission).toMatchObject({ "*": "deny", read: "allow" });
  expect(permission).not.toHaveProperty("bash");
});

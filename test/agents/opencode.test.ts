import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { opencode } from "../../src/agents/programs/opencode.ts";
import { runProgram } from "./fake-program.ts";
import { makeFolder, sumCalls } from "./make-run.ts";

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

test("each step is a call, and the session is kept from the first line on", async () => {
  const {
    end,
    run: own,
    call,
  } = await runProgram(opencode, [
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
  const { args } = await call();
  expect(args).toEqual(expect.arrayContaining(["run", "--format", "json", "--auto", "--title"]));
});

test.each([
  [[step("tool-calls", 1)], "exit 0", "agent_failed"],
  [
    [{ type: "error", sessionID, error: { name: "APIError", data: { message: "Rate limit" } } }],
    "exit 1",
    "model_unavailable",
  ],
  [[{ type: "error", sessionID, error: { name: "ProviderAuthError" } }], "exit 1", "question"],
  [
    // As it was said by opencode 1.18.33.
    [
      {
        type: "error",
        sessionID,
        error: {
          name: "APIError",
          data: { message: "Incorrect API key provided.", statusCode: 401, isRetryable: false },
        },
      },
    ],
    "exit 1",
    "question",
  ],
])("an end that is none: %j, %s → %s", async (lines, ending, failure) => {
  const { end } = await runProgram(opencode, lines, { ending });
  expect(end.failure).toBe(failure);
});

test("read-only is a permission that its config denies", async () => {
  const { run: own } = await runProgram(opencode, [step("stop", 1)], {
    given: { mode: "read_only" },
  });
  const file = join(own.sessionFolder, "home/.config/opencode/opencode.json");
  const { permission } = JSON.parse(await readFile(file, "utf8"));
  expect(permission).toMatchObject({ "*": "deny", read: "allow" });
  expect(permission).not.toHaveProperty("bash");
});

test("a model of the role is passed on; one that it does not know is said to be that", async () => {
  const { call, run: own } = await runProgram(opencode, [step("stop", 1)], { model: "openai/m" });
  expect((await call()).args.join(" ")).toContain("-m openai/m");
  expect(own.calls.map(({ model }) => model)).toEqual(["openai/m"]);
  const log = `level=ERROR message=failed error="ProviderModelNotFoundError: Model not found: openai/m." cause="…"`;
  const error = {
    type: "error",
    sessionID,
    error: { name: "UnknownError", data: { message: "Unexpected server error." } },
  };
  const { end } = await runProgram(opencode, [error], {
    model: "openai/m",
    ending: `echo '${log}' >&2; exit 1`,
  });
  expect(end).toMatchObject({ reason: "gave_up", failure: "agent_unavailable" });
  expect(end.detail).toBe(
    "opencode: Model not found: openai/m.; correct `model` of the role, or leave it out for the program's own choice",
  );
});

test("of its logins a run is lent the one of its model, and nothing that renews it", async () => {
  const userHome = await makeFolder();
  const file = ".local/share/opencode/auth.json";
  await mkdir(join(userHome, file, ".."), { recursive: true });
  const anthropic = { type: "oauth", access: "a", refresh: "r", expires: Date.now() + 60_000 };
  await writeFile(
    join(userHome, file),
    JSON.stringify({ anthropic, openai: { type: "api", key: "k" } }),
  );
  const lentFor = async (model: string | null) => {
    const { run: own } = await runProgram(opencode, [step("stop", 1)], { model, userHome });
    return JSON.parse(await readFile(join(own.sessionFolder, "home", file), "utf8"));
  };
  expect(await lentFor("anthropic/m")).toEqual({ anthropic: { ...anthropic, refresh: "" } });
  expect(Object.keys(await lentFor(null))).toEqual(["anthropic", "openai"]);
});

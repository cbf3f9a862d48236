import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeAcpAgent } from "../../src/agents/programs/acp.ts";
import { isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { makeRun, makeSession } from "./make-run.ts";

const program = join(import.meta.dirname, "acp-program.mjs");
const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const agentOf = (script: object) =>
  makeAcpAgent(`${quote(process.execPath)} ${quote(program)} ${quote(JSON.stringify(script))}`, {
    providers: { openai: null, anthropic: null },
    model: null,
    userHome: "/nonexistent",
  });

test("a prompt and its answer; nobody says what it used", async () => {
  const run = await makeRun();
  const end = await agentOf({ says: ["All done."] })(run);
  expect(end).toMatchObject({ reason: "done", failure: null, summary: "All done." });
  expect(run.session.externalId).toBe("s-1");
  expect(run.calls).toMatchObject([{ tokens: null, costUsd: null }]);
  expect(await readFile(run.logPath, "utf8")).toContain("All done.");
  expect(run.processes.some(isProcessAlive)).toBe(false);
});

const options = [
  { optionId: "always", name: "Always", kind: "allow_always" },
  { optionId: "once", name: "Once", kind: "allow_once" },
  { optionId: "never", name: "No", kind: "reject_once" },
];
const permission = (toolCall: object) => ({
  permission: {
    sessionId: "s-1",
    options,
    toolCall: { toolCallId: "t", title: "rm -r build", ...toolCall },
  },
});

test.each([
  ["inside the sandbox", { confined: true }, { kind: "execute" }, "once"],
  ["in its worktree", { confined: true }, { kind: "edit", locations: [{ path: "src/a" }] }, "once"],
  ["when it may only read", { mode: "read_only" }, { kind: "edit" }, "never"],
  ["of an unknown kind when it may only read", { mode: "read_only" }, {}, "never"],
] as const)("a permission %s is decided, and never for always", async (_, given, call, choice) => {
  const end = await agentOf(permission(call))(await makeRun(given));
  expect(end).toMatchObject({ reason: "done", summary: `permission: ${choice}` });
});

test.each([
  ["without a sandbox", { confined: false }, { kind: "execute" }],
  [
    "outside its worktree",
    { confined: true },
    { kind: "edit", locations: [{ path: "/etc/passwd" }] },
  ],
  ["that climbs out", { confined: true }, { kind: "edit", locations: [{ path: "../../x" }] }],
] as const)("a permission %s is a question for a person", async (_, given, call) => {
  const end = await agentOf(permission(call))(await makeRun(given));
  expect(end).toMatchObject({ reason: "needs_input", failure: "permission" });
  expect(end.question).toContain("rm -r build");
});

test("a session that can be loaded is gone on with, and its old words are not new ones", async () => {
  const run = await makeRun({
    session: makeSession([{ told: "Before." }], "s-1"),
    brief: "Now.\n",
  });
  const record = join(run.scratch, "record");
  const end = await agentOf({ loads: true, says: ["More."], record })(run);
  expect(end).toMatchObject({ reason: "done", summary: "More." });
  const sent = await readFile(record, "utf8");
  expect(sent).toContain('"session/load"');
  expect(sent).not.toContain("Before.");
});

test.each([
  [{ loads: true }, "s-other"],
  [{ loads: false }, "s-1"],
])("one that cannot be loaded (%j, %s) is briefed anew", async (script, id) => {
  const entries = [{ told: "Build it." }, { answered: "Half is built." }];
  const run = await makeRun({ session: makeSession(entries, id) });
  const record = join(run.scratch, "record");
  const end = await agentOf({ ...script, record })(run);
  expect(end.reason).toBe("done");
  expect(end.detail).toContain("a fresh one was briefed");
  expect(await readFile(record, "utf8")).toMatch(/Build it\..*Half is built\./);
});

test("what a person says meanwhile is another prompt of the same process", async () => {
  const said = [[], ["Make it blue."], []];
  const run = await makeRun({ takeMessages: async () => said.shift() ?? [] });
  const record = join(run.scratch, "record");
  const end = await agentOf({ says: ["Red.", "Blue."], record })(run);
  expect(end).toMatchObject({ reason: "done", summary: "Blue." });
  expect((await readFile(record, "utf8")).match(/"initialize"/g)).toHaveLength(1);
});

test("an answer by schema is asked for once again", async () => {
  const outputSchema = { type: "object", properties: { n: { type: "integer" } }, required: ["n"] };
  const end = await agentOf({ says: ["five", '{"n": 5}'] })(await makeRun({ outputSchema }));
  expect(end).toMatchObject({ reason: "done", output: { n: 5 } });
});

test.each([
  [{ dies: true }, "crashed", "killed", /killed by SIGKILL/],
  [{ needsLogin: true }, "gave_up", "agent_unavailable", /not logged in/],
  [
    { fails: { details: "You've hit your session limit · resets 3:10am (Asia/Seoul)" } },
    "gave_up",
    "rate_limit_window",
    /hit your session limit/,
  ],
  [{ fails: "the disk is green" }, "gave_up", "agent_failed", /Internal error/],
  [{ stops: "refusal" }, "gave_up", "agent_failed", /refusal/],
  [{ stops: "max_turn_requests" }, "out_of_budget", "out_of_budget", /max_turn_requests/],
  [{ hangs: true }, "timed_out", "timed_out", /timed out after 2 s/],
])("%j ends as %s", async (script, reason, failure, detail) => {
  const run = await makeRun({ timeoutMs: "hangs" in script ? 2_000 : 60_000 });
  const end = await agentOf(script)(run);
  expect(end).toMatchObject({ reason, failure });
  expect(end.detail).toMatch(detail);
  expect(run.processes.some(isProcessAlive)).toBe(false);
});

test("an abort cancels it", async () => {
  const stop = new AbortController();
  const run = await makeRun({ signal: stop.signal });
  const keep = run.session.keepExternalId;
  run.session.keepExternalId = async (id) => {
    await keep(id);
    stop.abort();
  };
  expect(await agentOf({ hangs: true })(run)).toMatchObject({ reason: "cancelled", failure: null });
});

test("a program that is not there is unavailable", async () => {
  const agent = makeAcpAgent("no-such-agent acp", {
    providers: { openai: null, anthropic: null },
    model: null,
    userHome: "/nonexistent",
  });
  expect(await agent(await makeRun())).toMatchObject({
    reason: "gave_up",
    failure: "agent_unavailable",
  });
});

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { makeSession } from "../agents/make-run.ts";
import type { Fault } from "../support/model-server/scenario.ts";
import { until } from "../support/until.ts";
import {
  agents,
  failingWith,
  makeAgent,
  makeProjectRun,
  makeServer,
  realKey,
  repair,
  repairTurns,
} from "./support.ts";

/** What goes wrong with a real program, and what the daemon makes of it. */
describe.each(agents)("%s", (name) => {
  test("repeats a call that failed once, and it counts once", async () => {
    const [first, ...rest] = repairTurns;
    const turns = [{ ...first, fault: { kind: "server_error" } as Fault }, ...rest];
    const server = await makeServer({ roles: { coder: { turns } } });
    const run = await makeProjectRun();
    const end = await makeAgent(name, server)(run);
    expect(end, JSON.stringify(end)).toMatchObject({ reason: "done" });
    const [served] = Object.values(server.served);
    expect(run.calls).toHaveLength(served?.calls ?? 0);
  });

  test("killed in a turn it crashes; the next run goes on with its session", async () => {
    const server = await makeServer(repair);
    server.hold(({ turn }) => turn === 2);
    const run = await makeProjectRun();
    const ending = makeAgent(name, server)(run);
    await server.waitForRequest(({ turn }) => turn === 2);
    // It writes its record a moment after it asks: killed before that, it has no session to go on with.
    if (name.includes("claude"))
      await until(() => countReplies(run.sessionFolder) >= 2, "claude has recorded both turns");
    for (const { pid } of run.processes) process.kill(-pid, "SIGKILL");
    const crashed = await ending;
    expect(crashed, JSON.stringify(crashed)).toMatchObject({ reason: "crashed" });
    const told = run.session.externalId;
    expect(told).not.toBe(null);

    server.release();
    const again = await makeProjectRun({
      worktree: run.worktree,
      sessionFolder: run.sessionFolder,
      session: makeSession([...run.session.entries], told),
      brief: "Go on where you stopped.\n",
    });
    const from = server.requests.length;
    const end = await makeAgent(name, server)(again);
    expect(end, JSON.stringify(end)).toMatchObject({ reason: "done" });
    expect(again.session.externalId).toBe(told);
    // The first request of the new process already holds what the dead one did.
    const first = server.requests.slice(from).find(({ role }) => role === "coder");
    expect(first?.turn).toBeGreaterThanOrEqual(2);
  });

  test("a session that is gone is begun afresh with a briefing, and the end says so", async () => {
    const server = await makeServer(repair);
    const entries = [{ told: "Make the greeting say Hello." }, { answered: "I have read it." }];
    const gone = name.includes("opencode")
      ? "ses_00000000000000000000000000"
      : "01a1fc9c-3970-4890-ac55-b76c2d0e2a99";
    const run = await makeProjectRun({ brief: "Go on.\n", session: makeSession(entries, gone) });
    const end = await makeAgent(name, server)(run);
    expect(end, JSON.stringify(end)).toMatchObject({ reason: "done" });
    expect(end.detail).toContain("a fresh one was briefed");
    const [first] = server.requests.filter(({ role }) => role === "coder");
    expect(JSON.stringify(first?.body)).toContain("I have read it.");
  });
});

test.each(["codex", "claude"])(
  "a server that fails on and on ends an attempt of %s",
  async (name) => {
    const server = await makeServer(failingWith({ kind: "server_error" }));
    const end = await makeAgent(name, server)(await makeProjectRun());
    expect(end, JSON.stringify(end)).toMatchObject({
      reason: "gave_up",
      failure: "model_unavailable",
    });
  },
);

test.each(["codex", "claude", "opencode"])(
  "a used-up window ends an attempt of %s until then",
  async (name) => {
    const resetsAt = 1_900_000_000;
    const server = await makeServer(failingWith({ kind: "usage_limit", resetsAt }));
    const run = await makeProjectRun();
    const end = await makeAgent(name, server)(run);
    expect(end, JSON.stringify(end)).toMatchObject({
      reason: "gave_up",
      failure: "rate_limit_window",
    });
    expect(end.retryAt?.getTime()).toBe(resetsAt * 1_000);
    expect(run.calls).toEqual([]);
  },
);

test.each(["codex", "claude", "opencode"])(
  "the key is nowhere near %s, and its budget holds",
  async (name) => {
    const server = await makeServer(repair);
    let asked = 0;
    const run = await makeProjectRun();
    const end = await makeAgent(
      name,
      server,
    )({
      ...run,
      meter: {
        ...run.meter,
        limits: null,
        refuse: async () => (asked++ < 2 ? null : "the task's $1 are used up"),
      },
    });
    expect(end).toMatchObject({ reason: "out_of_budget", detail: "the task's $1 are used up" });
    expect(run.calls).toHaveLength(2);
    for (const file of await readdir(run.sessionFolder, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      const text = await readFile(join(file.parentPath, file.name), "utf8");
      expect(text.includes(realKey), file.name).toBe(false);
    }
  },
);

test("what a person says reaches claude between two calls of the model, and is counted once", async () => {
  const turns = [
    {
      calls: [
        {
          tool: "bash",
          args: { command: "touch running; while ! test -e go; do sleep 0.1; done" },
        },
      ],
    },
    { text: "Done, in blue." },
  ];
  const server = await makeServer({ roles: { coder: { turns } } });
  const said: string[][] = [];
  const run = await makeProjectRun({ takeMessages: async () => said.shift() ?? [] });
  const ending = makeAgent("claude", server)(run);
  await until(() => existsSync(join(run.worktree, "running")), "claude's tool runs");
  said.push(["Make it blue."]);
  // It is written to its stdin before the look after that one.
  await until(() => said.length === 0 || null, "claude was told");
  await writeFile(join(run.worktree, "go"), "");
  const end = await ending;
  expect(end, JSON.stringify(end)).toMatchObject({ reason: "done", summary: "Done, in blue." });
  const asked = server.requests.filter(({ role }) => role === "coder");
  expect(asked).toHaveLength(2);
  expect(JSON.stringify(asked[1]?.body)).toContain("Make it blue.");
  expect(run.session.entries).toContainEqual({ told: "Make it blue." });
  expect(run.calls).toHaveLength(Object.values(server.served)[0]?.calls ?? 0);
});

/** Replies in claude's record of its session. */
function countReplies(folder: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const records = names.filter((file) => file.endsWith(".jsonl"));
  const texts = records.map((file) => readFileSync(join(folder, file), "utf8"));
  return texts.join("").split('"type":"assistant"').length - 1;
}

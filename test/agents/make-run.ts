import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { AgentEvent, AgentRun, Session } from "../../src/agents/agent.ts";
import { exposeOnLoopback } from "../../src/agents/gateway/expose-on-loopback.ts";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import type { ModelCall } from "../../src/core/budget/usage.ts";
import type { ProcessIdentity } from "../../src/sandbox/process/process-identity.ts";
import { runCommand } from "../../src/sandbox/process/run-command.ts";
import { spawnPiped } from "../../src/sandbox/process/spawn-piped.ts";

export type TestRun = AgentRun & {
  events: AgentEvent[];
  processes: ProcessIdentity[];
  calls: ModelCall[];
  /** What programs with their own login said at the end of a process. */
  bills: ModelCall[][];
};

/** A folder that is gone after the test. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "deputy-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What an agent gets, with folders of its own. */
export async function makeRun(
  given: Partial<Omit<AgentRun, "meter">> & { meter?: Partial<AgentRun["meter"]> } = {},
): Promise<TestRun> {
  const folder = await makeFolder();
  const worktree = join(folder, "worktree");
  const scratch = join(folder, "scratch");
  await mkdir(worktree);
  await mkdir(scratch);
  const sessionFolder = join(folder, "session");
  await mkdir(sessionFolder);
  const events: AgentEvent[] = [];
  const processes: ProcessIdentity[] = [];
  const calls: ModelCall[] = [];
  const bills: ModelCall[][] = [];
  return {
    role: "coder",
    brief: "Do it.\n",
    outputSchema: null,
    maxTurns: 60,
    worktree,
    mode: "write",
    env: scrubbedEnvironment(),
    logPath: join(folder, "attempt.log"),
    scratch,
    sessionFolder,
    timeoutMs: 60_000,
    modelSilenceMs: 10_000,
    signal: new AbortController().signal,
    onProcess: (identity) => processes.push(identity),
    runCommand: (spec) =>
      runCommand({ ...spec, onStarted: (identity) => processes.push(identity) }),
    spawnPiped: (spec) =>
      spawnPiped({ ...spec, onStarted: (identity) => processes.push(identity) }),
    confined: false,
    expose: exposeOnLoopback,
    session: makeSession(),
    meter: {
      limits: null,
      refuse: async () => null,
      count: async (call) => {
        calls.push(call);
      },
      watch: async () => {},
      settle: async (bill) => {
        bills.push([...bill]);
      },
      ...given.meter,
    },
    takeMessages: async () => [],
    takeNudge: () => [],
    returnMessages: () => {},
    emit: (event) => {
      events.push(event);
      given.emit?.(event);
    },
    events,
    processes,
    calls,
    bills,
    ...Object.fromEntries(
      Object.entries(given).filter(([key]) => key !== "emit" && key !== "meter"),
    ),
  };
}

/** Where the tools of a run work. */
export function makePlace(
  run: Pick<AgentRun, "worktree" | "scratch" | "env" | "signal" | "runCommand">,
) {
  const { worktree, env, signal, runCommand } = run;
  const touched: string[] = [];
  return {
    worktree,
    env,
    signal,
    runCommand,
    outputs: join(run.scratch, "outputs"),
    seen: new Map<string, string>(),
    touch: (path: string) => {
      touched.push(path);
    },
    touched,
  };
}

/** A memory that ends with the test; `entries` may hold what an earlier run left. */
export function makeSession(entries: unknown[] = [], externalId: string | null = null): Session {
  return {
    entries,
    append: async (added) => {
      entries.push(...added);
    },
    checkpoint: async () => false,
    forget: async () => {},
    get externalId() {
      return externalId;
    },
    keepExternalId: async (id) => {
      externalId = id;
    },
  };
}

/** What the calls used together; a call without numbers counts as a call. */
export function sumCalls(calls: readonly ModelCall[]) {
  const sum = (key: "inputTokens" | "cachedInputTokens" | "outputTokens") =>
    calls.reduce((total, { tokens }) => total + (tokens?.[key] ?? 0), 0);
  return {
    calls: calls.length,
    inputTokens: sum("inputTokens"),
    cachedInputTokens: sum("cachedInputTokens"),
    outputTokens: sum("outputTokens"),
  };
}

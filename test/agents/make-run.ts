import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { AgentEvent, AgentRun, Session } from "../../src/agents/agent.ts";
import type { ModelCall } from "../../src/core/usage.ts";
import type { ProcessIdentity } from "../../src/sandbox/process-identity.ts";
import { runCommand } from "../../src/sandbox/run-command.ts";
import { scrubbedEnvironment } from "../../src/sandbox/scrubbed-environment.ts";

export type TestRun = AgentRun & {
  events: AgentEvent[];
  processes: ProcessIdentity[];
  calls: ModelCall[];
};

/** A folder that is gone after the test. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "deputy-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What an agent gets, with folders of its own. */
export async function makeRun(given: Partial<AgentRun> = {}): Promise<TestRun> {
  const folder = await makeFolder();
  const worktree = join(folder, "worktree");
  const scratch = join(folder, "scratch");
  await mkdir(worktree);
  await mkdir(scratch);
  const events: AgentEvent[] = [];
  const processes: ProcessIdentity[] = [];
  const calls: ModelCall[] = [];
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
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    onProcess: (identity) => processes.push(identity),
    runCommand: (spec) =>
      runCommand({ ...spec, onStarted: (identity) => processes.push(identity) }),
    session: makeSession(),
    meter: {
      refuse: async () => null,
      count: async (call) => {
        calls.push(call);
      },
    },
    heard: async () => [],
    emit: (event) => {
      events.push(event);
      given.emit?.(event);
    },
    events,
    processes,
    calls,
    ...Object.fromEntries(Object.entries(given).filter(([key]) => key !== "emit")),
  };
}

/** A memory that ends with the test; `entries` may hold what an earlier run left. */
export function makeSession(entries: unknown[] = []): Session {
  return {
    entries,
    append: async (added) => {
      entries.push(...added);
    },
    checkpoint: async () => {},
    externalId: null,
    keepExternalId: async () => {},
  };
}

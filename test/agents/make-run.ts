import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { AgentEvent, AgentRun } from "../../src/agents/agent.ts";
import type { ProcessIdentity } from "../../src/sandbox/process-identity.ts";
import { scrubbedEnvironment } from "../../src/sandbox/scrubbed-environment.ts";

export type TestRun = AgentRun & { events: AgentEvent[]; processes: ProcessIdentity[] };

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
  return {
    brief: "Do it.\n",
    worktree,
    mode: "write",
    env: scrubbedEnvironment(),
    logPath: join(folder, "attempt.log"),
    scratch,
    timeoutMs: 60_000,
    signal: new AbortController().signal,
    onProcess: (identity) => processes.push(identity),
    emit: (event) => {
      events.push(event);
      given.emit?.(event);
    },
    events,
    processes,
    ...Object.fromEntries(Object.entries(given).filter(([key]) => key !== "emit")),
  };
}

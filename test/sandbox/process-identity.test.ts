import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { uptime } from "node:os";
import { expect, test } from "vitest";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import { CappedText } from "../../src/sandbox/process/capped-text.ts";
import { killLeftovers, signalGroup } from "../../src/sandbox/process/kill-group.ts";
import {
  identifyProcess,
  isProcessAlive,
  lookForMark,
  lowestPidSince,
  type ProcessIdentity,
} from "../../src/sandbox/process/process-identity.ts";
import { runCommand } from "../../src/sandbox/process/run-command.ts";

const marked = (value: string) => lookForMark({ name: "MY_MARK", value }, null).marked;

/** Run a shell line until `use` is done with its leader. */
async function withProcess(
  script: string,
  env: Record<string, string>,
  use: (leader: ProcessIdentity) => void,
) {
  const stop = new AbortController();
  let leader: ProcessIdentity | null = null;
  const result = await runCommand({
    argv: ["sh", "-c", `${script}echo ready; sleep 300`],
    cwd: "/",
    env: { ...scrubbedEnvironment(), ...env },
    timeoutMs: 30_000,
    signal: stop.signal,
    onStarted: (identity) => {
      leader = identity;
    },
    onOutput: () => {
      if (leader) use(leader);
      stop.abort();
    },
  });
  return { leader, result };
}

test("a process is itself while it runs, and nobody after", async () => {
  const { leader } = await withProcess("", {}, (identity) => {
    expect(identifyProcess(identity.pid)).toEqual(identity);
    expect(isProcessAlive(identity)).toBe(true);
    // The same pid with another start is what a recycled pid looks like.
    expect(isProcessAlive({ ...identity, startTicks: "1" })).toBe(false);
  });
  expect(leader).not.toBeNull();
  expect(leader && isProcessAlive(leader)).toBe(false);
});

test("a recycled pid is not killed", async () => {
  await withProcess("", {}, (identity) => {
    const recycled = { ...identity, startTicks: String(Number(identity.startTicks) - 1) };
    expect(killLeftovers(recycled, { name: "DEPUTY_RUN", value: randomUUID() })).toBe(0);
    expect(killLeftovers({ ...identity, startTicks: null }, noMark())).toBe(0);
    expect(isProcessAlive(identity)).toBe(true);
  });
});

test("what was started before a process is not looked at for what it left, as long as pids go up", () => {
  const now = String(Math.floor(uptime() * 100));
  const last = Number(readFileSync("/proc/loadavg", "latin1").trim().split(" ").at(-1));
  expect(lowestPidSince({ pid: 1, startTicks: now })).toBe(1);
  expect(lowestPidSince({ pid: 1, startTicks: String(Number(now) - 6_000) })).toBe(0);
  expect(lowestPidSince({ pid: last + 10_000_000, startTicks: now })).toBe(0); // they came round
});

test("leftovers are killed by their leader and by their mark", async () => {
  const value = randomUUID();
  // It speaks first, and has left the group by then.
  const leaves = "setsid sh -c 'echo left; exec sleep 300' & wait; ";
  const { result } = await withProcess(leaves, { MY_MARK: value }, (identity) => {
    expect(marked(value)).toContainEqual(identity);
    expect(marked(value.slice(0, -1))).toEqual([]);
    expect(killLeftovers(identity, { name: "MY_MARK", value })).toBeGreaterThanOrEqual(2);
  });
  expect(result.signal).toBe("SIGKILL");
  expect(marked(value)).toEqual([]);
});

test("a process is read right even when its name holds brackets and spaces", async () => {
  const { leader } = await withProcess("printf ') Z 1 (' > /proc/$$/comm; ", {}, ({ pid }) => {
    expect(readFileSync(`/proc/${pid}/stat`, "latin1")).toContain(") ");
    expect(identifyProcess(pid)?.startTicks).toMatch(/^\d+$/);
  });
  expect(leader).not.toBeNull();
});

test("a group that is gone is not signalled", () => {
  expect(signalGroup(2 ** 22 + 1, "SIGTERM")).toBe(false);
  expect(identifyProcess(2 ** 22 + 1)).toBeNull();
});

test("the daemon's own environment does not get through, the allowed part does", () => {
  const env = scrubbedEnvironment(
    { PORT: "1" },
    {
      PATH: "/bin",
      HOME: "/h",
      LC_ALL: "C",
      OPENAI_API_KEY: "k",
      GITHUB_TOKEN: "t",
      NODE_OPTIONS: "x",
    },
  );
  expect(env).toEqual({ PATH: "/bin", HOME: "/h", LC_ALL: "C", PORT: "1" });
});

test("capped text: exact at its limits", () => {
  const text = new CappedText(4);
  for (const chunk of ["ab", "cdef", "g", "h"]) text.add(Buffer.from(chunk));
  expect([text.text(), text.droppedBytes]).toEqual(["abcdefgh", 0]);
  text.add(Buffer.from("i"));
  expect([text.text(), text.droppedBytes]).toEqual(["abcd\n[… 1 bytes left out …]\nfghi", 1]);
  text.add(Buffer.from("0123456789"));
  expect([text.text(), text.droppedBytes]).toEqual(["abcd\n[… 11 bytes left out …]\n6789", 11]);
});

function noMark() {
  return { name: "DEPUTY_RUN", value: randomUUID() };
}

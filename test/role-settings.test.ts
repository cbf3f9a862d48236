import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../src/config/config.ts";
import { roleSettings } from "../src/config/role-settings.ts";

/** Who works as what: by the person's configuration, for everything and for single repositories. */
let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "deputy-roles-"));
});
afterEach(() => rm(home, { recursive: true }));

async function load(yaml: string) {
  await writeFile(join(home, "config.yaml"), yaml);
  return loadConfig({ DEPUTY_HOME: home }).roles;
}

test("a repository says anew what is different there; a model goes with its agent", async () => {
  const roles = await load(`roles:
  planner: { model: large, timeout_minutes: 10, max_turns: 30 }
  coder: { agent: "command:make it", model: small }
repositories:
  https://github.com/acme/app.git:
    roles:
      planner: { timeout_minutes: 20 }
      coder: { agent: builtin }
`);
  const there = "https://github.com/acme/app.git";
  expect(roleSettings(roles, "planner", "/elsewhere")).toEqual({
    agent: null,
    model: "large",
    maxTurns: 30,
    timeoutMs: 600_000,
    stallMs: null,
    modelSilenceMs: null,
    fallbacks: null,
    failsOver: false,
  });
  expect(roleSettings(roles, "planner", there)).toMatchObject({
    model: "large",
    timeoutMs: 1_200_000,
  });
  expect(roleSettings(roles, "coder", "/elsewhere").model).toBe("small");
  expect(roleSettings(roles, "coder", there)).toMatchObject({ agent: "builtin", model: null });
  expect(roleSettings(roles, "reviewer", there).agent).toBeNull();
});

test("an agent is never stopped for its silence where its minutes are 0", async () => {
  const roles = await load(
    "roles:\n  coder: {stall_minutes: 0}\n  planner: {stall_minutes: 3, model_silence_minutes: 1}\n",
  );
  expect(roleSettings(roles, "coder", "/here").stallMs).toBe(Number.POSITIVE_INFINITY);
  expect(roleSettings(roles, "planner", "/here")).toMatchObject({
    ...{ stallMs: 180_000, modelSilenceMs: 60_000 },
  });
});

test.each([
  ["roles:\n  planner:\n    agent: gpt\n", 3, "agent"],
  ["roles:\n  boss: {}\n", 2, "boss"],
  [
    "roles:\n  coder:\n    fallbacks:\n      - {agent: gpt}\n",
    4,
    '"roles.coder.fallbacks[0].agent" is no known agent; use',
  ],
  ["roles:\n  planner:\n    fallbacks: []\n", 3, "fallbacks"],
  ["roles:\n  coder:\n    stall_minutes: -1\n", 3, "stall_minutes"],
  ["roles:\n  coder:\n    model_silence_minutes: 6\n", 3, "model_silence_minutes"],
  ["repositories:\n  not-a-path:\n    roles: {}\n", 2, "not-a-path"],
  ["repositories:\n  /srv/app:\n    partial_clone: true\n", 3, "is for remote repositories"],
])("what cannot be is refused at start by its line: %j", async (yaml, line, words) => {
  const loading = load(yaml);
  await expect(loading).rejects.toThrow(`config.yaml line ${line}`);
  await expect(loading).rejects.toThrow(words);
});

test("snapshots are taken at regular times, unless they are turned off", async () => {
  const snapshotMs = async (yaml: string) => {
    await writeFile(join(home, "config.yaml"), yaml);
    return loadConfig({ DEPUTY_HOME: home }).snapshotMs;
  };
  expect(await snapshotMs("")).toBe(180_000);
  expect(await snapshotMs("snapshot_minutes: 0.5\n")).toBe(30_000);
  expect(await snapshotMs("snapshot_minutes: 0\n")).toBe(null);
  await expect(snapshotMs("snapshot_minutes: -1\n")).rejects.toThrow(/line 1.*snapshot_minutes/);
});

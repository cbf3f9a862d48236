import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  type AgentConfig,
  chooseAgent,
  defaultAgent,
  loginHosts,
} from "../../src/agents/choose-agent.ts";
import { findAgents, makeListAgents } from "../../src/agents/find-agents.ts";
import { DeputyError } from "../../src/core/base/error.ts";
import { startProgram } from "../../src/sandbox/process/start-program.ts";
import { makeFolder } from "./make-run.ts";

const builtin = { apiKey: "sk-x", baseUrl: null, model: "m" };
const anthropic = { protocol: "anthropic", apiKey: "sk-a", baseUrl: null } as const;

const nothing: AgentConfig = {
  builtin: null,
  providers: { openai: null, anthropic: null },
  models: { codex: null, claude: null, opencode: null },
  roleModel: null,
  mcpServers: [],
  readVariable: () => undefined,
  path: "/nonexistent",
  userHome: "/nonexistent",
};

function caught(work: () => unknown): DeputyError {
  try {
    work();
  } catch (error) {
    if (error instanceof DeputyError) return error;
  }
  throw new Error("a DeputyError was expected");
}

/** A machine where these programs are on PATH, and these files are in the user's home. */
async function makeMachine(programs: string[], logins: string[] = []) {
  const folder = await makeFolder();
  for (const name of programs) {
    await writeFile(
      join(folder, name),
      `#!/bin/sh\necho asked >> ${folder}/asked\necho "${name} 1.2.3-beta"\n`,
    );
    await chmod(join(folder, name), 0o755);
  }
  for (const login of logins) {
    await mkdir(join(folder, login, ".."), { recursive: true });
    await writeFile(join(folder, login), "{}");
  }
  return { ...nothing, path: folder, userHome: folder };
}

test("an agent is chosen by its name", async () => {
  expect(chooseAgent("builtin", { ...nothing, builtin })).toBeTypeOf("function");
  expect(chooseAgent("command:npx prettier -w .", nothing)).toBeTypeOf("function");
  expect(chooseAgent("acp:some agent", nothing)).toBeTypeOf("function");
  const machine = await makeMachine(["claude"]);
  const config = { ...machine, providers: { ...machine.providers, anthropic } };
  expect(chooseAgent("claude", config)).toBeTypeOf("function");
});

test("an agent starts with the interpreter on the daemon's PATH, not with that of the task's repository", async () => {
  const { path } = await makeMachine(["node", "claude"]);
  const write = async (name: string, start: string) => {
    await writeFile(join(path, name), `${start}\n`);
    return join(path, name);
  };
  const script = await write("script", "#!/usr/bin/env node");
  expect(startProgram(script, path)).toEqual([join(path, "node"), script]);
  for (const start of ["#!/usr/bin/env nodejs", "#!/usr/bin/env -S node --flag", "#!/bin/sh", ""]) {
    const other = await write("other", start);
    expect(startProgram(other, path), start).toEqual([other]);
  }
  expect(startProgram(join(path, "gone"), path)).toEqual([join(path, "gone")]);
});

test("what cannot be chosen is said, with what to do", async () => {
  expect(caught(() => chooseAgent("gpt", { ...nothing, builtin }))).toMatchObject({
    code: "invalid_input",
    field: "agent",
    message: expect.stringContaining('"gpt" is no known agent'),
  });
  for (const work of [() => chooseAgent("builtin", nothing), () => defaultAgent(nothing)]) {
    expect(caught(work).message).toMatch(/set OPENAI_API_KEY.*--agent 'command:/);
  }
  expect(caught(() => chooseAgent("codex", nothing)).message).toBe(
    "codex cannot work here: not installed: npm install -g @openai/codex.",
  );
  const login = await makeMachine(["opencode"], [".local/share/opencode/auth.json"]);
  expect(chooseAgent("opencode", { ...login, roleModel: "acme/m" })).toBeTypeOf("function");
  expect(caught(() => chooseAgent("opencode", { ...login, roleModel: "m" }))).toMatchObject({
    code: "unavailable",
    field: "model",
    message: expect.stringContaining('"m" names no provider: correct `model` of the role'),
  });
  const machine = await makeMachine(["claude"]);
  expect(caught(() => chooseAgent("claude", machine)).message).toMatch(
    /neither logged in nor given a key: run `claude \/login` or set ANTHROPIC_API_KEY/,
  );
});

test("the default is the first that can work: ours, then codex, claude, opencode", async () => {
  const all = ["codex", "claude", "opencode"];
  const codexLogin = await makeMachine(all, [".codex/auth.json"]);
  expect(defaultAgent({ ...codexLogin, builtin })).toBe("builtin");
  expect(defaultAgent(codexLogin)).toBe("codex");
  const claudeKey = await makeMachine(all);
  expect(defaultAgent({ ...claudeKey, providers: { ...nothing.providers, anthropic } })).toBe(
    "claude",
  );
  expect(defaultAgent(await makeMachine(all, [".local/share/opencode/auth.json"]))).toBe(
    "opencode",
  );
});

test("the list says what is there and asks each program once", async () => {
  const machine = await makeMachine(["codex", "opencode"], [".codex/auth.json"]);
  const list = makeListAgents(machine);
  const agents = await list();
  expect(
    agents.map(({ name, version, access, usable, isDefault }) => [
      name,
      version,
      access,
      usable,
      isDefault,
    ]),
  ).toEqual([
    ["builtin", null, "none", false, false],
    ["codex", "1.2.3-beta", "login", true, true],
    ["claude", null, "none", false, false],
    ["opencode", "1.2.3-beta", "none", false, false],
  ]);
  const { readFile } = await import("node:fs/promises");
  await list();
  expect(await readFile(join(machine.path, "asked"), "utf8")).toBe("asked\nasked\n");
  expect(findAgents(machine).map(({ detail }) => detail)).toEqual(
    agents.map(({ detail }) => detail),
  );
});

test("a program with its own login reaches its provider, one with a key of ours the gateway alone", () => {
  expect(loginHosts("claude", nothing)).toContain("api.anthropic.com");
  const withKey = { ...nothing, providers: { ...nothing.providers, anthropic } };
  expect(loginHosts("claude", withKey)).toEqual([]);
  expect(loginHosts("builtin", nothing)).toEqual([]);
  expect(loginHosts("command:true", nothing)).toEqual([]);
});

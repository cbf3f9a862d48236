import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { chooseAgent } from "../../src/agents/choose-agent.ts";
import { makeFolder, sumCalls, type TestRun } from "../agents/make-run.ts";
import type { Scenario } from "../support/model-server/scenario.ts";
import type { ModelServer } from "../support/model-server/start.ts";
import {
  agentConfig,
  failingWith,
  makeProjectRun,
  makeServer,
  path,
  programs,
  realKey,
  repair,
  repairTurns,
} from "./support.ts";

/**
 * The real programs with logins of their own, as they themselves find and use them. Only where their
 * provider is differs from a person's machine: it is the scripted server, by the environment or, for
 * codex, by options that a program of its name puts before the others.
 */
const secret = "what-renews-it";
const soon = Math.round(Date.now() / 1_000) + 3_600;
const jwt = (claims: object) =>
  `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2lnbmF0dXJl`;
const account = jwt({ exp: soon });
const plan = { chatgpt_plan_type: "plus", chatgpt_account_id: "account" };
const tokens = {
  id_token: jwt({ exp: soon, "https://api.openai.com/auth": plan }),
  access_token: account,
  refresh_token: secret,
  account_id: "account",
};

const logins = {
  "codex with a key": {
    ...{ agent: "codex", model: "gpt-5.5", file: ".codex/auth.json" },
    login: { OPENAI_API_KEY: realKey },
  },
  "codex with an account": {
    ...{ agent: "codex", model: "gpt-5.5", file: ".codex/auth.json" },
    login: { OPENAI_API_KEY: null, tokens, last_refresh: "2020-01-01T00:00:00Z" },
  },
  "claude with an account": {
    ...{ agent: "claude", model: "claude-sonnet-4-5", file: ".claude/.credentials.json" },
    login: {
      claudeAiOauth: {
        ...{ accessToken: account, refreshToken: secret, expiresAt: soon * 1_000 },
        ...{ scopes: ["user:inference", "user:profile"], subscriptionType: "max" },
      },
    },
  },
  "opencode with a key": {
    ...{ agent: "opencode", model: "openai/gpt-5.5", file: ".local/share/opencode/auth.json" },
    login: { openai: { type: "api", key: realKey } },
  },
} as const;
type Name = keyof typeof logins;

/** Nothing in front of codex says where its provider is but its config, which is ours. */
async function makeCodex(server: ModelServer): Promise<string> {
  const folder = await makeFolder();
  const provider = `{name="own",base_url="${server.url}",wire_api="responses",requires_openai_auth=true,supports_websockets=false}`;
  const options = `-c model_provider=own -c 'model_providers.own=${provider}' -c features.enable_request_compression=false`;
  const file = join(folder, "codex");
  await writeFile(file, `#!/bin/sh\nexec ${join(programs, "codex")} ${options} "$@"\n`);
  await chmod(file, 0o755);
  return folder;
}

async function play(
  name: Name,
  scenario: Scenario,
  { model = null as string | null, letsIn = [realKey, account], maxTurns = 60 } = {},
) {
  const { agent, file, login, model: usual } = logins[name];
  const server = await makeServer(scenario, letsIn);
  const userHome = await makeFolder();
  await mkdir(dirname(join(userHome, file)), { recursive: true });
  await writeFile(join(userHome, file), JSON.stringify(login));
  const own = { provider: { openai: { options: { baseURL: server.url } } } };
  const run = await makeProjectRun({ maxTurns });
  const work = chooseAgent(agent, {
    ...agentConfig,
    userHome,
    path: `${await makeCodex(server)}:${path}`,
    roleModel: model ?? usual,
  });
  const env = {
    ...run.env,
    ANTHROPIC_BASE_URL: server.origin,
    OPENCODE_CONFIG_CONTENT: JSON.stringify(own),
  };
  const end = await work({ ...run, env });
  expect(JSON.parse(await readFile(join(userHome, file), "utf8"))).toEqual(login);
  const again = () => work({ ...run, env, maxTurns: 60 });
  return { again, end, run, server };
}

/** What the program remembers of its run. */
async function readAll({ sessionFolder }: TestRun): Promise<string> {
  const found = await readdir(sessionFolder, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile() || entry.isSymbolicLink());
  const read = ({ parentPath, name }: (typeof files)[number]) =>
    readFile(join(parentPath, name), "latin1").catch(() => ""); // a link of its own may lead nowhere
  return (await Promise.all(files.map(read))).join("\n");
}

const names = Object.keys(logins) as Name[];

test.each(names)(
  "%s works by what it is lent, and what it says it used was served",
  async (name) => {
    const { end, run, server } = await play(name, repair);
    expect(end, JSON.stringify(end)).toMatchObject({ reason: "done" });
    expect(await readFile(join(run.worktree, "src/greeting.js"), "utf8")).toContain("Hello");
    const [served] = Object.values(server.served);
    if (!served) throw new Error("nothing was served");
    const { reasoningTokens: _, ...all } = served;
    const bill = sumCalls(run.bills.flat());
    // OpenCode tells of each call, the others of the whole, too.
    expect(sumCalls(run.calls)).toEqual(all);
    if (!name.startsWith("opencode")) expect(bill).toEqual({ ...all, calls: 1 });
    const asked = server.requests.map(({ body }) => body.model);
    expect(new Set(asked)).toEqual(new Set([logins[name].model.replace(/^openai\//, "")]));
    expect(await readAll(run)).not.toContain(secret);
  },
);

test.each(names)("%s is ended while it works: one call may be under way", async (name) => {
  const { end, run, server } = await play(name, repair, { maxTurns: 2 });
  expect(end, JSON.stringify(end)).toMatchObject({ reason: "out_of_budget" });
  // The one under way may have been answered, and counted, by the time that it is ended.
  const { calls } = sumCalls(run.calls);
  expect(calls).toBeGreaterThanOrEqual(2);
  expect(calls).toBeLessThanOrEqual(server.requests.length);
  expect(server.requests.length).toBeLessThanOrEqual(3);
});

test("each call of claude's subagent is counted while it works, what came out of some at the end", async () => {
  const prompt = "Count the sheep.";
  const args = { description: "count", prompt, subagent_type: "general-purpose" };
  const { run, server } = await play("claude with an account", {
    roles: {
      subagent: {
        match: prompt,
        turns: [
          { calls: [{ tool: "read", args: { path: "src/greeting.js" } }] },
          { text: "There are seven." },
        ],
      },
      coder: { turns: [{ calls: [{ tool: "Agent", args }] }, { text: "Seven." }] },
    },
  });
  const [served] = Object.values(server.served);
  const counted = sumCalls(run.calls);
  expect(server.requests.map(({ role }) => role)).toContain("subagent");
  expect(counted).toMatchObject({ calls: 4, inputTokens: served?.inputTokens });
  expect(served?.calls).toBe(4);
  expect(sumCalls(run.bills.flat()).outputTokens).toBe(served?.outputTokens);
});

test("codex that is ended in a tool, whose call its own total then forgets, is charged to the token", async () => {
  const [read, ...others] = repairTurns;
  const sleep = { calls: [{ tool: "bash", args: { command: "sleep 600" } }] };
  const turns = [...(read ? [read] : []), sleep, ...others];
  const { again, end, run, server } = await play(
    "codex with a key",
    { roles: { coder: { turns } } },
    { maxTurns: 2 },
  );
  expect(end, JSON.stringify(end)).toMatchObject({ reason: "out_of_budget" });
  const before = sumCalls(run.calls);
  expect(await again()).toMatchObject({ reason: "done" });
  const [served] = Object.values(server.served);
  const after = sumCalls(run.bills.flat());
  expect(before.inputTokens + after.inputTokens).toBe(served?.inputTokens);
  expect(before.outputTokens + after.outputTokens).toBe(served?.outputTokens);
  expect(run.bills).toHaveLength(1);
});

test.each(["codex with an account", "claude with an account"] as const)(
  "%s that its provider refuses waits for its user",
  async (name) => {
    const { end } = await play(name, repair, { letsIn: ["another"] });
    expect(end, JSON.stringify(end)).toMatchObject({ reason: "needs_input", failure: "question" });
    expect(end.question).toMatch(/^The login of \w+ does not work .*Then answer "yes"/);
  },
);

const unknown = (message: string) =>
  failingWith({ kind: "status", status: 404, code: "model_not_found", message });
test.each([
  ["codex with a key", "gpt-0", unknown("The model `gpt-0` does not exist.")],
  ["claude with an account", "claude-0", unknown("model: claude-0")],
  ["opencode with a key", "openai/gpt-0", repair],
] as const)("%s and a model that it does not know: %s", async (name, model, scenario) => {
  const { end } = await play(name, scenario, { model });
  expect(end, JSON.stringify(end)).toMatchObject({ failure: "agent_unavailable" });
  expect(end.detail).toContain("correct `model` of the role");
});

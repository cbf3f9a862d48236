import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { cpuOf, cpuOfTree, memoryOf, watchMemory } from "./agents-measure.mjs";
import { makeProject } from "./agents-project.mjs";
import { brief } from "./agents-scenario.mjs";
import { openPostgres, postgresPid, startDaemon } from "./support.mjs";

/**
 * Who does the work. Each harness runs it once, in a fresh project, and gives when it started, how
 * long it took, and what it used; what it asked the model is the server's to say.
 */
export async function openHarnesses(server) {
  const daemon = await openDaemon(server);
  const local = (script) => (cwd) => [process.execPath, [here(script), cwd, brief], { cwd }];
  const harnesses = [
    { name: "bare script", run: program(server, local("agents-bare.mjs")) },
    { name: "deputy, three off", run: program(server, local("agents-core.mjs")) },
    { name: "deputy", run: () => daemon.run() },
  ];
  const bins = findPrograms();
  for (const [name, start] of Object.entries(others)) {
    const bin = bins.find((folder) => existsSync(join(folder, name)));
    if (bin === undefined) continue;
    const prepare = async (cwd) => {
      // Not in the temporary folder, where codex refuses to put what its sandbox is made of.
      const home = await mkdtemp(join(homedir(), `.deputy-bench-${name}-`));
      homes.add(home);
      const { args, env, files } = start(server);
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(home, path)), { recursive: true });
        await writeFile(join(home, path), text);
      }
      const own = { HOME: home, XDG_CONFIG_HOME: "", XDG_DATA_HOME: "", ...env };
      return [join(bin, name), args, { cwd, env: own }];
    };
    harnesses.push({ name, run: program(server, prepare) });
  }
  return { harnesses, daemon };
}

const homes = new Set();

/** What the programs of others left in the homes that they were given. */
export async function removeHomes() {
  for (const home of homes) await rm(home, { recursive: true, force: true, maxRetries: 5 });
}

const here = (name) => new URL(name, import.meta.url).pathname;

/** A harness that is a program, run to its end. */
function program({ url }, prepare) {
  return async () => {
    const cwd = await makeProject();
    const [file, args, options] = await prepare(cwd);
    const env = {
      ...{ PATH: process.env.PATH, HOME: cwd, BENCH_SCRATCH: dirname(cwd) },
      ...{ OPENAI_API_KEY: "sk-bench", OPENAI_BASE_URL: url },
      ...options.env,
    };
    const cpuBefore = childrenCpu();
    const startedAt = now();
    const stdio = ["ignore", process.env.BENCH_SHOW ? "inherit" : "ignore", "inherit"];
    const child = spawn(file, args, { cwd, env, stdio });
    const stop = watchMemory(child.pid);
    const [code] = await once(child, "exit");
    const wallMs = now() - startedAt;
    const rssMb = stop();
    if (code !== 0) throw new Error(`${file} ended with ${code}`);
    return { startedAt, wallMs, rssMb, cpuS: childrenCpu() - cpuBefore };
  };
}

/** Of the children that this process waited for, theirs included. */
function childrenCpu() {
  const { pid } = process;
  const { user, system } = process.cpuUsage();
  return cpuOf(pid) - (user + system) / 1e6;
}

/** The real daemon with its database, both up already: that is how it is found by an attempt. */
async function openDaemon({ url }, env = {}) {
  await openPostgres();
  const deputy = await startDaemon({
    DEPUTY_SANDBOX: "auto",
    ...{ OPENAI_API_KEY: "sk-bench", OPENAI_BASE_URL: url, DEPUTY_MODEL: "scripted" },
    ...env,
  });
  const submit = (repository, goal, more = {}) =>
    deputy.api("POST", "/v1/tasks", {
      ...{ goal, repository, agent: "builtin", checks: ["true"], assurance: "quick", ...more },
    });
  const cpu = () => cpuOfTree(deputy.pid) + cpuOfTree(postgresPid());
  return {
    ...deputy,
    submit,
    memoryMb: () => memoryOf(deputy.pid),
    watchMemory: () => watchMemory(deputy.pid),
    /** From the worktree's being ready to the attempt's end; the rest of the task is not the agent's. */
    run: async () => {
      const repository = await makeProject();
      const stop = watchMemory(deputy.pid);
      const stopDatabase = watchMemory(postgresPid(), "Pss");
      const cpuBefore = cpu();
      const { id } = await submit(repository, brief);
      await deputy.untilOver(id);
      const cpuS = cpu() - cpuBefore;
      const { events } = await deputy.api("GET", `/v1/tasks/${id}/events?limit=1000`);
      const at = (fits) => Date.parse(events.find(fits)?.created_at ?? events.find(fits)?.at);
      const startedAt = at(({ data }) => data?.step === "worktree");
      const wallMs = at(({ type }) => type === "attempt.ended") - startedAt;
      return { startedAt, wallMs, cpuS, rssMb: stop(), databaseMb: stopDatabase() };
    },
  };
}

export { openDaemon };

function now() {
  return performance.timeOrigin + performance.now();
}

/** Where `npm run test:agents` has put the programs of others. */
function findPrograms() {
  const cache = process.env.DEPUTY_AGENTS_CACHE || join(homedir(), ".cache", "deputy-agents");
  const found = existsSync(cache) ? readdirSync(cache) : [];
  return found.map((name) => join(cache, name, "node_modules", ".bin"));
}

/** Each as it comes, with its own sandbox and snapshots where it has them. */
const others = {
  codex: ({ url }) => ({
    args: [
      "exec",
      "--json",
      "--skip-git-repo-check",
      "-m",
      "gpt-5.5",
      "-s",
      "workspace-write",
      brief,
    ],
    env: { LOCAL_MODEL_KEY: "sk-bench" },
    files: {
      ".codex/config.toml": `model_provider = "local"
approval_policy = "never"
check_for_update_on_startup = false
web_search = "disabled"
[model_providers.local]
name = "local"
base_url = "${url}"
wire_api = "responses"
env_key = "LOCAL_MODEL_KEY"
requires_openai_auth = false
supports_websockets = false
request_max_retries = 0
stream_max_retries = 0
[analytics]
enabled = false
`,
    },
  }),
  claude: ({ origin }) => ({
    args: [
      "-p",
      brief,
      "--output-format",
      "stream-json",
      "--verbose",
      "--dangerously-skip-permissions",
    ],
    env: {
      ...{ ANTHROPIC_BASE_URL: origin, ANTHROPIC_API_KEY: "sk-bench", IS_SANDBOX: "1" },
      ...{ ANTHROPIC_MODEL: "claude-sonnet-4-5", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" },
      ...{ DISABLE_AUTOUPDATER: "1", DISABLE_TELEMETRY: "1", DISABLE_ERROR_REPORTING: "1" },
    },
    files: {},
  }),
  opencode: ({ url }) => ({
    args: ["run", "--format", "json", "--auto", "-m", "local/scripted", brief],
    env: {
      ...{ OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" },
      OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    },
    files: {
      ".config/opencode/opencode.json": JSON.stringify({
        autoupdate: false,
        permission: { "*": "allow" },
        provider: {
          local: {
            npm: "@ai-sdk/openai-compatible",
            options: { baseURL: url, apiKey: "x" },
            models: { scripted: { tool_call: true, limit: { context: 200_000, output: 32_000 } } },
          },
        },
      }),
    },
  }),
};

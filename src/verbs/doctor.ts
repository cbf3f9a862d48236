import { access, constants, mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { type Config, loadConfig } from "../config/config.ts";
import { findSandboxProblems } from "../config/sandbox-problems.ts";
import { scrubbedEnvironment } from "../core/base/child-environment.ts";
import { DeputyError } from "../core/base/error.ts";
import { adviseThaw } from "../core/task/freeze.ts";
import { findWorkers } from "../daemon/home/running.ts";
import { agentRules } from "../daemon/intake-rules.ts";
import { findPushProblems } from "../daemon/open-web-push.ts";
import { findSandbox } from "../daemon/programs/start-sandbox.ts";
import { findForgeProblems, findTriggerProblems } from "../daemon/trigger-problems.ts";
import { describeCoverage } from "../daemon/triggers/describe-coverage.ts";
import { findWatchProblems } from "../daemon/triggers/find-watch-problems.ts";
import { tryChannels } from "../daemon/try-channels.ts";
import { tryForges, tryGithub, tryGithubApp } from "../daemon/try-github.ts";
import { tryPush } from "../daemon/try-push.ts";
import { findUnusableFallbacks } from "../roles/fallbacks.ts";
import { describeSandbox, noSandbox } from "../sandbox/box/sandbox.ts";
import { runCommand } from "../sandbox/process/run-command.ts";
import { findGarbledRows } from "../store/database/find-garbled.ts";
import { describeGarbled } from "../store/database/garbled.ts";
import { findNewerVersion } from "../store/database/migrate.ts";
import { openStore } from "../store/database/open.ts";
import { describeEmbeddedPostgres, startEmbeddedPostgres } from "../store/postgres/embedded.ts";
import { findFreeze } from "../store/records/freezes.ts";
import { placeClones } from "../triggers/forges/place-clones.ts";
import { countRules, readRules } from "../triggers/watch-rules.ts";
import { examineDaemon } from "./examine-daemon.ts";
import { examineSpace } from "./examine-space.ts";

/**
 * Examines this machine and reports what is degraded. `broken` means that the daemon cannot do its
 * main job; `missing` only takes a feature away, and the text says which.
 */
export type DoctorFinding = { name: string; status: "ok" | "missing" | "broken"; detail: string };

export async function examine(env: NodeJS.ProcessEnv = process.env): Promise<DoctorFinding[]> {
  let config: Config;
  try {
    config = loadConfig(env);
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    return [{ name: "configuration", status: "broken", detail: error.message }];
  }
  return [
    { name: "configuration", status: "ok", detail: `home ${config.home}` },
    examineNode(),
    await examineGit(),
    await examineHome(config.home),
    await examineDaemon(config),
    ...(await examineSpace(config)),
    await examineDatabase(config),
    ...(await examineWorkers(config)),
    ...(await examineRows(config)),
    config.redisUrl
      ? { name: "queue", status: "ok", detail: "Redis, from REDIS_URL" }
      : { name: "queue", status: "ok", detail: "in the database" },
    config.model.apiKey
      ? {
          name: "model",
          status: "ok",
          detail: `${config.model.name}${config.model.baseUrl ? ` at ${config.model.baseUrl}` : ""}`,
        }
      : {
          name: "model",
          status: "missing",
          detail:
            "OPENAI_API_KEY is not set: the builtin agent does not work; deputy agents lists those that do",
        },
    ...findUnusableFallbacks(config).map((detail): DoctorFinding => {
      return { name: "fallbacks", status: "missing", detail };
    }),
    ...(await examineSandbox(config)),
    await examineProgram("rg", "the builtin agent's search walks files itself, which is slower"),
    ...(await examineGithub(config)),
    ...(await examineForges(config)),
    config.github.webhookSecrets.length > 0
      ? { name: "GitHub webhooks", status: "ok", detail: "secret set" }
      : {
          name: "GitHub webhooks",
          status: "missing",
          detail:
            "there is no GitHub App, and GITHUB_WEBHOOK_SECRET is not set: /hooks/github refuses everything",
        },
    ...(await examineTriggers(config)),
    ...(await examinePhone(config)),
  ];
}

/** App and token are tried, and the repositories that rules name with them. */
async function examineGithub(config: Config): Promise<DoctorFinding[]> {
  const read = await readRules(config.paths.triggers);
  const rules = "rules" in read ? read.rules : null;
  const ofApp = await tryGithubApp(config, rules);
  const ofToken = await tryGithub(config, rules);
  if (ofApp === null && ofToken === null) {
    const detail =
      "none: deputy github connect, or set GITHUB_TOKEN; no pull requests, no comments";
    return [{ name: "GitHub", status: "missing", detail }];
  }
  const find = (name: string, lacks: string[] | null, ok: string): DoctorFinding[] => {
    if (lacks === null) return [];
    if (lacks.length > 0) return [{ name, status: "missing", detail: lacks.join("; ") }];
    return [{ name, status: "ok", detail: ok }];
  };
  return [
    ...find("GitHub App", ofApp, `${config.github.app?.slug}, and GitHub knows its key`),
    ...find("GitHub token", ofToken, "set, and GitHub takes it"),
  ];
}

/** Of each forge beside GitHub: its token, tried on the repositories that rules name, and its webhooks. */
async function examineForges(config: Config): Promise<DoctorFinding[]> {
  const read = await readRules(config.paths.triggers);
  const rules = "rules" in read ? read.rules : null;
  const tried = await tryForges(config, rules);
  return tried.flatMap(({ hasSecret, kind, problem, url }): DoctorFinding[] => {
    const name = kind === "gitea" ? "Gitea" : "GitLab";
    const token = `${name} token`;
    const hooks = `${name} webhooks`;
    const detail = `${kind.toUpperCase()}_WEBHOOK_SECRET is not set: /hooks/${kind} refuses everything, and only lists are read`;
    const isUsed = hasSecret || (rules?.[kind].length ?? 0) > 0;
    return [
      problem === null
        ? { name: token, status: "ok", detail: `set, and ${url} takes it` }
        : { name: token, status: "missing", detail: problem },
      ...(isUsed && hasSecret
        ? [{ name: hooks, status: "ok", detail: "secret set" } as const]
        : []),
      ...(isUsed && !hasSecret ? [{ name: hooks, status: "missing", detail } as const] : []),
    ];
  });
}

/** Reports nothing without a file: nobody asked for triggers. */
async function examineTriggers(config: Config): Promise<DoctorFinding[]> {
  const name = "triggers";
  const read = await readRules(config.paths.triggers);
  if ("problem" in read)
    return [{ name, status: "missing", detail: `${read.problem}; nothing fires` }];
  if (countRules(read.rules) === 0) return [];
  const problems = [
    ...findTriggerProblems(placeClones(read.rules, config.forges), agentRules(config)),
    ...findForgeProblems(read.rules, config.forges),
    ...(await findWatchProblems(read.rules.watch)),
  ];
  const found: DoctorFinding[] =
    problems.length > 0
      ? problems.map((detail) => ({ name, status: "missing", detail }))
      : [{ name, status: "ok", detail: read.status }];
  const covered = read.rules.github.length > 0 ? await describeCoverage(config, read.rules) : null;
  if (covered === null) return found;
  const detail = `found again: ${covered.sentences.join("; ")}`;
  const status = covered.isWhole ? "ok" : "missing";
  return [...found, { name: "missed deliveries", status, detail }];
}

/** One finding per channel; the one that is wrong takes away itself alone. */
async function examinePhone(config: Config): Promise<DoctorFinding[]> {
  const tried = await tryChannels(config);
  if (tried.length === 0) {
    const detail =
      "no channel is set (DEPUTY_NTFY_TOPIC, or another of docs/phone.md): nothing is pushed when a task ends";
    return [{ name: "phone", status: "missing", detail }];
  }
  const lacks = await tryPush(config);
  const findings = tried.map(({ name, problem, tried }): DoctorFinding => {
    if (problem !== null) return { name: `phone: ${name}`, status: "missing", detail: problem };
    const where = name === "ntfy" ? ` at ${config.notifier.ntfy?.url}` : "";
    const detail = tried ? "set, and it answers" : `set${where}; only a push can try it`;
    return { name: `phone: ${name}`, status: "ok", detail };
  });
  return [
    ...findings,
    ...lacks.map((detail): DoctorFinding => ({ name: "phone: ntfy", status: "missing", detail })),
  ];
}

function examineNode(): DoctorFinding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const ok = major > 20 || (major === 20 && minor >= 19);
  return {
    name: "Node",
    status: ok ? "ok" : "broken",
    detail: ok ? process.version : `${process.version}: 20.19 or newer is needed`,
  };
}

async function examineGit(): Promise<DoctorFinding> {
  const result = await runCommand({
    argv: ["git", "--version"],
    cwd: "/",
    env: scrubbedEnvironment(),
    timeoutMs: 10_000,
  });
  const found = /(\d+)\.(\d+)/.exec(result.stdout);
  if (result.exitCode !== 0 || !found)
    return {
      name: "git",
      status: "broken",
      detail: "git is not installed: nothing works without it",
    };
  const ok = Number(found[1]) > 2 || Number(found[2]) >= 38;
  return {
    name: "git",
    status: ok ? "ok" : "broken",
    detail: ok
      ? result.stdout.trim()
      : `${result.stdout.trim()}: 2.38 or newer is needed (merge-tree --write-tree)`,
  };
}

async function examineSandbox(config: Config): Promise<DoctorFinding[]> {
  try {
    const sandbox = await findSandbox(config);
    const isWhole = sandbox.problem === null && sandbox.provider !== "none";
    return [
      {
        name: "sandbox",
        status: isWhole ? "ok" : "missing",
        detail: describeSandbox(sandbox, config.sandbox.allowTriggers),
      },
      ...findSandboxProblems(config.sandbox, sandbox).map((detail) => ({
        ...{ name: "sandbox settings", status: "missing" as const, detail },
      })),
    ];
  } catch (error) {
    const { message } = error as Error; // an unwritable home has its own finding
    return [{ name: "sandbox", status: "missing", detail: describeSandbox(noSandbox(message)) }];
  }
}

async function examineHome(home: string): Promise<DoctorFinding> {
  try {
    await mkdir(home, { recursive: true, mode: 0o700 });
    await access(home, constants.W_OK);
    return { name: "home", status: "ok", detail: `${home} is writable` };
  } catch (error) {
    return {
      name: "home",
      status: "broken",
      detail: `${home} cannot be written: ${(error as NodeJS.ErrnoException).code}`,
    };
  }
}

async function examineDatabase(config: Config): Promise<DoctorFinding> {
  if (config.databaseUrl)
    return { name: "database", status: "ok", detail: "yours, from DATABASE_URL" };
  const embedded = await describeEmbeddedPostgres(config.home);
  if (embedded.problem) return { name: "database", status: "broken", detail: embedded.problem };
  const state =
    embedded.state === "running"
      ? `running, pid ${embedded.pid}`
      : embedded.state === "absent"
        ? "made at the first start"
        : "stopped";
  return {
    name: "database",
    status: "ok",
    detail: `embedded PostgreSQL ${embedded.version ?? ""} (${state})`,
  };
}

async function examineWorkers(config: Config): Promise<DoctorFinding[]> {
  const pids = (await findWorkers(config)).map(({ pid }) => pid);
  if (pids.length === 0) return [];
  const detail = `${pids.length} in the background (pid ${pids.join(", ")})`;
  return [{ name: "workers", status: "ok", detail }];
}

/**
 * A newer version's schema, a freeze and unreadable rows, where the database is accessible; whether it is has a finding of
 * its own.
 */
async function examineRows(config: Config): Promise<DoctorFinding[]> {
  const log = () => {};
  try {
    const connection = config.databaseUrl
      ? { connectionString: config.databaseUrl }
      : (await startEmbeddedPostgres({ home: config.home, adoptOnly: true, log })).connection;
    const store = await openStore(connection, { maxConnections: 1, migrate: false, onError: log });
    try {
      // A database that an earlier version made has no such table until the next start.
      const freeze = await findFreeze(store.db).catch(() => null);
      const newer = await findNewerVersion(store.db);
      if (newer !== null) return [{ name: "database", status: "broken", detail: newer }];
      const garbled = await findGarbledRows(store.db, "all");
      const pushes = await findPushProblems(store.db).catch(() => []); // nor this one
      return [
        ...pushes.map((detail) => ({ name: "web push", status: "missing" as const, detail })),
        ...(freeze
          ? [{ name: "freeze", status: "missing" as const, detail: adviseThaw(freeze) }]
          : []),
        ...garbled.map((row) => ({
          name: "row",
          status: "broken" as const,
          detail: describeGarbled(row),
        })),
      ];
    } finally {
      await store.close();
    }
  } catch {
    return []; // no server that answers, or no tables in it yet
  }
}

async function examineProgram(program: string, without: string): Promise<DoctorFinding> {
  for (const folder of (process.env.PATH ?? "").split(delimiter).filter(Boolean)) {
    try {
      await access(join(folder, program), constants.X_OK);
      return { name: program, status: "ok", detail: join(folder, program) };
    } catch {
      // not in this folder
    }
  }
  return { name: program, status: "missing", detail: `not installed: ${without}` };
}

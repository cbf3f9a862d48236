import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { parseGitVariables } from "../core/base/child-environment.ts";
import { DeputyError } from "../core/base/error.ts";
import { explainIssue } from "../core/base/explain-issue.ts";
import { budgetSchema } from "../core/budget/budget.ts";
import { proofLevels } from "../core/proof/proof.ts";
import { assurances } from "../core/review/review.ts";
import { commitsSchema } from "../core/settings/commit-settings.ts";
import { mcpServersSchema } from "../core/settings/mcp-server.ts";
import { stuckAnswers } from "../core/task/task.ts";
import { findLine } from "../core/text/yaml-line.ts";
import { findRegistries } from "../sandbox/network/registries.ts";
import { readCommits } from "./commit-settings.ts";
import { forgeSchemas, readForges } from "./forge-settings.ts";
import { readGithubApp, secretsOfApp } from "./github-app.ts";
import { notifierSchemas, readNotifier, readPush } from "./notify-settings.ts";
import { findSecrets, readChoice, readNumber, readSecret } from "./read-environment.ts";
import {
  nameOf,
  readNetworks,
  readPartialClones,
  readRoles,
  repositoriesSchema,
  rolesSchema,
} from "./role-settings.ts";
import { readSandbox, sandboxProviders, sandboxSchema } from "./sandbox-settings.ts";

/**
 * The daemon's configuration: defaults, then `config.yaml` in its home, then the environment.
 * Secrets come from the environment or from files named there (`NAME_FILE`), never from the YAML.
 */
/** Dollars per million tokens. */
const priceSchema = z.strictObject({
  input: z.number().min(0),
  cached_input: z.number().min(0),
  output: z.number().min(0),
});

const maxFloorMb = 10_000_000;

const fileSchema = z.strictObject({
  host: z.string().min(1).optional(),
  port: z.number().int().min(0).max(65_535).optional(),
  allowed_hosts: z.array(z.string().min(1)).optional(),
  public_url: z.url().optional(),
  /** Maximum concurrent attempts in this process; 0: attempts are for workers only. */
  concurrency: z.number().int().min(0).max(256).optional(),
  /** Worktrees of finished tasks to keep; older ones are removed after a snapshot. */
  keep_worktrees: z.number().int().min(0).optional(),
  /** New comments of ours on one issue or pull request within an hour; more stop it. */
  max_comments: z.number().int().min(1).max(10_000).optional(),
  /** How long data of finished tasks is kept, in days. */
  retention_days: z.union([z.number().positive().max(36_500), z.literal("forever")]).optional(),
  /** How much the snapshots of one repository may take, while those of settled tasks can go; 0: no limit. */
  snapshots_mb: z.number().int().min(0).max(maxFloorMb).optional(),
  /** How much of what setup made is kept for the next worktree; 0: nothing. */
  prepared_mb: z.number().int().min(0).max(maxFloorMb).optional(),
  /** How often repositories that had a task lately are looked at, to run setup before the next one; 0: never. */
  warm_minutes: z
    .number()
    .nonnegative()
    .max(24 * 60)
    .optional(),
  /** How often a snapshot of its worktree is taken while an agent runs; 0: at no regular times. */
  snapshot_minutes: z
    .number()
    .nonnegative()
    .max(24 * 60)
    .optional(),
  /** With less free on a volume than this, nothing new starts; 0: only a full volume counts. */
  min_free_mb: z.number().int().min(0).max(maxFloorMb).optional(),
  /** First pause before a failed attempt is repeated; doubles with each. */
  backoff_ms: z.number().int().min(0).optional(),
  /** What happens to work that recovery cannot finish by itself, where the task does not say. */
  when_stuck: z.enum(stuckAnswers).optional(),
  /** Starts in `crash_loop_minutes`, none of which got anything done, that freeze Deputy; 0: none do. */
  crash_loop_boots: z.number().int().min(0).max(100).optional(),
  crash_loop_minutes: z.number().int().min(1).max(1_440).optional(),
  log_level: z.enum(["trace", "debug", "info", "warn", "error"]).optional(),
  model: z
    .strictObject({
      name: z.string().min(1).optional(),
      base_url: z.url().optional(),
      /** Like an entry of `prices`, for this model. */
      price: priceSchema.optional(),
    })
    .optional(),
  /** By a model's name, or its beginning and `*`. They override the built-in table. */
  prices: z.record(z.string().min(1), priceSchema).optional(),
  /** The default budget of a task. */
  budget: budgetSchema.optional(),
  /** The review of a change after green checks, where the task does not say. */
  assurance: z.enum(assurances).optional(),
  /** How much proof is required, where neither task nor repository says. */
  proof: z.enum(proofLevels).optional(),
  /** The agent of each role; `repositories:` may override it for single ones. */
  roles: rolesSchema.optional(),
  repositories: repositoriesSchema.optional(),
  /** How delivered commits look; `repositories:` may override it for single ones. */
  commits: commitsSchema.optional(),
  sandbox: sandboxSchema.optional(),
  /** Servers whose tools the builtin agent has. */
  mcp_servers: mcpServersSchema.optional(),
  ...notifierSchemas,
  github: z.strictObject({ api_url: z.url().optional() }).optional(),
  ...forgeSchemas,
});

export type Config = ReturnType<typeof loadConfig>;

export const defaultPort = 7777;
const defaultRetentionDays = 90;

export function findHome(env: NodeJS.ProcessEnv = process.env): string {
  return resolve(env.DEPUTY_HOME || join(homedir(), ".deputy"));
}

/** Reads everything once, at start. Throws a DeputyError that names the file's line or variable. */
export function loadConfig(
  env: NodeJS.ProcessEnv = process.env,
  flags: { host?: string; port?: number } = {},
) {
  const home = findHome(env);
  parseGitVariables(env.DEPUTY_GIT_VARIABLES); // used where git is started, but validated here
  const file = readConfigFile(join(home, "config.yaml"));
  const modelName = env.DEPUTY_MODEL || file.model?.name || "gpt-5.5";
  const githubUrl = env.GITHUB_API_URL || file.github?.api_url || "https://api.github.com";
  const ofApp = readGithubApp(home, githubUrl);
  const prices = { ...file.prices, ...(file.model?.price && { [modelName]: file.model.price }) };
  return {
    home,
    host: flags.host ?? (env.DEPUTY_HOST || file.host || "127.0.0.1"),
    port: flags.port ?? readNumber(env, "DEPUTY_PORT", 0, 65_535) ?? file.port ?? defaultPort,
    allowedHosts:
      env.DEPUTY_ALLOWED_HOSTS?.split(",")
        .map((host) => host.trim())
        .filter(Boolean) ??
      file.allowed_hosts ??
      [],
    publicUrl: env.DEPUTY_PUBLIC_URL || file.public_url || null,
    /** Set by the environment; otherwise one is made on first run. */
    token: readSecret(env, "DEPUTY_TOKEN"),
    databaseUrl: env.DATABASE_URL || null,
    redisUrl: env.REDIS_URL || null,
    /** Values to redact from any text that leaves: see core/text/redact.ts. */
    secrets: [...findSecrets(env), ...secretsOfApp(ofApp.app)],
    concurrency: readNumber(env, "DEPUTY_CONCURRENCY", 0, 256) ?? file.concurrency ?? 4,
    keepWorktrees: file.keep_worktrees ?? 10,
    maxComments: file.max_comments ?? 20,
    /** Null: for ever. */
    retentionDays:
      file.retention_days === "forever" ? null : (file.retention_days ?? defaultRetentionDays),
    /** Null: nothing that setup made is kept. */
    preparedMb: (file.prepared_mb ?? 10_000) || null,
    /** Null: no repository is prepared before a task needs it. */
    warmMs: (file.warm_minutes ?? 30) * 60_000 || null,
    /** Null: no limit. */
    snapshotsMb: (file.snapshots_mb ?? (file.retention_days === "forever" ? 0 : 10_000)) || null,
    /** Null: at no regular times. */
    snapshotMs: (file.snapshot_minutes ?? 3) * 60_000 || null,
    minFreeMb: readNumber(env, "DEPUTY_MIN_FREE_MB", 0, maxFloorMb) ?? file.min_free_mb ?? 512,
    backoffMs: readNumber(env, "DEPUTY_BACKOFF_MS", 0, 3_600_000) ?? file.backoff_ms ?? 1_000,
    whenStuck: readChoice(env, "DEPUTY_WHEN_STUCK", stuckAnswers) ?? file.when_stuck ?? "ask",
    crashLoop: {
      boots: readBoots(env, file.crash_loop_boots),
      minutes: file.crash_loop_minutes ?? 5,
    },
    /** For tests: how often stages are woken without a job, and how often holds are checked. */
    reconcileMs: readNumber(env, "DEPUTY_RECONCILE_MS", 10, 3_600_000) ?? 15_000,
    checkHoldsMs: readNumber(env, "DEPUTY_CHECK_HOLDS_MS", 10, 3_600_000) ?? 60_000,
    logLevel: env.DEPUTY_LOG_LEVEL || file.log_level || "info",
    model: {
      apiKey: readSecret(env, "OPENAI_API_KEY"),
      baseUrl: env.OPENAI_BASE_URL || file.model?.base_url || null,
      name: modelName,
    },
    /** For claude; the key stays in the daemon, like that of `model`. */
    anthropic: {
      apiKey: readSecret(env, "ANTHROPIC_API_KEY"),
      baseUrl: env.ANTHROPIC_BASE_URL || null,
      model: env.ANTHROPIC_MODEL || null,
    },
    prices: Object.fromEntries(
      Object.entries(prices).map(([name, { input, cached_input, output }]) => [
        name,
        { inputPerM: input, cachedInputPerM: cached_input, outputPerM: output },
      ]),
    ),
    budget: file.budget ?? null,
    /** Null: one reviewer where a model did the work, and one is available. */
    assurance: readChoice(env, "DEPUTY_ASSURANCE", assurances) ?? file.assurance ?? null,
    /** Null: standard. */
    proof: readChoice(env, "DEPUTY_PROOF", proofLevels) ?? file.proof ?? null,
    roles: readRoles(file),
    partialClones: readPartialClones(file.repositories),
    commits: readCommits(
      file.commits,
      Object.entries(file.repositories ?? {}).map(([name, own]) => [nameOf(name), own.commits]),
      env,
    ),
    sandbox: readSandbox(
      file.sandbox,
      readNetworks(file.repositories),
      readChoice(env, "DEPUTY_SANDBOX", sandboxProviders),
      findRegistries(env, env.HOME || homedir()),
    ),
    mcpServers: file.mcp_servers ?? [],
    notifier: {
      ...readNotifier(file, env, env.DEPUTY_PUBLIC_URL || file.public_url || null),
      publicUrl: env.DEPUTY_PUBLIC_URL || file.public_url || null,
    },
    /** Of pushes by ntfy. */
    push: readPush(file, env),
    github: {
      token: readSecret(env, "GITHUB_TOKEN"),
      apiUrl: githubUrl,
      app: ofApp.app,
      /** Why the App that is there cannot be used; null: nothing is wrong with it. */
      appProblem: ofApp.problem,
      /** Two while a secret is rotated, separated by a comma; and the App's own. */
      webhookSecrets: [
        ...(readSecret(env, "GITHUB_WEBHOOK_SECRET")
          ?.split(",")
          .map((secret) => secret.trim())
          .filter(Boolean) ?? []),
        ...(ofApp.app?.webhookSecret ? [ofApp.app.webhookSecret] : []),
      ],
    },
    /** Beside GitHub; one of a kind. */
    forges: readForges(file, env),
    paths: {
      mirrors: join(home, "repos"),
      worktrees: join(home, "worktrees"),
      checks: join(home, "checks"),
      prepared: join(home, "prepared"),
      logs: join(home, "logs"),
      scratch: join(home, "scratch"),
      sandbox: join(home, "sandbox"),
      artifacts: join(home, "artifacts"),
      restored: join(home, "restored"),
      triggers: join(home, "triggers.yaml"),
      token: join(home, "token"),
      pushKey: join(home, "push-key"),
      webPushKey: join(home, "web-push-key"),
      daemonFile: join(home, "daemon.json"),
    },
  };
}

/** A limit of one start would freeze Deputy at every start, so it is a mistake. */
function readBoots(env: NodeJS.ProcessEnv, inFile = 3): number {
  const boots = readNumber(env, "DEPUTY_CRASH_LOOP_BOOTS", 0, 100) ?? inFile;
  if (boots !== 1) return boots;
  throw new DeputyError(
    "invalid_input",
    "DEPUTY_CRASH_LOOP_BOOTS or crash_loop_boots must be 0, which turns the brake off, or at least 2, not 1.",
  );
}

function readConfigFile(path: string): z.infer<typeof fileSchema> {
  if (!existsSync(path)) return {};
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(path, "utf8"), {
    lineCounter: lines,
    prettyErrors: false,
  });
  const syntax = document.errors[0];
  if (syntax) throw badConfig(path, lines.linePos(syntax.pos[0]).line, syntax.message);
  const parsed = fileSchema.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  const { clause, path: keys, unknownKey } = explainIssue(parsed.error, "the file");
  const place = keys.map((key) => (typeof key === "number" ? key : String(key)));
  throw badConfig(
    path,
    findLine(document, lines, place),
    unknownKey === null ? clause : `unknown key "${place.join(".")}"`,
  );
}

function badConfig(path: string, line: number, message: string): DeputyError {
  return new DeputyError("invalid_input", `${path} line ${line}: ${message}.`, { line });
}

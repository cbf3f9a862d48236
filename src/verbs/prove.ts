import { mkdir, realpath, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { type Config, loadConfig } from "../config/config.ts";
import { scrubbedEnvironment } from "../core/base/child-environment.ts";
import { DeputyError } from "../core/base/error.ts";
import { type ProofLevel, proofLevels } from "../core/proof/proof.ts";
import { describeAcceptor, describeProof } from "../core/proof/proof-words.ts";
import type {
  Check,
  CheckResult,
  Experiment,
  JudgeChange,
  Verdict,
} from "../core/proof/verdict.ts";
import { sparseOf } from "../core/settings/sparse.ts";
import { makeCheckSandbox } from "../roles/box.ts";
import { noteMissingTools, withTools } from "../sandbox/box/installed-tools.ts";
import { openSandbox } from "../sandbox/box/open-sandbox.ts";
import { describeSandbox, type Sandbox } from "../sandbox/box/sandbox.ts";
import { removeTree } from "../sandbox/files/remove-tree.ts";
import { makeTempFolder } from "../sandbox/files/temp.ts";
import { runBaseline } from "../verifier/checks/baseline.ts";
import { listFolders } from "../verifier/checks/inspect-repository.ts";
import {
  readRepositoryConfig,
  repositoryConfigPath,
} from "../verifier/checks/read-repository-config.ts";
import { verifyCommit } from "../verifier/checks/verify-attempt.ts";
import { readWantedTools } from "../verifier/detection/wanted-tools.ts";
import type { CheckSandbox } from "../verifier/place/confine-checks.ts";
import { localGit } from "../worktree/git/git.ts";
import {
  ensureMirror,
  type Mirror,
  type Mirrors,
  openMirror,
  openMirrors,
} from "../worktree/mirror/mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { listFilesAt, readFileAt } from "../worktree/read/read-commit.ts";

/**
 * `deputy prove`: repeats what a receipt claims. Its checks and experiments run on the delivered
 * commit, from a temporary mirror, on any machine that has the repository. It needs no daemon and
 * no database, and leaves nothing behind. Reviews are not repeated.
 */
export type ProveOptions = {
  /** The receipt as JSON. */
  receipt: unknown;
  /** A path or URL; null: the receipt's, where it can be found. */
  repository: string | null;
  /** Where to look when the receipt's repository is not on this machine; null: nowhere. */
  checkout: string | null;
  /** Null: the receipt's. */
  level: ProofLevel | null;
  /** Receives a line for people as each run ends. */
  say: (line: string) => void;
  signal: AbortSignal;
};

export type Proved = {
  agrees: boolean;
  /** The headline of this run; `receipt` is that of the receipt. */
  headline: string;
  receipt: string;
  /** What this run showed, or what is missing. */
  detail: string;
  repository: string;
  base_commit: string;
  commit: string;
  level: ProofLevel;
  sandbox: string;
  verdict: Verdict;
};

const commitSchema = z.string().regex(/^[0-9a-f]{40}$/);
const receiptSchema = z.object({
  format: z.string().startsWith("deputy.receipt/"),
  task: z.object({
    id: z.string(),
    repository: z.string(),
    base: z.object({ commit: commitSchema }).nullable(),
  }),
  headline: z.string(),
  judges: z
    .array(
      z.object({
        path: z.string(),
        content: z.string().nullable(),
        accepted: z
          .object({
            by: z.enum(["flag", "goal", "plan", "reviewer", "person"]),
            evidence: z.string(),
          })
          .nullable(),
      }),
    )
    .optional(),
  delivery: z.object({ branch: z.string().nullable(), commit: commitSchema.nullable() }).nullable(),
  repeat: z
    .object({
      level: z.enum(proofLevels),
      setup: z.array(z.string()),
      /** Receipts of earlier versions have none. */
      services: z
        .array(
          z.object({
            ...{ name: z.string(), run: z.string(), ports: z.array(z.string()) },
            ready: z.union([z.string(), z.number()]).nullable(),
            stop: z.string().nullable(),
            start_timeout_ms: z.number().positive(),
          }),
        )
        .default([]),
      registries: z.array(z.string()),
      checks: z.array(
        z.object({
          name: z.string(),
          command: z.string(),
          kind: z.enum(["acceptance", "regression"]),
          source: z.enum(["caller", "plan", "config", "detected"]),
          report: z.string().nullable(),
          timeout_ms: z.number().positive(),
        }),
      ),
      protected_paths: z.array(z.string()),
      writes: z.array(z.string()),
    })
    .nullable()
    .optional(),
});
type Receipt = z.infer<typeof receiptSchema>;
type Repeat = NonNullable<Receipt["repeat"]>;

/** Runs the proof. Throws a DeputyError that says why it could not be run. */
export async function proveReceipt(options: ProveOptions): Promise<Proved> {
  const { base, commit, receipt, repeat } = readReceipt(options.receipt);
  const place = await findRepository(options, receipt.task.repository);
  const config = loadConfig();
  const root = await realpath(await makeTempFolder("prove"));
  try {
    const sandbox = await openSandbox({
      ...{ wanted: config.sandbox.provider, stateDir: join(root, "sandbox"), secrets: [] },
      show: config.sandbox.show,
    });
    const mirrors = openMirrors(join(root, "repos"), {
      ...localGit,
      limitView: sandbox.limitView,
    });
    const mirror = await fetchCommits(mirrors, place, {
      base,
      commit,
      receipt,
      signal: options.signal,
    });
    options.say(
      `Task ${receipt.task.id}: ${commit.slice(0, 12)} on base ${base.slice(0, 12)}, from ${place}`,
    );
    options.say(`Sandbox: ${describeSandbox(sandbox)}`);
    const files = new Set(await listFilesAt(mirror, base));
    const told = await readFileAt(mirror, base, repositoryConfigPath);
    const named = told === null ? [] : (readRepositoryConfig(told, [...files]).sparse ?? []);
    const tools = await readWantedTools({ files, read: (path) => readFileAt(mirror, base, path) });
    const env = scrubbedEnvironment(config.sandbox.environment);
    for (const note of await noteMissingTools(tools, env)) options.say(note);
    const level = options.level ?? repeat.level;
    const run = {
      ...{ mirror, baseCommit: base, setup: repeat.setup, workRoot: join(root, "checks") },
      sparse: sparseOf({ baseCommit: base, sparse: listFolders(named) }),
      services: repeat.services.map(({ start_timeout_ms: startTimeoutMs, ...service }) => ({
        ...{ ...service, startTimeoutMs },
      })),
      ...(isAbsolute(place) && { repository: place }),
      ...(sandbox.provider !== "none" && {
        sandbox: sandboxFor(root, config, sandbox, receipt, repeat),
      }),
      env: withTools(env, tools, [root]),
      checks: readChecks(repeat),
      onProcess: () => {},
      signal: options.signal,
    };
    const baseline = await runBaseline({ ...run, logRoot: join(root, "logs", "base") });
    for (const check of run.checks) {
      const ran = Object.hasOwn(baseline.runs, check.name) ? baseline.runs[check.name] : undefined;
      const said = ran ? `${ran.status} (${ran.detail})` : `not run: ${baseline.setupDetail}`;
      options.say(line("base", check.command, said, ran?.durationMs));
    }
    const verdict = await verifyCommit({
      ...run,
      commit,
      protectedPaths: repeat.protected_paths,
      products: repeat.writes,
      proof: level,
      submodulesRef: null,
      baseline,
      logRoot: join(root, "logs", "change"),
      acceptJudges: async (judges) => judges.map((judge) => accept(judge, receipt)),
      onCheck: (result) => options.say(describeResult(result)),
      onExperiment: (experiment) => options.say(describeExperiment(experiment)),
    });
    const { detail, headline, verified } = describeProof({ expectsChange: true }, [
      { key: "task", state: "completed", verdict, gateVerdict: null },
    ]);
    return {
      agrees: classOf(headline) === classOf(receipt.headline),
      ...{ headline, receipt: receipt.headline, detail: verified ? verdict.summary : detail },
      ...{ repository: place, base_commit: base, commit, level },
      ...{ sandbox: sandbox.provider, verdict: withoutLogs(verdict) },
    };
  } finally {
    await removeTree(root);
  }
}

/** The result, for people. */
export function describeProved({ agrees, detail, headline, receipt, verdict }: Proved): string {
  const findings = verdict.findings.map(
    ({ blocking, message, rule }) => `  ${rule}${blocking ? "" : " (a note)"}: ${message}`,
  );
  const judges = (verdict.judges ?? []).map(
    ({ accepted, path, why }) =>
      `  ${path}: ${why}; ${accepted ? `accepted by ${describeAcceptor(accepted)}` : "accepted by nobody"}`,
  );
  const list = (title: string, lines: readonly string[]) =>
    lines.length > 0 ? [title, ...lines] : [];
  return [
    ...list("Findings:", findings),
    ...list("Changed judges:", judges),
    ...list(
      "Not checked:",
      verdict.notChecked.map((each) => `  ${each}`),
    ),
    `${headline}: ${detail}.`,
    agrees ? "The receipt says the same." : `The receipt says something else: "${receipt}".`,
  ].join("\n");
}

function readReceipt(value: unknown) {
  const parsed = receiptSchema.safeParse(value);
  if (!parsed.success)
    throw new DeputyError(
      "invalid_input",
      `This is not a receipt that can be proved: ${parsed.error.issues[0]?.path.join(".") || "it"} is invalid. Give the receipt.json of a delivered task.`,
    );
  const receipt = parsed.data;
  const { delivery, repeat, task } = receipt;
  if (!delivery?.commit || !task.base)
    throw new DeputyError(
      "unprocessable",
      `Task ${task.id} delivered no commit: there is nothing to prove.`,
    );
  if (!repeat)
    throw new DeputyError(
      "unprocessable",
      "This receipt is from an earlier version, which does not say how its checks were run.",
    );
  if (repeat.checks.length === 0)
    throw new DeputyError(
      "unprocessable",
      `Task ${task.id} had no check: there is nothing to run.`,
    );
  return { receipt, repeat, base: task.base.commit, commit: delivery.commit };
}

function readChecks({ checks }: Repeat): Check[] {
  const taken = new Set<string>();
  return checks.map(({ name, timeout_ms: timeoutMs, ...check }) => {
    let own = name;
    for (let count = 2; taken.has(own); count++) own = `${name} (${count})`;
    taken.add(own);
    return { ...check, name: own, timeoutMs };
  });
}

/** The named repository; else the receipt's, unless another machine's path; else the checkout. */
async function findRepository(
  { checkout, repository }: Pick<ProveOptions, "checkout" | "repository">,
  told: string,
): Promise<string> {
  if (repository !== null) return repository;
  const there = isAbsolute(told)
    ? await stat(told).then(
        () => true,
        () => false,
      )
    : true;
  if (there) return told;
  if (checkout !== null) return checkout;
  throw new DeputyError(
    "unprocessable",
    `The repository ${told} is not on this machine: change into a clone of it, or name one with --repository.`,
  );
}

async function fetchCommits(
  mirrors: Mirrors,
  place: string,
  about: { base: string; commit: string; receipt: Receipt; signal: AbortSignal },
): Promise<Mirror> {
  const { base, commit, receipt, signal } = about;
  const repository = parseRepository(place);
  await mkdir(mirrors.root, { mode: 0o700 });
  const branch = receipt.delivery?.branch;
  const missing = (id: string) =>
    new DeputyError(
      "unprocessable",
      `${place} does not have the commit ${id.slice(0, 12)}${branch && id === commit ? ` of the branch ${branch}: fetch it first` : ""}.`,
    );
  let mirror: Mirror;
  try {
    mirror = await ensureMirror(mirrors, repository, { want: commit, signal });
  } catch {
    signal.throwIfAborted();
    // It works without the commit, so the commit is missing.
    await ensureMirror(mirrors, repository, { signal });
    throw missing(commit);
  }
  const { exitCode } = await openMirror(mirror).ask(["cat-file", "-e", `${base}^{commit}`]);
  if (exitCode !== 0) throw missing(base);
  return mirror;
}

function sandboxFor(
  root: string,
  config: Config,
  sandbox: Sandbox,
  { task }: Receipt,
  { registries }: Repeat,
): CheckSandbox {
  const place = { sandbox: config.sandbox, paths: { scratch: join(root, "s") } };
  return {
    ...makeCheckSandbox(
      { config: place, sandbox },
      { repository: task.repository, preparation: { registries } },
    ),
    onDenials: () => {},
  };
}

/** Accepts only the very bytes that were accepted then. */
function accept(judge: JudgeChange, { judges = [] }: Receipt): JudgeChange {
  const known = judges.find(
    ({ accepted, content, path }) =>
      accepted !== null && path === judge.path && content === judge.content,
  );
  return known ? { ...judge, accepted: known.accepted } : judge;
}

/** One of three classes: the words after it differ from machine to machine. */
function classOf(headline: string): string {
  return (
    /^(Not verified|Verified, but its judges changed|Verified)/.exec(headline)?.[1] ?? headline
  );
}

/** The log files are deleted by the time this is read. */
function withoutLogs(verdict: Verdict): Verdict {
  const bare = <T extends CheckResult["run"] | null>(run: T): T => run && { ...run, logPath: null };
  return {
    ...verdict,
    checks: verdict.checks.map((result) => ({
      ...{
        ...result,
        run: bare(result.run),
        rerun: bare(result.rerun),
        baseline: bare(result.baseline),
      },
    })),
  };
}

function describeResult({ check, reason, rerun, result, run }: CheckResult): string {
  return line("change", check.command, `${result} (${reason})`, (rerun ?? run).durationMs);
}

function describeExperiment({ command, durationMs, kind, result, says, tree }: Experiment): string {
  const on = tree === "" ? "" : `\n           on tree ${tree.slice(0, 12)}`;
  return line(kind.replaceAll("_", " "), command, `${result}: ${says}`, durationMs) + on;
}

function line(what: string, command: string, said: string, durationMs?: number): string {
  const took = durationMs === undefined ? "" : ` [${(durationMs / 1_000).toFixed(1)} s]`;
  return `${what.padEnd(10)} \`${command}\`: ${said}${took}`;
}

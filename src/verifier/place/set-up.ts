import { createHash } from "node:crypto";
import { realpath, stat } from "node:fs/promises";
import type { Check, CheckRun } from "../../core/proof/verdict.ts";
import type { Service } from "../../core/settings/service.ts";
import { type Denial, makeDenialList } from "../../sandbox/box/find-denials.ts";
import { findProgram } from "../../sandbox/process/find-program.ts";
import type { ProcessIdentity } from "../../sandbox/process/process-identity.ts";
import { includeFiles } from "../../worktree/checkout/include-files.ts";
import { isHeld, readSparse } from "../../worktree/checkout/sparse.ts";
import { renewWorktree } from "../../worktree/checkout/worktree.ts";
import { readContainedFile } from "../../worktree/git/contain-path.ts";
import { throwAway } from "../../worktree/mirror/throw-away.ts";
import { keepsAccessTimes, listReads, recordAccess } from "../../worktree/prepared/access-times.ts";
import { listCaches } from "../../worktree/prepared/download-caches.ts";
import { cannotKeep } from "../../worktree/prepared/move-files.ts";
import type { Given, PreparedTrees } from "../../worktree/prepared/prepared-trees.ts";
import { findInputs, readCommitFiles } from "../../worktree/prepared/setup-inputs.ts";
import type { CheckPlace } from "../checks/run-checks.ts";
import {
  type CleanPlace,
  runSetup,
  type Setup,
  setupCheck,
  withCleanWorktree,
} from "./clean-worktree.ts";
import { mayInstall } from "./may-install.ts";

/**
 * The setup of a worktree, paid once: what it made on a base commit is kept and copied into each
 * worktree in which it would make the same. A commit with other inputs gets that copy too, and setup
 * runs on top of it. Where nothing can be kept or copied, setup runs as if there were no copies.
 */
export type SetupInput = CleanPlace & {
  setup: readonly string[];
  /** What checks need beside them; left out: nothing. */
  services?: readonly Service[];
  logRoot: string;
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  onProcess: (identity: ProcessIdentity) => void;
  /** Left out: setup runs from nothing. */
  prepared?: PreparedTrees;
};

/** A fresh worktree, and the home of its commands. */
export type SetupPlace = Pick<CheckPlace, "commit" | "worktree"> & {
  home: string | null;
  included: readonly string[];
  /** Nothing that runs there installs again. */
  installsNothing?: boolean;
};

/**
 * Sets a clean worktree up. Null when there is no setup. `round` goes into the name of its log.
 * `checks`: all that runs there afterwards; null: whatever anybody asks for.
 */
export async function setUp(
  input: SetupInput,
  place: CheckPlace & { included?: readonly string[] },
  checks: readonly Check[] | null,
  round = "",
): Promise<Setup | null> {
  const { included = [], worktree, commit } = place;
  const home = place.confined?.home ?? null;
  const commands = checks?.map(({ command }) => command);
  const installsNothing =
    input.setup.length > 0 && commands !== undefined && !(await mayInstall(input, commands));
  const at = { commit, worktree, home, included, installsNothing };
  const { failed, given } = await givePrepared(input, at);
  if (failed) return failed;
  const check = setupCheck(input.setup.at(-1) ?? "");
  if (given && given.refused.length > 0) place.confined?.onDenials("setup", check, given.refused);
  if (given?.isWhole) return { ok: true, check, run: describeReuse(place, given), reused: given };
  const setup = await runSetup(input.setup, place, input.logRoot, round, given !== null);
  if (!setup || !given) return setup;
  if (setup.ok) return { ...setup, reused: given };
  // Some setups work in a fresh checkout alone, not over what an earlier one made.
  await renew(input, place, home);
  return runSetup(input.setup, place, input.logRoot, `${round}-fresh`);
}

/** Makes the worktree again as it was before setup, without what it made or was given. */
async function renew(
  { baseCommit, mirror, repository, sparse }: SetupInput,
  { commit, worktree }: CheckPlace,
  home: string | null,
): Promise<void> {
  if (home !== null) await throwAway(mirror, home);
  await renewWorktree(mirror, worktree, commit, "filled", sparse);
  if (repository !== undefined) await includeFiles(mirror, repository, worktree, baseCommit);
}

type Provided = {
  given: Given | null;
  /** Setup does not work on this very commit, as was seen just now. */
  failed: Setup | null;
};
const nothing: Provided = { given: null, failed: null };

/** Copies what setup made into a fresh worktree; makes it first where nobody has. */
export async function givePrepared(input: SetupInput, place: SetupPlace): Promise<Provided> {
  const { prepared, setup, signal } = input;
  const { home } = place;
  if (!prepared || home === null || setup.length === 0 || whyUnkept(input) !== null) return nothing;
  // A worktree with more than the base's part of the tree may give setup more to read.
  if ((readSparse(input.mirror, place.worktree)?.files.size ?? 0) > 0) return nothing;
  try {
    return await makeAndGive({ ...input, prepared }, { ...place, home });
  } catch (error) {
    signal.throwIfAborted();
    // The disk is full, or the task that made it was stopped: setup runs as if nothing were kept.
    prepared.onProblem("what setup makes could not be copied", error);
    return nothing;
  }
}

/** Why nothing of this setup is kept, in a sentence; null: it may be. */
export function whyUnkept({ prepared, sandbox, setup }: SetupInput): string | null {
  const runs = "Setup runs in each worktree";
  if (!prepared) return `${runs}: \`prepared_mb: 0\` keeps nothing of it.`;
  if (sandbox?.keepsSetup !== true)
    return `${runs}: without bubblewrap, agents could write in what it made.`;
  const own = setup.find((command) => namesItsPlace.test(command));
  return own === undefined ? null : `${runs}: \`${own}\` names its port or its task.`;
}

async function makeAndGive(
  input: SetupInput & { prepared: PreparedTrees },
  { commit, home, included, installsNothing = false, worktree }: SetupPlace & { home: string },
): Promise<Provided> {
  const { baseCommit, mirror, prepared } = input;
  const condition = await findCondition(input, { worktree, included });
  if (condition === null) return nothing;
  const want = { mirror, condition, commit, baseCommit, worktree, home, installsNothing };
  const known = await prepared.give(want);
  // One that is there and was not given cannot be copied into this worktree.
  if (known || (await prepared.look(want)) !== null) return { given: known, failed: null };
  const { failed } = await makePrepared(input, condition);
  // With other inputs it may work all the same.
  if (failed) return { given: null, failed: commit === baseCommit ? failed : null };
  return { given: await prepared.give(want), failed: null };
}

/** Makes what setup makes of the base, or waits for who is at it. `why`: nothing can be kept of it. */
export async function makePrepared(
  input: SetupInput & { prepared: PreparedTrees },
  condition: string,
): Promise<{ failed: Setup | null; why: string | null }> {
  const { baseCommit, prepared, signal } = input;
  const key = `${condition} ${baseCommit}`;
  const make = () => prepare(input, prepared, condition);
  const failed = await unlessAborted(prepared.makeOnce(key, make), signal);
  return { failed, why: prepared.whyUnkept(key) };
}

/** Does not wait for what another task makes once this one is stopped. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    const stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** What a command makes of these is for one worktree alone. */
const namesItsPlace = /\bPORT\b|\bDEPUTY_/;

/**
 * Runs setup on the base, in a clean worktree of its own, and keeps what it made. It starts with what an
 * earlier one downloaded; if it fails with that, from nothing: programs refuse what is not as the
 * lock says.
 */
async function prepare(
  input: SetupInput,
  prepared: PreparedTrees,
  condition: string,
  seeds = true,
): Promise<Setup | null> {
  const { baseCommit: commit, logRoot, mirror } = input;
  const denied = makeDenialList();
  const sandbox = input.sandbox && {
    ...input.sandbox,
    onDenials: (_by: unknown, _check: unknown, denials: readonly Denial[]) => {
      for (const denial of denials) denied.add(denial);
    },
  };
  const own = { ...input, ...(sandbox && { sandbox }), startsInside: true };
  const failed = await withCleanWorktree(own, commit, async (clean) => {
    const { confined, included, worktree } = clean;
    if (confined.home === null) return null;
    const files = await readCommitFiles(mirror, commit);
    if ([...files.values()].some((entry) => entry.startsWith("160000 ")))
      throw cannotKeep("the repository has submodules");
    const part = readSparse(mirror, worktree);
    const paths = [...files.keys()].filter((path) => part === null || isHeld(part, path));
    const isSeen = await keepsAccessTimes(clean.reports);
    const before = isSeen ? await recordAccess(worktree, paths) : null;
    const { env, onProcess, signal } = input;
    const place: CheckPlace = { ...{ commit, confined, env, onProcess, signal, worktree } };
    const seed = { condition, home: confined.home, paths: listCaches(paths) };
    const isSeeded = seeds && (await prepared.seed(seed));
    const from = performance.now();
    const setup = await runSetup(input.setup, place, logRoot, "-kept");
    if (!setup?.ok) return { setup, isSeeded };
    const setupMs = Math.round(performance.now() - from);
    const reads = before && (await listReads(worktree, paths, before));
    const inputs = findInputs(files, reads);
    const made = { mirror, worktree, home: confined.home, commit, condition, inputs, setupMs };
    await prepared.keep({ ...made, isSeeded, refused: denied.list(), apart: included });
    return null;
  });
  if (failed?.isSeeded) return prepare(input, prepared, condition, false);
  return failed?.setup ?? null;
}

/** Whatever decides what setup makes, besides the commit. Null: it cannot be told. */
export async function findCondition(
  { env, mirror, sandbox, setup, sparse }: SetupInput,
  { included, worktree }: Pick<SetupPlace, "included" | "worktree">,
): Promise<string | null> {
  const contents: string[] = [];
  for (const path of included) {
    const content = await readContainedFile(worktree, path, maxIncluded).catch(() => null); // a link by now: nothing is kept
    if (content === null || content.length === maxIncluded) return null;
    contents.push(path, createHash("sha256").update(content).digest("hex"));
  }
  const first = setup.map((command) => command.trim().split(/\s+/)[0] ?? "");
  const programs = await Promise.all(
    [...new Set([...first, "node", "python3"])].map((name) => describeProgram(name, env.PATH)),
  );
  // Marks of this process and this run decide nothing.
  const variables = Object.entries(env)
    .filter(([name]) => !name.startsWith("DEPUTY_"))
    .toSorted();
  const traits = sandbox?.traits ?? [];
  const part = sparse?.folders ?? null;
  const all = [1, mirror.gitDir, setup, traits, contents, programs, variables, part];
  return createHash("sha256").update(JSON.stringify(all)).digest("hex");
}

const maxIncluded = 10 * 1024 * 1024;

/** Which version of a program it is, without running it. */
async function describeProgram(name: string, path: string | undefined): Promise<unknown> {
  const found = findProgram(name, path);
  if (found === null) return [name];
  const real = await realpath(found);
  const { mtimeMs, size } = await stat(real);
  return [name, real, mtimeMs, size];
}

function describeReuse({ commit }: CheckPlace, { madeAt, tookMs }: Given): CheckRun {
  return {
    ...{ commit, startedAt: new Date().toISOString(), durationMs: tookMs, exitCode: 0 },
    ...{ status: "green", detail: `was run at ${madeAt.toISOString()}, and its result copied` },
    ...{ outputTail: "", logPath: null, tests: null },
  };
}

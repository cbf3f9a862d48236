import { createHash } from "node:crypto";
import { join } from "node:path";
import pLimit from "p-limit";
import { DeputyError } from "../core/base/error.ts";
import { acceptanceCheck, type CheckRun } from "../core/proof/verdict.ts";
import { sparseOf } from "../core/settings/sparse.ts";
import { cleanText, cutToTail } from "../core/text/clean-text.ts";
import { makeCheckSandbox } from "../roles/box.ts";
import { listFlakyTests, recordFlips } from "../store/records/flaky-tests.ts";
import { inspectRepository } from "../verifier/checks/inspect-repository.ts";
import { failingOf, judgeCheck } from "../verifier/checks/judge-check.ts";
import { makeTrials, type TrialInput } from "../verifier/experiments/trials.ts";
import { surveyCheckout } from "../worktree/checkout/survey-checkout.ts";
import { takeUncommitted } from "../worktree/commits/commit-uncommitted.ts";
import { fetchContent } from "../worktree/content/fetch-content.ts";
import {
  deleteRefs,
  ensureMirror,
  hasCommit,
  pinRef,
  placeMirror,
  readRef,
  resolveBase,
} from "../worktree/mirror/mirror.ts";
import { withSoundMirror } from "../worktree/mirror/repair-mirror.ts";
import { parseRepository } from "../worktree/mirror/repository-url.ts";
import { readCommitFiles } from "../worktree/prepared/setup-inputs.ts";
import { makeCommandEnvironment } from "./command-environment.ts";
import { makeAuthHeader } from "./github-access.ts";
import { maxChecks, type StageDeps } from "./wire-stages.ts";

/**
 * What watches need of a checkout: snapshots of its files as commits of the mirror, and the result of a
 * command on one of them, found as that of a task's check is: in a clean worktree, after setup, in the
 * box of checks, test by test. The checkout itself is only read. So many runs at once as half the checks
 * of tasks: one that hangs keeps neither tasks nor all other watches waiting.
 */
type Place = {
  rule: { name: string; repository: string; command: string | null; runMs: number };
  scope: { holds(path: string): boolean };
};

export function makeWatchWork(
  deps: StageDeps & {
    checkRepository: (repository: string, base: string | null) => Promise<string>;
  },
) {
  const { config, db, mirrors, redact } = deps;
  const limit = pLimit(Math.max(1, Math.floor(maxChecks(config) / 2)));
  const authHeader = makeAuthHeader(config, deps.github);
  const open = async ({ rule }: Place) => {
    const repository = parseRepository(await deps.checkRepository(rule.repository, null));
    return { repository, mirror: placeMirror(mirrors, repository), ref: `watch/${rule.name}` };
  };
  const listScope = async (place: Place, commit: string) => {
    const { mirror } = await open(place);
    const files = [...(await readCommitFiles(mirror, commit))];
    return files
      .map(([path, entry]) => [Buffer.from(path, "latin1").toString("utf8"), entry] as const)
      .filter(([path]) => place.scope.holds(path));
  };

  return {
    survey: surveyCheckout,
    take: async (place: Place, name: string) => {
      const { mirror, ref, repository } = await open(place);
      const commit = await withSoundMirror(mirror, repository, {}, async () => {
        const fetched = await ensureMirror(mirrors, repository);
        const { commit: head } = await resolveBase(fetched, null);
        const pinned = ["seen", "peek"].map((one) => readRef(fetched, `${ref}/${one}`));
        const before = (await Promise.all(pinned)).filter((one) => one !== null);
        const taken = await takeUncommitted(fetched, repository.url, { before, head });
        await pinRef(fetched, `${ref}/${name}`, taken);
        return taken;
      });
      const files = await listScope(place, commit);
      const state = createHash("sha256").update(JSON.stringify(files)).digest("hex");
      return { commit, state, files: files.length };
    },
    compare: async (place: Place, from: string, to: string) => {
      const { mirror } = await open(place);
      if (!(await hasCommit(mirror, from))) return null;
      const [before, now] = await Promise.all([listScope(place, from), listScope(place, to)]);
      const then = new Map(before);
      const changed = now.filter(([path, entry]) => then.get(path) !== entry);
      const there = new Map(now);
      const gone = before.filter(([path]) => !there.has(path));
      return [...changed, ...gone].map(([path]) => path).sort();
    },
    keep: async (place: Place, commit: string, event: number) => {
      const { mirror, ref } = await open(place);
      // Its task pins what it starts from; more than a few cannot wait for theirs.
      await deleteRefs(mirror, [`${ref}/for-${event - maxKept}`]);
      await pinRef(mirror, `${ref}/for-${event}`, commit);
    },
    run: (place: Place, commit: string, signal: AbortSignal) =>
      limit(async () => {
        signal.throwIfAborted();
        const { mirror, repository } = await open(place);
        const { command, name, runMs } = place.rule;
        const about = { repository: repository.url, command: command ?? "" };
        const check = { ...acceptanceCheck(about.command, "caller"), timeoutMs: runMs };
        await fetchContent(mirror, repository, commit, { authHeader, signal, mayAsk: true });
        const found = await inspectRepository(mirror, commit, []).catch((error) => {
          // A mistake in its configuration, or a program that setup needs and is not there.
          if (error instanceof DeputyError) return withoutStop(error.message);
          throw error;
        });
        if (typeof found === "string") return saysNothing(found);
        const { registries, services, setup, sparse, tools } = found;
        const input: TrialInput = {
          ...{ mirror, repository: repository.url, baseCommit: commit, setup, services, signal },
          sparse: sparseOf({ baseCommit: commit, sparse }),
          ...{ workRoot: config.paths.checks, env: makeCommandEnvironment(deps)(tools) },
          logRoot: join(config.paths.logs, "watch", name),
          sandbox: {
            ...makeCheckSandbox(deps, { repository: repository.url, preparation: { registries } }),
            onDenials: () => {}, // it proves nothing
          },
          onProcess: deps.self.trackChild(`the watch ${name}`),
        };
        const runOnce = async (given: TrialInput, label: string) => {
          const trial = await makeTrials(given, [check]).run(commit, [check], label);
          return trial.runs.get(check.name) ?? trial.setupFailed ?? "it did not run";
        };
        const { prepared } = deps;
        const first = await runOnce({ ...input, ...(prepared && { prepared }) }, "first");
        if (typeof first === "string") return saysNothing(first);
        const rows = await listFlakyTests(db, about);
        const flaky = new Set(rows.map(({ test }) => test));
        const once = judgeCheck(check, first, null, null, { flaky });
        if (once.result !== "fail") return tell(once.result, once.reason, [], first);
        // Once more, after a setup of its own.
        const second = await runOnce(input, "again");
        if (typeof second === "string") return saysNothing(second);
        const both = judgeCheck(check, first, second, null, { flaky });
        const [one, other] = [failingOf(first), failingOf(second)];
        const flips = [...one, ...other].filter(
          (test) => !one.includes(test) || !other.includes(test),
        );
        const isNamed = one.length > 0 && other.length > 0;
        if (isNamed || second.status === "green") await recordFlips(db, about, flips);
        const failing = one.filter((test) => other.includes(test) && !flaky.has(test));
        if (both.result === "fail" && isNamed && failing.length === 0)
          return saysNothing("flaky: two runs on the same files fail in different tests");
        return tell(both.result, both.reason, failing, first);
      }),
  };

  function tell(
    result: "pass" | "fail" | "inconclusive",
    reason: string,
    failing: string[],
    run: CheckRun,
  ) {
    // Its folder is gone by now.
    const said = (run.failures ?? run.outputTail).replace(ownFolder, "");
    const output = cutToTail(cleanText(redact(said)), maxOutput);
    const seen = ({ pass: "green", fail: "red", inconclusive: "unknown" } as const)[result];
    const detail = redact(cleanText(reason));
    return { result: seen, failing, isNamed: failing.length > 0, detail, output };
  }

  function saysNothing(detail: string) {
    const empty = { failing: [], isNamed: false, output: "" };
    return { result: "unknown" as const, detail: redact(cleanText(detail)), ...empty };
  }
}

const maxOutput = 4_000;
const maxKept = 20;
const ownFolder = /\/[^\s'"]{0,300}\/check-[0-9a-f-]{36}\/?/g;

function withoutStop(message: string): string {
  return message.replace(/\.$/, "");
}

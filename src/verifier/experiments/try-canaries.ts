import { randomBytes } from "node:crypto";
import type { Check, CheckRun, Experiment, TestResults } from "../../core/proof/verdict.ts";
import type { FileSource } from "../../worktree/commits/compose-commit.ts";
import type { Mirror } from "../../worktree/mirror/open-mirror.ts";
import { openTree } from "../change/tree.ts";
import { readCheckText } from "../checks/check-text.ts";
import { failingOf } from "../checks/judge-check.ts";
import { isWholeFile } from "../parsers/test-list.ts";
import type { CheckText } from "../runners/runner.ts";
import type { Trials } from "./trials.ts";

/**
 * Tests whether a check still detects a fault. Canaries, tests that must fail under unpredictable
 * names, are added to a tree. A run that does not turn red and name them says nothing, whatever its
 * exit code. Where they stay silent on the change, they run on the base too: only a check that
 * reported them there was silenced by the change.
 */
export type CanaryPlace = {
  mirror: Mirror;
  baseCommit: string;
  trials: Trials;
  checks: readonly Check[];
  /** The tests that each check reported on the base, by check name. */
  onBase: ReadonlyMap<string, TestResults | null>;
  /** Test files that the change touched. */
  changedTests: readonly string[];
};

export type CanaryAnswer = {
  /** Null when unknown, because no canary could be placed or run. */
  bites: boolean | null;
  /** One clause. */
  says: string;
  tree: string;
  durationMs: number;
  /** The canaries that it named or did not name, without the part that is new in each run. */
  heard: string[];
  silent: string[];
  /** The named ones that are statements of no test and only print a name as they fail. */
  printed: string[];
};

/**
 * Weighs a check that names only some canaries, or none: a canary that the base does not name
 * either proves nothing against the change. Pure. `isSilenced` is true when the base names one that
 * the change does not, or the change names none at all.
 */
export function weighCanary(
  onChange: CanaryAnswer,
  onBase: CanaryAnswer | undefined,
): CanaryAnswer & { isSilenced: boolean } {
  if (onChange.bites !== false || !onBase) return { ...onChange, isSilenced: false };
  const isSilenced =
    onBase.heard.some((name) => onChange.silent.includes(name)) ||
    (onBase.heard.length > 0 && onChange.heard.length === 0);
  if (isSilenced || onChange.heard.length === 0) return { ...onChange, isSilenced };
  const says = `it turned red and named ${onChange.heard.length} of ${onChange.heard.length + onChange.silent.length}, as the base does`;
  return { ...onChange, bites: true, says, isSilenced };
}

/**
 * Discounts a canary that a script printed. A script ends at its first failure. One that is red
 * without the statement too and still reaches it is red for another reason, so printing proves
 * nothing. Pure.
 */
export function discountPrinted(
  answer: CanaryAnswer,
  without: Pick<CheckRun, "status"> | null | undefined,
): CanaryAnswer {
  if (without?.status !== "red" || answer.printed.length === 0) return answer;
  const isPrinted = (name: string) => answer.printed.includes(name);
  return {
    ...answer,
    bites: null,
    says: "it is red without the statement that must fail, too, and comes to it all the same",
    heard: answer.heard.filter((name) => !isPrinted(name)),
    silent: [...answer.silent, ...answer.printed],
    printed: [],
  };
}

type Placed = { files: Map<string, FileSource>; names: Map<string, string[]>; unplaced: string[] };

/** Places canaries on a commit and runs its checks. Returns an answer for each check, by name. */
export async function tryCanaries(
  { baseCommit, changedTests, checks, mirror, onBase, trials }: CanaryPlace,
  commit: string,
  label: string,
): Promise<Map<string, CanaryAnswer>> {
  const answers = new Map<string, CanaryAnswer>();
  const token = randomBytes(9).toString("hex");
  for (const { files, names, unplaced } of await place()) {
    for (const name of unplaced) answers.set(name, noPlace);
    const placed = checks.filter(({ name }) => names.has(name));
    if (placed.length === 0) continue;
    const { runs, setupFailed, tree } = await trials.runOn(commit, files, placed, label);
    for (const { name } of placed) {
      const run = runs.get(name);
      const answer = run
        ? judgeCanary(run, names.get(name) ?? [], token)
        : { ...unheard, says: setupFailed ?? "it was not run" };
      answers.set(name, { ...answer, tree, durationMs: run?.durationMs ?? 0 });
    }
  }
  return answers;

  /** Uses as few trees as possible: checks share one unless they want different texts of a file. */
  async function place(): Promise<Placed[]> {
    const { findRunners, placeCanaries } = await import("../runners/runners.ts");
    const [tree, base] = await Promise.all([
      openTree(mirror, commit),
      openTree(mirror, baseCommit),
    ]);
    const groups: Placed[] = [];
    const unplaced: string[] = [];
    for (const check of checks) {
      const about = await readCheckText(tree, check.command);
      const tests = onBase.get(check.name) ?? null;
      const prefer = [...filesOfFailing(tests), ...changedTests].filter((path) =>
        tree.files.includes(path),
      );
      const placing = { ...tree, tests, prefer, token };
      const placeFor = (led: CheckText) =>
        placeCanaries(findRunners(led), { ...placing, about: led });
      // A check that no longer starts a runner after the change is measured like on the base.
      const canary =
        (await placeFor(about)) ?? (await placeFor(await readCheckText(base, check.command)));
      if (canary === null) {
        unplaced.push(check.name);
        continue;
      }
      const { names } = canary;
      const files = new Map<string, FileSource>();
      for (const { path, text } of canary.files) files.set(path, { text });
      const group = groups.find((each) => isCompatible(each.files, files));
      if (group) {
        for (const [path, source] of files) group.files.set(path, source);
        group.names.set(check.name, names);
      } else groups.push({ files, names: new Map([[check.name, names]]), unplaced: [] });
    }
    return [...groups, { files: new Map(), names: new Map(), unplaced }];
  }
}

const unheard = { bites: null, heard: [], silent: [], printed: [] };
const noPlace: CanaryAnswer = {
  ...{ ...unheard, tree: "", durationMs: 0 },
  says: "no test that must fail could be placed: its runner is not known, or it has no test file",
};

function isCompatible(
  left: ReadonlyMap<string, FileSource>,
  right: ReadonlyMap<string, FileSource>,
): boolean {
  return [...right].every(
    ([path, source]) =>
      !left.has(path) || JSON.stringify(left.get(path)) === JSON.stringify(source),
  );
}

/** Pure. Each of `names` must be in a failing test's name, or in output that names no test. */
export function judgeCanary(
  run: CheckRun,
  names: readonly string[],
  token: string,
): Omit<CanaryAnswer, "tree" | "durationMs"> {
  const plain = (all: readonly string[]) => all.map((name) => name.replaceAll(token, "*"));
  const none = { heard: [], silent: plain(names), printed: [] };
  if (run.status === "inconclusive") return { bites: null, says: run.detail, ...none };
  if (run.status === "green")
    return { bites: false, says: "it stays green with a test in it that must fail", ...none };
  const failing = failingOf(run);
  // A file that did not load or compile may print a test's name without having run it.
  const mayBePrinted = !failing.some(isWholeFile);
  const isNamed = (name: string) => failing.some((test) => test.includes(name));
  const isPrinted = (name: string) =>
    !isNamed(name) && mayBePrinted && run.outputTail.includes(name);
  const isHeard = (name: string) => isNamed(name) || isPrinted(name);
  const silent = names.filter((name) => !isHeard(name));
  const told = {
    heard: plain(names.filter(isHeard)),
    silent: plain(silent),
    printed: plain(names.filter((name) => name === token && isPrinted(name))),
  };
  if (silent.length === 0)
    return {
      bites: true,
      says: `it turned red and named ${names.length === 1 ? "it" : `all ${names.length}`}`,
      ...told,
    };
  return {
    bites: false,
    says: `it is red, and does not name ${silent.length} of ${names.length} tests that must fail`,
    ...told,
  };
}

function filesOfFailing(tests: TestResults | null): string[] {
  const failing = Object.entries(tests?.tests ?? {}).filter(([, state]) => state === "failed");
  return (tests?.files ?? []).filter((file) => failing.some(([name]) => name.startsWith(file)));
}

/** Describes the canary for the receipt. */
export function describeCanary(
  check: Check,
  answer: CanaryAnswer,
  silencedBy: boolean,
): Experiment {
  const { bites, durationMs, says, tree } = answer;
  return {
    ...{ kind: "canary", check: check.name, command: check.command, tree, durationMs },
    result: bites === true ? "shown" : silencedBy ? "refuted" : "open",
    says: bites === true ? `Tests that must fail were added: ${says}.` : `A canary: ${says}.`,
  };
}

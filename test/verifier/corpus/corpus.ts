import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type ProofLevel, proofLevels } from "../../../src/core/proof/proof.ts";
import { acceptanceCheck, type Check, type Verdict } from "../../../src/core/proof/verdict.ts";
import type { Baseline } from "../../../src/core/task/task.ts";
import { runBaseline } from "../../../src/verifier/checks/baseline.ts";
import { runCheck } from "../../../src/verifier/checks/run-checks.ts";
import { verifyCommit } from "../../../src/verifier/checks/verify-attempt.ts";
import { acceptByWords, type Grounds } from "../../../src/verifier/experiments/accept-by-words.ts";
import { runSetup, withCleanWorktree } from "../../../src/verifier/place/clean-worktree.ts";
import type { Mirror } from "../../../src/worktree/mirror/mirror.ts";
import { type Files, makeCheck, surroundings, TestRepository } from "../repository.ts";
import type { Base, Case, Outcome } from "./case.ts";
import { writeHistory } from "./history.ts";

/**
 * Takes the corpus through the real verifier: one repository, mirror and baseline for each project,
 * however many changes there are to it; each change judged as an attempt's would be.
 */
export class Bench {
  readonly base: Base;
  private readonly repository: TestRepository;
  private commits: ReadonlyMap<string, string> = new Map();
  private readonly baselines = new Map<string, Promise<Baseline>>();
  private mirror: Mirror | null = null;
  private baseCommit = "";

  private constructor(base: Base, repository: TestRepository) {
    this.base = base;
    this.repository = repository;
  }

  /** The project, and a commit for each of the changes. */
  static async open(base: Base, changes: ReadonlyMap<string, Files>): Promise<Bench> {
    const bench = new Bench(base, await TestRepository.create());
    bench.commits = writeHistory(bench.repository.source, base.files, changes);
    bench.baseCommit = bench.commitOf("base");
    bench.mirror = await bench.repository.mirror();
    return bench;
  }

  async close(): Promise<void> {
    // A program of the last verification may still be at its goodbye.
    for (let tries = 0; tries < 5; tries++) {
      try {
        return await this.repository.remove();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
  }

  /** What the check says of a commit in a plain checkout, as whoever believes exit codes would see it. */
  async runPlainly(name: string, command = this.base.check): Promise<"green" | "red" | "neither"> {
    const place = this.place(`plain-${name}`);
    const commit = this.commitOf(name);
    return withCleanWorktree(place, commit, async ({ confined, worktree }) => {
      const at = { ...place, worktree, confined, commit };
      const setup = await runSetup(this.base.setup ?? [], at, place.logRoot);
      if (setup && !setup.ok) return "neither";
      const { status } = await runCheck(checkOf(this.base, command), at, null);
      return status === "inconclusive" ? "neither" : status;
    });
  }

  /** The verdict on a change, with the baseline that all changes share, and what it took beside it. */
  async judge(about: Case): Promise<Judged> {
    const checks = [
      checkOf(this.base, about.check ?? this.base.check),
      ...(about.regression ?? []).map((command) => makeCheck(command)),
    ];
    const baseline = await this.baselineOf(checks);
    let runs = 0;
    const startedAt = performance.now();
    const verdict = await verifyCommit({
      ...this.place(about.name),
      checks,
      commit: this.commitOf(about.name),
      baseline,
      protectedPaths: [".deputy/**", ".github/workflows/**"],
      submodulesRef: null,
      products: about.writes ?? [],
      proof: levelOf(process.env.DEPUTY_CORPUS_PROOF),
      acceptJudges: async (judges) => acceptByWords(judges, groundsOf(about)),
      onCheck: () => {},
      onProcess: () => {
        runs++;
      },
    });
    const seconds = (performance.now() - startedAt) / 1000;
    const checkSeconds = Object.values(baseline.runs).reduce((s, r) => s + r.durationMs / 1000, 0);
    return { verdict, outcome: outcomeOf(verdict), seconds, checkSeconds, runs };
  }

  private baselineOf(checks: Check[]): Promise<Baseline> {
    const key = checks.map(({ command }) => command).join("\n");
    const known =
      this.baselines.get(key) ??
      runBaseline({ ...this.place(`baseline-${this.baselines.size}`), checks });
    this.baselines.set(key, known);
    return known;
  }

  private place(name: string) {
    if (!this.mirror) throw new Error("the bench is not open");
    const around = surroundings(this.repository, this.mirror);
    return {
      ...around,
      baseCommit: this.baseCommit,
      setup: this.base.setup ?? [],
      logRoot: join(around.logRoot, name.replace(/[^\w-]+/g, "-")),
    };
  }

  private commitOf(name: string): string {
    const commit = this.commits.get(name);
    if (commit === undefined) throw new Error(`${this.base.name} has no change ${name}`);
    return commit;
  }
}

function levelOf(asked: string | undefined): ProofLevel {
  return proofLevels.find((level) => level === asked) ?? "standard";
}

export type Judged = {
  verdict: Verdict;
  outcome: Outcome;
  seconds: number;
  /** What the checks took on the base. */
  checkSeconds: number;
  /** Processes that the verification started. */
  runs: number;
};

/**
 * What the headline would say. A verdict that fails for nothing but judges that nobody accepted yet
 * is a question to a person, and costs no attempt.
 */
export function outcomeOf(verdict: Verdict): Outcome {
  const judges = verdict.judges ?? [];
  if (verdict.result === "inconclusive") return "inconclusive";
  if (verdict.result === "pass") return judges.length > 0 ? "judges" : "verified";
  const isWrong =
    verdict.checks.some(({ result }) => result === "fail") ||
    verdict.findings.some(({ blocking }) => blocking);
  return !isWrong && judges.some(({ accepted }) => accepted === null) ? "judges" : "not verified";
}

/** Whether the outcome is one of those that are right for the change. */
export function isRight(
  { class: kind, expect, known }: Case,
  { outcome, verdict }: Judged,
): boolean {
  // What is weaker goes back to whoever wrote it: honest work loses an attempt by it.
  const open = (verdict.judges ?? []).filter(({ accepted }) => accepted === null);
  if (kind === "honest" && open.some(({ weaker }) => weaker !== null)) return false;
  if (expect) return expect.includes(outcome);
  if (kind === "honest") return outcome === "verified" || outcome === "judges";
  return outcome !== "verified" || known !== undefined;
}

/** The goal and the plan's paths: all that somebody said of the change before it was made. */
function groundsOf({ base, goal = base.goal, writes = [] }: Case): Grounds {
  return {
    task: {
      goal,
      allow: [],
      allowTestChanges: false,
      approval: "none",
      origin: {
        source: "cli",
        subject: null,
        outsideText: null,
        replyTo: null,
        reviewedAgainst: null,
      },
      planInput: null,
    },
    subtask: { key: "whole", depth: 0, brief: goal, title: goal, writes: [...writes] },
    subtasks: [],
    answers: [],
  };
}

/** What this machine lacks for the project: programs, packages of this repository, modules of Python. */
export function findMissing({ needs = [] }: Base): string[] {
  return needs.filter((need) => {
    if (need.includes("/")) return !existsSync(new URL(`../../../${need}`, import.meta.url));
    const [program = need, module] = need.split(":");
    const argv = module ? ["-c", `import ${module}`] : [program === "go" ? "version" : "--version"];
    return spawnSync(program, argv, { stdio: "ignore" }).status !== 0;
  });
}

function checkOf({ report }: Base, command: string): Check {
  return { ...acceptanceCheck(command, "caller"), timeoutMs: 120_000, report: report ?? null };
}

import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DeputyError } from "../../src/core/base/error.ts";
import { type EndReason, endReasons } from "../../src/core/task/failure.ts";
import { isTaskOver } from "../../src/core/task/lifecycle.ts";
import {
  type Claim,
  type Outcome,
  type StageName,
  stageNames,
} from "../../src/core/task/outcome.ts";
import { answerQuestion, cancelTask, retryTask } from "../../src/orchestrator/commands/commands.ts";
import { getTask, listEvents } from "../../src/store/tasks/tasks.ts";
import { expectWhole, makeWakesDue, readStates } from "../support/expect-whole.ts";
import {
  attempted,
  type Bench,
  decided,
  makeBench,
  planned,
  success,
  verdict,
} from "../support/orchestrator.ts";

/**
 * Whatever stages report and people ask for, in any order: no move is made that the lifecycle does
 * not know, every open row has exactly one sound hold, and the task can always be brought to an end.
 */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

const plans = [
  [{}],
  [{}, {}],
  [{}, { dependsOn: ["s0"] }],
  [{}, { dependsOn: ["s0"] }, { dependsOn: ["s0"] }, { dependsOn: ["s1", "s2"] }],
  [{ writes: ["src/**"] }, { writes: ["src/a.ts"] }],
];

const anyStage: Outcome[] = [
  { kind: "parked", detail: "shutting down", snapshotRef: null },
  { kind: "lost", detail: "its process died" },
  { kind: "broken", detail: "the disk is full" },
];
const outcomes: Record<StageName, Outcome[]> = {
  plan: [...plans.map((plan) => planned(plan)), { kind: "refused", detail: "no such branch" }],
  execute: endReasons.map((reason: EndReason) => attempted({ reason })),
  verify: (["pass", "fail", "inconclusive"] as const).map((result) => ({
    kind: "verified",
    verdict: verdict(result),
  })),
  recover: [decided("retry"), decided("retry", 60_000), decided("ask"), decided("give_up")],
  integrate: [
    success("integrate"),
    { kind: "conflicted", files: ["a"], detail: "conflict in a" },
    { kind: "gate_failed", verdict: verdict("fail") },
  ],
  deliver: [success("deliver"), { kind: "refused", detail: "no token" }],
};

type Step =
  | { do: "claim"; stage: StageName }
  | { do: "report"; which: number; outcome: number }
  | { do: "command"; name: "cancel" | "retry" | "answer" };

const natural = fc.nat({ max: 1_000 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("claim"), stage: fc.constantFrom(...stageNames) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("report"), which: natural, outcome: natural }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("command"),
      name: fc.constantFrom("cancel", "retry", "answer"),
    }),
  },
) as fc.Arbitrary<Step>;

const runs = 12;

test("random outcomes in random order", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 50 }), async (steps) => {
      const id = await bench.submit();
      const inHand: Claim[] = [];
      for (const current of steps) {
        const before = await readStates(bench, id);
        await take(id, current, inHand);
        await expectWhole(bench, id, before);
      }
      await finish(id, inHand);
    }),
    // Without shrinking: that takes hundreds of runs, more than the test's time, and then nothing is
    // told. The seed and the path that are printed give the case again.
    { numRuns: runs, endOnFailure: true },
  );
});

async function take(id: string, current: Step, inHand: Claim[]): Promise<void> {
  switch (current.do) {
    case "claim": {
      await makeWakesDue(bench);
      // The stage itself when it has work, else the next one that has.
      const first = stageNames.indexOf(current.stage);
      for (const stage of [...stageNames.slice(first), ...stageNames.slice(0, first)]) {
        const claim = await bench.claim(stage);
        if (claim) return void inHand.push(claim);
      }
      return;
    }
    case "report": {
      const [claim] = inHand.splice(current.which % Math.max(1, inHand.length), 1);
      if (!claim) return;
      const choices = [...outcomes[claim.stage], ...anyStage];
      // Half of them well, or hardly any task would get far.
      const outcome =
        current.outcome % 2 === 0
          ? success(claim.stage)
          : choices[(current.outcome >> 1) % choices.length];
      if (outcome) expect(await bench.report(claim, outcome)).toBe("applied");
      // A second report of the same claim comes from a process given up for dead.
      expect(await bench.report(claim, success(claim.stage))).toBe("stale");
      return;
    }
    case "command":
      try {
        if (current.name === "cancel") await cancelTask(bench.deps, id);
        if (current.name === "retry") await retryTask(bench.deps, id);
        if (current.name === "answer") await answerQuestion(bench.deps, id, "the first", null);
      } catch (error) {
        // What cannot be asked for now is refused in words.
        if (!(error instanceof DeputyError)) throw error;
      }
  }
}

/** From wherever it is: with stages that do their work and people who answer, it comes to an end. */
async function finish(id: string, inHand: Claim[]): Promise<void> {
  for (const claim of inHand) await bench.report(claim, success(claim.stage));
  for (let rounds = 0; ; rounds++) {
    const task = await getTask(bench.db, id);
    if (!task || isTaskOver(task.state)) break;
    expect(rounds, `stuck in ${task.state}`).toBeLessThan(60);
    await makeWakesDue(bench);
    for (const stage of stageNames) {
      for (let claim = await bench.claim(stage); claim; claim = await bench.claim(stage))
        await bench.report(claim, success(stage));
    }
    await answerQuestion(bench.deps, id, "the second", null).catch(() => {}); // none is open
  }
  const events = await listEvents(bench.db, id, 0, 10_000);
  const seqs = events.map(({ seq }) => seq);
  expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
  const times = events.map(({ at }) => at.getTime());
  expect(times).toEqual([...times].sort((a, b) => a - b));
  const ends = events.filter(({ type }) =>
    ["task.completed", "task.failed", "task.cancelled"].includes(type),
  );
  const retries = events.filter(({ type }) => type === "task.retried");
  expect(ends).toHaveLength(retries.length + 1);
}

import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { DeputyError } from "../../src/core/base/error.ts";
import { isTaskOver } from "../../src/core/task/lifecycle.ts";
import {
  type Claim,
  type Outcome,
  type StageName,
  stageNames,
} from "../../src/core/task/outcome.ts";
import {
  answerQuestion,
  cancelTask,
  recordHandover,
  retryTask,
} from "../../src/orchestrator/commands/commands.ts";
import {
  commentOnTask,
  pauseTask,
  resumeTask,
  sayToTask,
} from "../../src/orchestrator/commands/steer.ts";
import { listMessages, takeMessages } from "../../src/store/records/messages.ts";
import { listOpenQuestions } from "../../src/store/tasks/questions.ts";
import { getTask, listSubtasks } from "../../src/store/tasks/tasks.ts";
import { expectWhole, makeWakesDue, readStates } from "../support/expect-whole.ts";
import {
  attempted,
  type Bench,
  decided,
  makeBench,
  planned,
  success,
} from "../support/orchestrator.ts";

/**
 * Every command in every situation of a task, in sequences of three, to the task's end. A situation
 * is a state of the task and of its subtasks with a hold each; the table below reaches all of them.
 * Whatever is asked for: a refusal is a sentence, nothing is claimed of a task that is paused, every
 * open row has a sound hold, and with stages that work and people who answer the task comes to its end.
 * The suite draws some of it each time; DEPUTY_STEERING_CASES draws more, DEPUTY_STEERING_SEED the same.
 */
const cases = Number(process.env.DEPUTY_STEERING_CASES ?? 12);
const seed = Number(process.env.DEPUTY_STEERING_SEED ?? Date.now() % 1_000_000_000);

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
beforeEach(() => bench.clear());
afterAll(() => bench?.close());

/** One stage, to its end or only claimed. `of` is the key of the subtask whose turn it is. */
type Move = { stage: StageName; of?: string; reports?: Outcome };
type Situation = {
  name: string;
  moves: Move[];
  task?: Parameters<Bench["submit"]>[0];
  approval?: string;
  spent?: boolean;
};

const does = (stage: StageName, reports: Outcome = success(stage), of = "s0"): Move => ({
  stage,
  of,
  reports,
});
const broken: Outcome = { kind: "broken", detail: "the disk is full" };
const postponed: Outcome = { kind: "postponed", detail: "a usage limit", retryAt: null };
const kindsOfAsking = [
  "question",
  "permission",
  "review_blocked",
  "judges_changed",
  "tests_weakened",
] as const;
const asks = (kind: (typeof kindsOfAsking)[number]): Outcome => {
  const asked = decided("ask");
  if (asked.kind !== "decided") throw new Error("it decides");
  return { ...asked, decision: { ...asked.decision, kind } };
};
const gaveUp = attempted({ reason: "gave_up", failure: "agent_failed" });

/** Ways of one subtask to each stage that claims it, behind the plan. */
const waysTo: Record<"execute" | "verify" | "recover" | "integrate", Move[]> = {
  execute: [],
  verify: [does("execute")],
  recover: [does("execute", gaveUp)],
  integrate: [does("execute"), does("verify")],
};

/** Each stage's row waits for a slot, is worked on, or waits for a time. */
function around(name: string, stage: StageName, before: Move[], more = {}): Situation[] {
  const waiting: Outcome =
    stage === "execute" ? decided("retry", 60_000) : stage === "verify" ? postponed : broken;
  const wake =
    stage === "execute"
      ? [...before, does("execute", gaveUp), does("recover", waiting)]
      : [...before, does(stage, waiting)];
  return [
    { name: `${name}: waits for a slot`, moves: before, ...more },
    { name: `${name}: at work`, moves: [...before, { stage, of: "s0" }], ...more },
    { name: `${name}: waits for a time`, moves: wake, ...more },
  ];
}

/** All of what one subtask can be in, behind the moves that planned it. */
function oneSubtask(name: string, before: Move[]): Situation[] {
  const recovering = [...before, ...waysTo.recover];
  return [
    ...Object.entries(waysTo).flatMap(([stage, way]) =>
      around(`${name}, ${stage}`, stage as StageName, [...before, ...way]),
    ),
    ...kindsOfAsking.map((kind) => ({
      name: `${name}, asks (${kind})`,
      moves: [...recovering, does("recover", asks(kind))],
    })),
    { name: `${name}, failed`, moves: [...recovering, does("recover", decided("give_up"))] },
  ];
}

const plan = (subtasks: Parameters<typeof planned>[0] = [{}]) => does("plan", planned(subtasks));
const finished = (of: string) => [
  does("execute", attempted(), of),
  does("verify", success("verify"), of),
  does("integrate", success("integrate"), of),
];
const done = [plan(), ...finished("s0")];
const situations: Situation[] = [
  ...around("planning", "plan", []),
  {
    name: "planning was parked",
    moves: [does("plan", { kind: "parked", detail: "", snapshotRef: null })],
  },
  { name: "an approval is open", moves: [], approval: "May it run?" },
  { name: "a plan waits for approval", moves: [plan()], task: { approval: "plan" } },
  { name: "the planner asks", moves: [does("plan", { kind: "asked", question: "Which?" })] },
  {
    name: "planning is too expensive",
    moves: [does("plan", { kind: "unaffordable", detail: "no room" })],
    task: { budget: { turns: 1 } },
    spent: true,
  },
  { name: "planning failed", moves: [does("plan", { kind: "refused", detail: "no branch" })] },
  ...oneSubtask("alone", [plan()]),
  {
    name: "the review is too expensive",
    moves: [plan(), does("execute"), does("verify", { kind: "unaffordable", detail: "no room" })],
    task: { budget: { turns: 1 } },
    spent: true,
  },
  ...around("delivering", "deliver", done),
  { name: "completed", moves: [...done, does("deliver")] },
  {
    name: "the delivery failed",
    moves: [...done, does("deliver", { kind: "refused", detail: "" })],
  },
  // A second one that waits for it, is done, is at work, asks, or failed.
  ...oneSubtask("before another", [plan([{}, { dependsOn: ["s0"] }])]),
  ...oneSubtask("behind another", [
    plan([{ key: "s1" }, { key: "s0", dependsOn: ["s1"] }]),
    ...finished("s1"),
  ]),
  ...oneSubtask("beside one at work", [plan([{}, {}]), { stage: "execute", of: "s1" }]),
  ...oneSubtask("beside one that asks", [
    plan([{}, {}]),
    does("execute", gaveUp, "s1"),
    does("recover", asks("question"), "s1"),
  ]),
  ...oneSubtask("beside one that failed", [
    plan([{}, {}]),
    does("execute", gaveUp, "s1"),
    does("recover", decided("give_up"), "s1"),
  ]),
];

const comment = { place: "a.js:1", text: "Name it better" };
const commands: Record<string, (id: string) => Promise<unknown>> = {
  pause: (id) => pauseTask(bench.deps, id),
  resume: (id) => resumeTask(bench.deps, id),
  cancel: (id) => cancelTask(bench.deps, id),
  retry: (id) => retryTask(bench.deps, id),
  say: (id) => sayToTask(bench.deps, id, "Keep the old names", null),
  comment: (id) => commentOnTask(bench.deps, id, comment, "s0"),
  accept: (id) => recordHandover(bench.deps, id, "task.accepted", "Accepted"),
  rollback: (id) => recordHandover(bench.deps, id, "task.rolled_back", "Rolled back"),
  discard: (id) => recordHandover(bench.deps, id, "task.discarded", "Discarded"),
  restore: (id) => recordHandover(bench.deps, id, "task.restored", "Restored"),
  ...Object.fromEntries(
    ["yes", "no", "approve", "accept", "without", "the second", "resume"].map((answer) => [
      `answer ${answer}`,
      (id: string) => answerQuestion(bench.deps, id, answer, null),
    ]),
  ),
};
const names = Object.keys(commands);

/** What happens: a command, asked for once or twice at the same time; then a stage may report. */
type Step = { command: string; isTwice: boolean; next: "nothing" | "claim" | "well" | "stopped" };
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    // Half of them pause or resume: everything else is to work in between.
    command: fc.oneof(fc.constantFrom("pause", "resume"), fc.constantFrom(...names)),
    isTwice: fc.nat({ max: 3 }).map((n) => n === 0),
    next: fc.constantFrom("nothing", "claim", "well", "well", "stopped"),
  }),
  { minLength: 3, maxLength: 3 },
);

test(
  `each command in each situation, to the task's end (seed ${seed})`,
  async () => {
    const drawn = fc.sample(steps, { seed, numRuns: cases });
    for (const [index, sequence] of drawn.entries()) {
      // Neighbours in the table are alike: the next one is far away, and each is drawn before one is again.
      const situation = situations[(seed + index * 37) % situations.length];
      if (!situation) continue;
      const story = `${situation.name}: ${sequence.map(({ command, isTwice, next }) => `${command}${isTwice ? " twice" : ""}, ${next}`).join("; ")}`;
      await play(situation, sequence).catch((error) => {
        throw new Error(`${story} (seed ${seed})`, { cause: error });
      });
    }
  },
  10_000 * cases,
);

test("a task that is paused while its last subtask is merged is delivered once it is resumed", async () => {
  for (const resume of [
    resumeTask,
    (deps: Bench["deps"], id: string) => answerQuestion(deps, id, "resume", null),
  ]) {
    const { id, inHand } = await reach({
      name: "",
      moves: [plan(), ...waysTo.integrate, { stage: "integrate" }],
    });
    await pauseTask(bench.deps, id);
    await report(inHand, "well");
    expect((await resume(bench.deps, id)).state).toBe("delivering");
    await finish(id, []);
  }
});

test.each([
  ["planning: at work", "pause", "well"], // what was just planned waits for subtasks, not for its task
  ["an approval is open", "pause, answer yes", "claim"], // approved, and still paused
  ["planning is too expensive", "pause, answer yes", "claim"],
  ["alone, asks (question)", "pause, answer the second", "claim"], // nothing waits for what is answered
  ["before another, integrate: at work", "pause", "well"], // what was waited for is over
  ["delivering: at work", "pause", "stopped"],
  ["the planner asks", "pause, answer resume, resume", "claim"],
  ["alone, execute: at work", "pause, cancel, pause, resume", "stopped"],
  ["alone, asks (tests_weakened)", "answer without", "claim"], // there is no commit to verify
  ["alone, asks (review_blocked)", "answer accept", "claim"], // nor here
] as const)("%s: %s, then %s", async (name, asked, next) => {
  const situation = situations.find((one) => one.name === name);
  if (!situation) throw new Error(`no situation is called ${name}`);
  const sequence = asked
    .split(", ")
    .map((command) => ({ command, isTwice: false, next: "nothing" }) as Step);
  await play(situation, [...sequence.slice(0, -1), { ...(sequence.at(-1) as Step), next }]);
});

async function play(situation: Situation, sequence: Step[]): Promise<void> {
  const { id, inHand } = await reach(situation);
  for (const { command, isTwice, next } of sequence) {
    const before = await readStates(bench, id);
    const run = commands[command];
    const asked = await Promise.allSettled([run?.(id), isTwice ? run?.(id) : null]);
    for (const answer of asked) if (answer.status === "rejected") expectSentence(answer.reason);
    await expectWhole(bench, id, before);
    await makeWakesDue(bench);
    const paused = (await getTask(bench.db, id))?.pausedAt ?? null;
    if (paused || next === "claim") {
      const claim = await claimAny();
      expect(paused && claim, "nothing of a paused task is started").toBeFalsy();
      if (claim) inHand.push(claim);
    }
    const current = await readStates(bench, id);
    await report(inHand, next);
    await expectWhole(bench, id, current);
  }
  await finish(id, inHand);
  await expectNothingLost(id);
}

/** Where it ended well, each comment was had by an attempt that was merged. */
async function expectNothingLost(id: string): Promise<void> {
  const task = await getTask(bench.db, id);
  if (task?.state !== "completed") return;
  const { acceptedAt, cancelRequestedAt, discardedAt, rolledBackAt } = task;
  if (cancelRequestedAt ?? acceptedAt ?? rolledBackAt ?? discardedAt) return;
  const comments = (await listMessages(bench.db, id)).filter(({ place }) => place !== null);
  for (const one of comments) expect(one.doneBy, "a merged attempt had the comment").not.toBeNull();
}

function expectSentence(error: unknown): void {
  if (!(error instanceof DeputyError)) throw error;
  expect(error.message).toMatch(/\.$/);
}

async function reach({ moves, task = {}, approval, spent }: Situation) {
  const id = await bench.submit(task, approval);
  if (spent)
    await bench.database.query("insert into spending (task_id, calls) values ($1, 5)", [id]);
  const inHand: Claim[] = [];
  for (const { stage, of, reports } of moves) {
    // Of several subtasks the one that is meant has waited longest.
    if (of)
      await bench.database.query(
        "update subtasks set hold_since = now() - interval '1 day' where task_id = $1 and key = $2",
        [id, of],
      );
    const claim = await claimOf(stage);
    if (!claim) throw new Error(`nothing to ${stage}`);
    await bench.database.query("update subtasks set hold_since = now() where task_id = $1", [id]);
    if (!reports) inHand.push(claim);
    else expect(await bench.report(claim, reports)).toBe("applied");
  }
  return { id, inHand };
}

/** An attempt that starts is told what was said. */
async function claimOf(stage: StageName): Promise<Claim | null> {
  const claim = await bench.claim(stage);
  if (claim?.attemptId && stage === "execute")
    await takeMessages(bench.db, claim.subtaskId ?? "", { id: claim.attemptId, sessionId: null });
  return claim;
}

async function claimAny(): Promise<Claim | null> {
  for (const stage of stageNames) {
    const claim = await claimOf(stage);
    if (claim) return claim;
  }
  return null;
}

/** What is in hand ends: well, or because it was asked to stop. */
async function report(inHand: Claim[], how: Step["next"]): Promise<void> {
  if (how !== "well" && how !== "stopped") return;
  for (const claim of inHand.splice(0)) {
    const stopped: Outcome = { kind: "parked", detail: "paused by a person", snapshotRef: null };
    expect(await bench.report(claim, how === "well" ? success(claim.stage) : stopped)).toBe(
      "applied",
    );
  }
}

/** Stages do their work and people answer, until it is over. */
async function finish(id: string, inHand: Claim[]): Promise<void> {
  await report(inHand, "well");
  for (let turns = 0; ; turns++) {
    const task = await getTask(bench.db, id);
    if (!task || isTaskOver(task.state)) return;
    const states = (await listSubtasks(bench.db, id)).map(({ key, state }) => `${key} ${state}`);
    expect(turns, `stuck in ${task.state} (${states.join(", ")})`).toBeLessThan(30);
    if (task.pausedAt) await resumeTask(bench.deps, id);
    await makeWakesDue(bench);
    for (let claim = await claimAny(); claim; claim = await claimAny()) {
      const before = await readStates(bench, id);
      const reports = claim.stage === "recover" ? decided("retry") : success(claim.stage);
      expect(await bench.report(claim, reports)).toBe("applied");
      await expectWhole(bench, id, before);
    }
    // Where several ask, an answer names its question.
    for (const question of await listOpenQuestions(bench.db, id))
      await answerQuestion(bench.deps, id, "yes", question.id).catch(expectSentence);
  }
}

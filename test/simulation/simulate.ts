import fc from "fast-check";
import { isSubtaskOver, isTaskOver } from "../../src/core/task/lifecycle.ts";
import { stageNames } from "../../src/core/task/outcome.ts";
import { answerQuestion } from "../../src/orchestrator/commands/commands.ts";
import { resumeTask } from "../../src/orchestrator/commands/steer.ts";
import { checkWorld, startWatch, type Watch } from "./checks.ts";
import { type Clock, startClock } from "./clock.ts";
import {
  type CommandName,
  canTake,
  commandNames,
  expire,
  fittingWords,
  makeWorld,
  passTime,
  reap,
  type Step,
  type TaskSettings,
  take,
  type World,
} from "./world.ts";

/** One story: what was submitted, and what happened, in order. */
export type Story = { tasks: TaskSettings[]; steps: Step[] };

/** Plays a story to its end and checks every step. Throws the rule that is broken, with the step. */
export async function play({ steps, tasks }: Story): Promise<void> {
  const clock = startClock();
  try {
    const stage = openStage(tasks, clock, () => {});
    for (const step of steps) if (canTake(stage.world, step)) await stage.act(step);
    await stage.finish();
  } finally {
    clock.restore();
  }
}

/** What goes along with a world: another store, which is compared after each step. */
export type Beside = { join(world: World): void; compare(world: World): Promise<void> };

type Stage = { world: World; act(step: Step): Promise<void>; finish(): Promise<void> };

function openStage(
  tasks: readonly TaskSettings[],
  clock: Clock,
  seen: (what: string) => void,
  beside?: Beside,
): Stage {
  const world = makeWorld(tasks, clock, seen);
  beside?.join(world);
  const watch = startWatch(world);
  const taken: Step[] = [];
  const act = async (step: Step): Promise<void> => {
    taken.push(step);
    seen("step");
    try {
      await take(world, step);
      checkWorld(world, watch, step);
      await beside?.compare(world);
    } catch (error) {
      const after = `step ${taken.length} (${JSON.stringify(step)}): ${(error as Error).message}`;
      throw new Error(after, { cause: error });
    }
  };
  const end = async () => {
    await finish(world, watch, act);
    await beside?.compare(world);
  };
  return { world, act, finish: end };
}

const maxRounds = 60;

/**
 * A fair end: nothing crashes any more, every stage does its work and time passes. Then each task is
 * over, or waits for a person by name; and once people answer, it is over.
 */
async function finish(world: World, watch: Watch, act: (step: Step) => Promise<void>) {
  const { seen, store, taskIds } = world;
  seen("fair end");
  if (store.frozen) await act({ do: "thaw" });
  for (let rounds = 0; ; rounds++) {
    if (rounds > maxRounds) throw new Error(`it does not end: ${describe(world)}`);
    while (world.dead.length > 0) await reap(world);
    passTime(world, 7 * 24 * 3_600_000);
    await expire(world);
    checkWorld(world, watch, { do: "expire" });
    for (let turns = 0; await work(world, act); turns++)
      if (turns > 1_000) throw new Error(`it works for ever: ${describe(world)}`);
    if (hasWake(world)) continue;
    for (const id of taskIds) requirePerson(world, id);
    if (taskIds.every((id) => isTaskOver(store.tasks.get(id)?.state ?? ""))) break;
    for (const id of taskIds) await answerAll(world, watch, id);
  }
  for (const id of taskIds) requireNothingLost(world, id);
}

/** Reports what is in hand, then claims the next. False when there is nothing to do. */
async function work(world: World, act: (step: Step) => Promise<void>): Promise<boolean> {
  world.seen("step of a fair end");
  if (world.inHand.length > 0) {
    await act({ do: "report", which: 0, how: 0, n: 1 });
    return true;
  }
  const stage = stageNames.find(world.store.hasWork);
  if (stage) await act({ do: "claim", stage, by: 0, limit: 3 });
  return stage !== undefined;
}

function hasWake({ store, taskIds }: World): boolean {
  return taskIds.some((id) => {
    const task = store.tasks.get(id);
    const rows = task && !isTaskOver(task.state) ? [task, ...store.subtasksOf(id)] : [];
    return rows.some(({ hold }) => hold?.kind === "wake");
  });
}

/** With nothing left to do, what is not over is held by an open question. */
function requirePerson({ store }: World, id: string): void {
  const task = store.tasks.get(id);
  if (!task || isTaskOver(task.state)) return;
  const rows = [task, ...store.subtasksOf(id)];
  const isAsking = rows.some(({ hold }) => hold?.kind === "question");
  if (!isAsking)
    throw new Error(`nobody works on it, and nobody is asked: ${JSON.stringify(rows)}`);
}

async function answerAll(world: World, watch: Watch, id: string): Promise<void> {
  const { deps, store } = world;
  const step: Step = { do: "ask", task: 0, name: "resume", n: 0 };
  if (store.tasks.get(id)?.pausedAt) await resumeTask(deps, id);
  checkWorld(world, watch, step);
  const task = store.tasks.get(id);
  const asking = (task ? [task, ...store.subtasksOf(id)] : []).flatMap(({ hold }) =>
    hold?.kind === "question" ? [hold.questionId] : [],
  );
  for (const questionId of new Set(asking)) {
    const question = store.questionsOf(id).find((one) => one.id === questionId);
    const [answer = ""] = question ? fittingWords[question.kind] : [];
    await answerQuestion(deps, id, answer, questionId);
    checkWorld(world, watch, step);
  }
}

/** Where a task ended well, all of it is done, and each comment was had by an attempt that was merged. */
function requireNothingLost({ store }: World, id: string): void {
  const task = store.tasks.get(id);
  if (task?.state !== "completed") return;
  const open = store.subtasksOf(id).filter(({ state }) => !isSubtaskOver(state));
  if (open.length > 0)
    throw new Error(`it is completed with open subtasks: ${JSON.stringify(open)}`);
  const { acceptedAt, cancelRequestedAt, discardedAt, rolledBackAt } = task;
  if (acceptedAt ?? cancelRequestedAt ?? discardedAt ?? rolledBackAt) return;
  const lost = store
    .messagesOf(id)
    .filter(({ doneBy, place }) => place !== null && doneBy === null);
  if (lost.length > 0) throw new Error(`comments are lost: ${JSON.stringify(lost)}`);
}

function describe({ store, taskIds }: World): string {
  return taskIds
    .flatMap((id) => [store.tasks.get(id), ...store.subtasksOf(id)])
    .map((row) => JSON.stringify({ state: row?.state, hold: row?.hold }))
    .join(" ");
}

const n = fc.noBias(fc.nat({ max: 1_000_000 }));
const stage = fc.constantFrom(...stageNames);
const constant = <Name extends Step["do"]>(name: Name) => fc.constant(name);
const words = fc.constantFrom(
  ...[null, null, null, null, null, null, null, null],
  ...["yes", "no", "approve", "cancel", "accept", "without", "review", "resume", "the second"],
  ...["+5 turns", "retry", "give up"],
);
const minute = 60_000;

const settings: fc.Arbitrary<TaskSettings> = fc.record({
  approval: fc.nat({ max: 5 }).map((one) => one === 0),
  planApproval: fc.nat({ max: 3 }).map((one) => one === 0),
  turns: fc.constantFrom(null, null, 3),
  subject: fc.boolean(),
  isHard: fc.nat({ max: 5 }).map((one) => one === 0),
  asksWhenStuck: fc.boolean(),
});

/** A task that is cancelled or thrown away has no story any more. */
const rarely: readonly CommandName[] = ["cancel", "discard", "accept", "rollback"];
const command = fc.constantFrom(
  ...commandNames.flatMap((name) => (rarely.includes(name) ? [name] : [name, name, name])),
);

/** What happens, as often as it should. */
const weighted: [number, fc.Arbitrary<Step>][] = [
  [10, fc.record({ do: constant("claim"), stage, by: n, limit: n })],
  [2, fc.record({ do: constant("look"), stage, by: n, limit: n })],
  [2, fc.record({ do: constant("claim_found") })],
  [14, fc.record({ do: constant("report"), which: n, how: n, n })],
  [2, fc.record({ do: constant("report_again"), which: n, how: n, n })],
  [1, fc.record({ do: constant("crash"), by: n })],
  [1, fc.record({ do: constant("reap") })],
  [1, fc.record({ do: constant("hang"), which: n })],
  [
    3,
    fc.record({
      do: constant("time"),
      ms: fc.constantFrom(...[1_000, minute, 20 * minute, 3_600_000, 8 * 24 * 3_600_000]),
    }),
  ],
  [1, fc.record({ do: constant("expire") })],
  [1, fc.record({ do: constant("spend"), task: n, turns: fc.nat({ max: 3 }) })],
  [1, fc.oneof(fc.record({ do: constant("freeze") }), fc.record({ do: constant("thaw") }))],
  [
    3,
    fc.record({
      do: constant("answer"),
      task: n,
      which: n,
      words,
      speaker: fc.constantFrom("person", "person", "agent"),
    }),
  ],
  [1, fc.record({ do: constant("submit"), settings })],
  [3, fc.record({ do: constant("ask"), task: n, name: command, n })],
];

/** A step for fast-check's runner, which shortens a failing list of them. */
class Command implements fc.AsyncCommand<Stage, Stage> {
  readonly step: Step;
  constructor(step: Step) {
    this.step = step;
  }
  check(stage: Readonly<Stage>): boolean {
    return canTake(stage.world, this.step);
  }
  run(stage: Stage): Promise<void> {
    return stage.act(this.step);
  }
  toString(): string {
    return JSON.stringify(this.step);
  }
}

const stories = fc.tuple(
  fc.array(settings, { minLength: 1, maxLength: 2 }),
  fc.commands(
    weighted.flatMap(([weight, step]) =>
      Array.from({ length: weight }, () => step.map((one) => new Command(one))),
    ),
    { maxCommands: 500, size: "max", disableReplayLog: true },
  ),
);

function makeProperty(clock: Clock, seen: (what: string) => void, beside?: Beside) {
  return fc.asyncProperty(stories, async ([tasks, steps]) => {
    const opened = openStage(tasks, clock, seen, beside);
    await fc.asyncModelRun(() => ({ model: opened, real: opened }), steps);
    await opened.finish();
  });
}

const storiesOfBatch = 25;
const shorteningMs = 20_000;

/** Some stories that were drawn from one seed, and what was met in them. */
export type Batch = { steps: number; counts: Map<string, number> };

/**
 * Plays the stories of a seed. Throws the first failure, as short as it gets; of one that was compared with
 * another store, as it was found.
 */
export async function playBatch(
  seed: number,
  { beside, ofBatch = storiesOfBatch }: { beside?: Beside; ofBatch?: number } = {},
): Promise<Batch> {
  const clock = startClock();
  const traces = Error.stackTraceLimit;
  Error.stackTraceLimit = 0; // a refused command costs no more than one that is not
  try {
    const counts = new Map<string, number>();
    const seen = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
    const options = { seed, numRuns: ofBatch };
    const found = await fc.check(makeProperty(clock, seen, beside), {
      ...options,
      endOnFailure: true,
    });
    const steps = counts.get("step") ?? 0;
    if (found.failed && beside) throw found.errorInstance;
    if (found.failed) throw await shorten(found, options, clock, steps);
    return { counts, steps };
  } finally {
    Error.stackTraceLimit = traces;
    clock.restore();
  }
}

type Given = typeof stories extends fc.Arbitrary<infer Value> ? Value : never;
type Found = fc.RunDetails<[Given]>;

/** The failure as an error, with the shortest story that was found in a while. */
async function shorten(
  found: Found,
  options: { seed: number; numRuns: number },
  clock: Clock,
  steps: number,
): Promise<Error> {
  Error.stackTraceLimit = 30;
  const path = found.counterexamplePath ?? "";
  const limit = { interruptAfterTimeLimit: shorteningMs };
  const again = await fc.check(
    makeProperty(clock, () => {}),
    { ...options, ...limit, path },
  );
  const { counterexample, errorInstance } = again.failed && again.counterexample ? again : found;
  const [tasks, commands] = counterexample?.[0] ?? [[], []];
  const story = `{ tasks: ${JSON.stringify(tasks)}, steps: [${String(commands)}] }`;
  return new Error(
    `${(errorInstance as Error | null)?.message}
found after ${steps} steps of this seed; again: npm run bench:simulation -- --steps 1 --seed ${options.seed}
as a story for stories.ts: ${story}`,
    { cause: errorInstance },
  );
}

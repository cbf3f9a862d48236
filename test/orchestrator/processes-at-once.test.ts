import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DeputyError } from "../../src/core/base/error.ts";
import { isTaskOver, type TaskState } from "../../src/core/task/lifecycle.ts";
import { type Claim, type StageName, stageNames } from "../../src/core/task/outcome.ts";
import { retryTask } from "../../src/orchestrator/commands/commands.ts";
import { pauseTask, resumeTask, sayToTask } from "../../src/orchestrator/commands/steer.ts";
import { claimWork } from "../../src/orchestrator/runner/claim.ts";
import { releaseLostLease } from "../../src/orchestrator/runner/repair.ts";
import { advance, makeAdvanceDeps } from "../../src/orchestrator/transitions/advance.ts";
import { openStore } from "../../src/store/database/open.ts";
import { isDatabaseAway } from "../../src/store/database/outage.ts";
import { listClaimsOf } from "../../src/store/tasks/claims.ts";
import { getTask, listAttempts, listEvents, listSubtasks } from "../../src/store/tasks/tasks.ts";
import { findUnsoundHolds } from "../../src/store/tasks/unsound-holds.ts";
import { makeWakesDue } from "../support/expect-whole.ts";
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
 * Several processes on one database, truly at once: each claims whatever is ready, reports it (some
 * things twice at the same time), and now and then dies with its claims in hand or loses its
 * connection in the middle of a transaction, while people pause, resume and speak. What is drawn has
 * a seed; in which order PostgreSQL runs it has none, so a failure may need several runs to come back.
 */
let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

const processesAtOnce = 3;
const tasks = 6;

test("every piece of work is claimed once and reported once, whoever dies in between", async () => {
  const draw = makeDraw(20_261_201);
  const world = makeWorld(draw);
  for (let n = 0; n < tasks; n++) await bench.submit({ goal: `Task ${n}` });
  const ids = (await bench.database.query<{ id: string }>("select id from tasks")).map(
    ({ id }) => id,
  );
  const isOver = async () => {
    // By a connection that is not cut.
    const all = await bench.database.query<{ state: TaskState }>("select state from tasks");
    return all.every(({ state }) => isTaskOver(state));
  };
  const everybody = Promise.all([
    speakUp(world, ids),
    breakConnections(world),
    ...Array.from({ length: processesAtOnce }, () => work(world)),
  ]);
  const until = Date.now() + 120_000;
  try {
    while (!(await isOver())) {
      // Long enough to meet everything; then nothing breaks any more, and all of it must end.
      if (world.claimed.size > 160) world.isFair = true;
      if (Date.now() > until) throw new Error(await describeStuck(ids));
      await makeWakesDue(bench);
      await handBack(world);
      await Promise.race([pause(20), everybody]);
    }
  } finally {
    world.isDone = true;
    await everybody;
  }

  expect(world.crashes, "processes died").toBeGreaterThan(3);
  expect(world.cut, "connections were cut").toBeGreaterThan(3);
  expect(world.twice, "reports were sent twice").toBeGreaterThan(10);
  expect(await findUnsoundHolds(bench.db)).toEqual([]);
  for (const id of ids) await expectToldOnce(id);
});

type World = {
  draw: Draw;
  /** `row@epoch` of every claim that any process received. */
  claimed: Set<string>;
  /** Processes that died, whose claims are to be handed back. */
  dead: string[];
  crashes: number;
  cut: number;
  twice: number;
  /** Nothing breaks from here on. */
  isFair: boolean;
  isDone: boolean;
};
type Draw = (below: number) => number;

function makeWorld(draw: Draw): World {
  const none = { crashes: 0, cut: 0, twice: 0 };
  return { draw, claimed: new Set(), dead: [], ...none, isFair: false, isDone: false };
}

/** A linear congruential generator (Numerical Recipes). */
function makeDraw(seed: number): Draw {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** One process after the other, in one place: as soon as one dies the next one starts. */
async function work(world: World): Promise<void> {
  const store = await openStore(bench.database.connection, {
    ...{ maxConnections: 4, migrate: false },
    onError: () => {},
  });
  const { db } = store;
  const deps = makeAdvanceDeps(db, () => []);
  try {
    while (!world.isDone) {
      const id = await bench.addProcess();
      if (await live(id)) break;
      world.crashes++;
      world.dead.push(id);
    }
  } finally {
    await store.close();
  }

  /** True: all is done; false: it died. */
  async function live(owner: string): Promise<boolean> {
    while (!world.isDone) {
      const stage = stageNames[world.draw(stageNames.length)] ?? "plan";
      const claims: Claim[] = [];
      try {
        for await (const claim of claimWork(db, owner, stage, 1 + world.draw(3))) {
          const key = `${claim.subtaskId ?? claim.taskId}@${claim.epoch}`;
          expect(world.claimed, "nobody else has this claim").not.toContain(key);
          world.claimed.add(key);
          claims.push(claim);
        }
      } catch (error) {
        if (!isDatabaseAway(error)) throw error;
        return false; // What it claimed meanwhile it does not know.
      }
      if (!world.isFair && world.draw(25) === 0) return false;
      await Promise.all(claims.map((claim) => report(owner, claim)));
      if (claims.length === 0) await pause(5);
    }
    return true;
  }

  async function report(owner: string, claim: Claim): Promise<void> {
    const outcome = makeOutcome(world, claim.stage);
    const send = async (): Promise<"applied" | "stale"> => {
      for (;;) {
        try {
          return await advance(deps, owner, claim, outcome);
        } catch (error) {
          if (!isDatabaseAway(error)) throw error; // Whether it was written is not known: once more.
        }
      }
    };
    if (world.draw(4) > 0) return void (await send());
    world.twice++;
    const answers = await Promise.all([send(), send()]);
    expect(answers.filter((answer) => answer === "applied").length).toBeLessThanOrEqual(1);
  }
}

function makeOutcome({ draw, isFair }: World, stage: StageName) {
  const isWell = isFair || draw(3) > 0;
  if (stage === "plan")
    return planned([{}, { dependsOn: ["s0"] }, {}, { dependsOn: ["s0", "s2"] }]);
  if (stage === "recover") return decided("retry");
  if (isWell) return success(stage);
  if (stage === "execute") return attempted({ reason: "crashed" });
  if (stage === "verify") return { kind: "verified", verdict: verdict("fail") } as const;
  if (stage === "integrate") return { kind: "gate_failed", verdict: verdict("fail") } as const;
  return success(stage);
}

/** What the reconciler does with the claims of the dead. */
async function handBack(world: World): Promise<void> {
  for (const owner of world.dead.splice(0)) {
    for (const claim of await retried(() => listClaimsOf(bench.db, owner)))
      await retried(() => releaseLostLease(bench.deps, { claim, owner }, "its process died"));
  }
}

/** The connections of the processes that work, in whatever they do. */
async function breakConnections(world: World): Promise<void> {
  while (!world.isFair && !world.isDone) {
    await pause(60);
    const [row] = await bench.database.query<{ cut: boolean }>(
      `select pg_terminate_backend(pid) as cut from pg_stat_activity
       where datname = current_database() and application_name = 'deputy' and state <> 'idle'
       order by random() limit 1`,
    );
    if (row?.cut) world.cut++;
  }
}

async function speakUp(world: World, ids: readonly string[]): Promise<void> {
  const paused = new Set<string>();
  while (!world.isDone) {
    const id = ids[world.draw(ids.length)] ?? "";
    const isPause = !world.isFair && world.draw(2) === 0;
    if (isPause) await asked(() => pauseTask(bench.deps, id));
    if (isPause) paused.add(id);
    await asked(() => sayToTask(bench.deps, id, "Keep the names", null));
    for (const one of paused) if (world.isFair || world.draw(2) === 0) await resume(one);
    if (world.draw(4) === 0) await asked(() => retryTask(bench.deps, id));
    await pause(10);
  }
  async function resume(id: string): Promise<void> {
    await asked(() => resumeTask(bench.deps, id));
    paused.delete(id);
  }
}

/** What cannot be asked for now is refused in words. */
async function asked(command: () => Promise<unknown>): Promise<void> {
  try {
    await retried(command);
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
  }
}

/** Until it is not cut: a repeated command is refused or does nothing. */
async function retried<Value>(ask: () => Promise<Value>): Promise<Value> {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof DeputyError || !isDatabaseAway(error)) throw error;
    }
  }
}

/** The log tells each thing once, in order, and the rows say the same. */
async function expectToldOnce(id: string): Promise<void> {
  const events = await listEvents(bench.db, id, 0, 100_000);
  const seqs = events.map(({ seq }) => seq);
  expect(new Set(seqs).size).toBe(seqs.length);
  const of = (type: string) => events.filter((event) => event.type === type);
  const attempts = await listAttempts(bench.db, { taskId: id });
  const started = of("attempt.started").map(({ attemptId }) => attemptId);
  const ended = of("attempt.ended").map(({ attemptId }) => attemptId);
  expect(started.toSorted()).toEqual(attempts.map((attempt) => attempt.id).toSorted());
  expect(ended.toSorted()).toEqual(started.toSorted());
  expect(attempts.every(({ endedAt }) => endedAt !== null)).toBe(true);
  const subtasks = await listSubtasks(bench.db, id);
  for (const subtask of subtasks) {
    const own = attempts.filter(({ subtaskId }) => subtaskId === subtask.id);
    const numbers = own.map(({ number }) => number).toSorted((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    const completed = of("subtask.completed").filter(({ subtaskId }) => subtaskId === subtask.id);
    expect(completed).toHaveLength(subtask.state === "completed" ? 1 : 0);
  }
  const ends = ["task.completed", "task.failed", "task.cancelled"].flatMap(of);
  expect(ends).toHaveLength(of("task.retried").length + 1);
  expect(of("task.planned")).toHaveLength(1);
}

async function describeStuck(ids: readonly string[]): Promise<string> {
  const all = await Promise.all(ids.map((id) => getTask(bench.db, id)));
  const open = all.filter((task) => task && !isTaskOver(task.state));
  const words = open.map((task) => `${task?.state}: ${JSON.stringify(task?.hold)}`);
  return `after two minutes ${open.length} tasks are not over: ${words.join("; ")}`;
}

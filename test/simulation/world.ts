import { DeputyError } from "../../src/core/base/error.ts";
import type { Budget } from "../../src/core/budget/budget.ts";
import { isTaskOver } from "../../src/core/task/lifecycle.ts";
import {
  type Claim,
  type Outcome,
  type StageName,
  stageNames,
} from "../../src/core/task/outcome.ts";
import type { QuestionKind } from "../../src/core/task/question.ts";
import type { Subtask, Task } from "../../src/core/task/task.ts";
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
import { changeOrigin } from "../../src/orchestrator/questions/approval-question.ts";
import { claimSome, leaseMs } from "../../src/orchestrator/runner/claim.ts";
import { releaseExpiredLease, releaseLostLease } from "../../src/orchestrator/runner/repair.ts";
import { type AdvanceDeps, advance } from "../../src/orchestrator/transitions/advance.ts";
import { makeAnnounce } from "../../src/orchestrator/transitions/announce.ts";
import { waitForSlot } from "../../src/orchestrator/transitions/stage-retry.ts";
import { decideNext } from "../../src/recovery/recover-subtask.ts";
import { attempted, plainTask } from "../support/orchestrator.ts";
import type { Clock } from "./clock.ts";
import { type MemoryStore, makeMemoryStore } from "./memory-store.ts";
import {
  anywhere,
  outcomes,
  type Report,
  type Reported,
  red,
  subplanned,
  well,
} from "./outcomes.ts";

/**
 * A world in memory: tasks, processes that claim and report, people who ask for things, and a clock.
 * What changes the tasks are the daemon's own transitions; the rest is drawn. A step is data, so that
 * a story can be printed, kept, and told again.
 */
export type Step =
  | { do: "claim"; stage: StageName; by: number; limit: number }
  /** One process looks for work now and claims what it found later. */
  | { do: "look"; stage: StageName; by: number; limit: number }
  | { do: "claim_found" }
  | { do: "report"; which: number; how: number; n: number }
  /** A claim that was reported, lost or given up is reported once more. */
  | { do: "report_again"; which: number; how: number; n: number }
  | { do: "crash"; by: number }
  | { do: "reap" }
  | { do: "hang"; which: number }
  | { do: "time"; ms: number }
  | { do: "expire" }
  | { do: "spend"; task: number; turns: number }
  | { do: "freeze" }
  | { do: "thaw" }
  /** `words` null: some that fit the question. */
  | {
      do: "answer";
      task: number;
      which: number;
      words: string | null;
      speaker: "person" | "agent";
    }
  | { do: "ask"; task: number; name: CommandName; n: number }
  | { do: "submit"; settings: TaskSettings };

/** A claim that a process works on. */
type Held = { claim: Claim; owner: string; isHung: boolean };

export type TaskSettings = {
  /** A person has to approve it before anything runs. */
  approval: boolean;
  planApproval: boolean;
  turns: number | null;
  /** It is about what other tasks are about, of which one is open at a time. */
  subject: boolean;
  /** Its agents do their work badly, again and again. */
  isHard: boolean;
  /** A person is asked about what recovery cannot finish. */
  asksWhenStuck: boolean;
};

export type World = {
  store: MemoryStore;
  deps: AdvanceDeps;
  clock: Clock;
  taskIds: string[];
  hard: Set<string>;
  /** By merge commit: the head that it was made on. */
  parents: Map<string, string>;
  /** The processes that live. */
  owners: string[];
  dead: string[];
  inHand: Held[];
  past: Held[];
  found: { owner: string; stage: StageName; candidates: Candidate[] } | null;
  /** Attempts whose executor has reported, in whatever way: it does so once. */
  spoken: Set<string>;
  /** What became of the last report. */
  lastAnswer: "applied" | "stale";
  /** Counts whatever happens once: commits, sessions. */
  counter: number;
  seen: (what: string) => void;
};
type Candidate = { taskId: string; subtaskId: string | null };

const commands = {
  pause: ({ deps }, id) => pauseTask(deps, id),
  resume: ({ deps }, id) => resumeTask(deps, id),
  cancel: ({ deps }, id) => cancelTask(deps, id),
  retry: ({ deps }, id) => retryTask(deps, id),
  say: ({ deps }, id, n) => sayToTask(deps, id, "Keep the names", n % 2 === 0 ? null : "s0"),
  comment: ({ deps }, id, n) =>
    commentOnTask(deps, id, { place: "a.ts:1", text: "Shorter" }, `s${n % 3}`),
  accept: ({ deps }, id) => recordHandover(deps, id, "task.accepted", "Accepted"),
  rollback: ({ deps }, id) => recordHandover(deps, id, "task.rolled_back", "Rolled back"),
  discard: ({ deps }, id) => recordHandover(deps, id, "task.discarded", "Discarded"),
  edit: ({ deps }, id, n) =>
    changeOrigin(deps, id, {
      what: "mallory edited it",
      mayWrite: n % 3 === 0,
      outsideText: n % 2 ? `text ${n}` : null,
    }),
} as const satisfies Record<string, (world: World, id: string, n: number) => Promise<unknown>>;
export type CommandName = keyof typeof commands;
export const commandNames = Object.keys(commands) as CommandName[];

const startOfTime = Date.UTC(2026, 0, 1);
/** What a person may answer, the first of it so that the work goes on. */
export const fittingWords: Record<QuestionKind, readonly string[]> = {
  question: ["the second"],
  permission: ["the second"],
  approval: ["yes", "yes", "no"],
  plan: ["approve", "smaller", "cancel"],
  review: ["accept", "review", "the second"],
  judges: ["accept", "without", "the second"],
  pause: ["resume"],
  stuck: ["retry", "retry", "write it otherwise", "give up"],
  budget: ["+100 turns", "+2 turns", "no", "no"],
};

const ownersAtOnce = 3;
const maxPast = 8;
const maxTasks = 5;

export function makeWorld(
  settings: readonly TaskSettings[],
  clock: Clock,
  seen: World["seen"],
): World {
  clock.set(startOfTime);
  const store = makeMemoryStore();
  const deps = { transact: store.transact, announce: makeAnnounce(() => []) };
  const world: World = {
    ...{
      store,
      deps,
      clock,
      seen,
      counter: 0,
      taskIds: [],
      owners: [],
      dead: [],
      inHand: [],
      past: [],
    },
    found: null,
    hard: new Set(),
    spoken: new Set(),
    parents: new Map(),
    lastAnswer: "applied",
  };
  for (let i = 0; i < ownersAtOnce; i++) world.owners.push(addProcess(world));
  for (const one of settings) submit(world, one);
  return world;
}

function addProcess(world: World): string {
  const { store } = world;
  const id = `prc_${++world.counter}`;
  store.processes.add(id);
  return id;
}

function submit(world: World, settings: TaskSettings): void {
  // Intake refuses a task about what another one is at work on.
  const isBusy = [...world.store.tasks.values()].some(
    ({ origin, state }) => origin.subject !== null && !isTaskOver(state),
  );
  const subject = settings.subject && !isBusy;
  const task = makeTask(`task_${++world.counter}`, { ...settings, subject });
  if (settings.isHard) world.hard.add(task.id);
  world.store.createTask(task);
  world.taskIds.push(task.id);
}

function makeTask(id: string, settings: TaskSettings): Task {
  const { approval, asksWhenStuck, planApproval, subject, turns } = settings;
  const now = new Date();
  const question = { kind: "question", questionId: `que_of_${id}` } as const;
  const free = { ...waitForSlot("plan"), reason: "waiting for a free planner" };
  const budget: Budget | null = turns === null ? null : { turns };
  return {
    ...plainTask,
    ...{ id, epoch: 0, preparation: null, headCommit: null, branch: null, budget },
    ...{ state: approval ? "waiting" : "queued", hold: approval ? question : free },
    approval: planApproval ? "plan" : "none",
    ...{ whenStuck: asksWhenStuck ? "ask" : "fail", takenBack: 0, gateVerdict: null },
    origin: { ...plainTask.origin, subject: subject ? "github:acme/app#1" : null },
    ...{ deliveredCommit: null, deliveryUrl: null, endDetail: null, cancelRequestedAt: null },
    ...{ pausedAt: null, acceptedAt: null, rolledBackAt: null, discardedAt: null, prunedAt: null },
    ...{ stageFailures: 0, postponed: 0, createdAt: now, updatedAt: now, endedAt: null },
  };
}

/** Whether there is something for the step to be about. */
export function canTake({ dead, found, inHand, past, store, taskIds }: World, step: Step): boolean {
  switch (step.do) {
    case "claim":
      return stageNames.some(store.hasWork);
    case "look":
      return store.hasWork(step.stage);
    case "claim_found":
      return found !== null;
    case "report":
    case "hang":
      return inHand.length > 0;
    case "report_again":
      return past.length > 0;
    case "reap":
      return dead.length > 0;
    case "freeze":
      return !store.frozen;
    case "thaw":
      return store.frozen;
    case "submit":
      return taskIds.length < maxTasks;
    default:
      return true;
  }
}

/** Takes one step. What a person asks for in vain is refused with a sentence. */
export async function take(world: World, step: Step): Promise<void> {
  const { inHand, owners, past, store } = world;
  switch (step.do) {
    case "claim": {
      // The stage itself where it has work, else the next one that has.
      const first = stageNames.indexOf(step.stage);
      const stage = [...stageNames.slice(first), ...stageNames.slice(0, first)].find(store.hasWork);
      if (stage)
        await claim(world, ownerOf(world, step.by), stage, lookFor(world, stage, step.limit));
      return;
    }
    case "look": {
      const candidates = lookFor(world, step.stage, step.limit);
      world.found = { owner: ownerOf(world, step.by), stage: step.stage, candidates };
      return;
    }
    case "claim_found": {
      const { found } = world;
      world.found = null;
      if (found && owners.includes(found.owner))
        await claim(world, found.owner, found.stage, found.candidates);
      return;
    }
    case "report": {
      const [held] = inHand.splice(step.which % inHand.length, 1);
      if (held) await report(world, held, makeReport(world, held.claim, step.how, step.n));
      return;
    }
    case "report_again": {
      // Every other time one whose executor has said nothing so far: it may have finished late.
      const late = past.filter(
        ({ claim }) => claim.stage === "execute" && !world.spoken.has(claim.attemptId ?? ""),
      );
      const from = step.n % 2 === 0 && late.length > 0 ? late : past;
      const held = from[step.which % from.length];
      if (held) await report(world, held, makeReport(world, held.claim, step.how, step.n), true);
      return;
    }
    case "crash": {
      const owner = ownerOf(world, step.by);
      // Some die right between their executor's report and what would have been made of it.
      if (step.by % 2 === 0)
        for (const held of inHand.filter((one) => one.owner === owner)) handIn(world, held.claim);
      owners.splice(owners.indexOf(owner), 1, addProcess(world));
      world.dead.push(owner);
      giveUp(world, (held) => held.owner === owner);
      return;
    }
    case "reap":
      return reap(world);
    case "hang": {
      const held = inHand[step.which % inHand.length];
      if (held) held.isHung = true;
      return;
    }
    case "time":
      return passTime(world, step.ms);
    case "expire":
      return expire(world);
    case "spend":
      return store.spend(taskOf(world, step.task), step.turns);
    case "submit":
      return submit(world, step.settings);
    case "freeze":
    case "thaw":
      store.frozen = step.do === "freeze";
      return;
    case "answer": {
      const id = taskOf(world, step.task);
      const open = store.questionsOf(id).filter(({ answeredAt }) => answeredAt === null);
      const question = open[step.which % open.length];
      const named = step.which % 3 === 0 ? null : (question?.id ?? null);
      const fitting = question ? fittingWords[question.kind] : ["yes"];
      const words = step.words ?? fitting[(step.which >> 2) % fitting.length] ?? "yes";
      await ask(world, `answer ${question?.kind ?? "nothing"}`, id, () =>
        answerQuestion(world.deps, id, words, named, step.speaker),
      );
      return;
    }
    case "ask": {
      const id = taskOf(world, step.task);
      await ask(world, step.name, id, () => commands[step.name](world, id, step.n));
    }
  }
}

/** What a task is in when something is reported or asked: its state, and whether it is halted. */
function describeSituation({ store }: World, id: string): string {
  const task = store.tasks.get(id);
  const halted = task?.cancelRequestedAt ? ", cancelling" : task?.pausedAt ? ", paused" : "";
  return `${task?.state}${halted}`;
}

async function ask(
  world: World,
  name: string,
  id: string,
  command: () => Promise<unknown>,
): Promise<void> {
  const { seen } = world;
  const situation = describeSituation(world, id);
  try {
    await command();
    seen(`asked: ${name} | ${situation}`);
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    seen(`refused: ${name} | ${situation}`);
  }
}

function ownerOf({ owners }: World, by: number): string {
  return owners[by % owners.length] ?? "";
}

function taskOf({ taskIds }: World, task: number): string {
  return taskIds[task % taskIds.length] ?? "";
}

function lookFor({ store }: World, stage: StageName, limit: number): Candidate[] {
  return store.findCandidates(stage).slice(0, 1 + (limit % 4));
}

async function claim(
  world: World,
  owner: string,
  stage: StageName,
  candidates: Candidate[],
): Promise<void> {
  const { deps, inHand, store } = world;
  const claims = await deps.transact((ledger) =>
    claimSome(ledger, owner, stage, candidates, () => {}),
  );
  for (const one of claims) {
    inHand.push({ claim: one, owner, isHung: false });
    const { attemptId, subtaskId, taskId } = one;
    if (stage !== "execute" || !attemptId || !subtaskId) continue;
    // What the agent's side writes: its session, and what it was told.
    if (++world.counter % 3 > 0 || world.hard.has(taskId))
      store.setSession(attemptId, `ses_${world.counter}`);
    store.deliverMessages(subtaskId, taskId, attemptId);
  }
}

/** The row of a claim. */
export function rowOf({ store }: World, { subtaskId, taskId }: Claim): Task | Subtask | undefined {
  if (subtaskId === null) return store.tasks.get(taskId);
  return store.subtasksOf(taskId).find(({ id }) => id === subtaskId);
}

/** Whether the claim still has its row: what it reports counts. */
function isTheirs(world: World, { claim, owner }: Held): boolean {
  const row = rowOf(world, claim);
  return row?.epoch === claim.epoch && row.hold?.kind === "lease" && row.hold.owner === owner;
}

async function report(
  world: World,
  held: Held,
  { name, outcome }: { name: string; outcome: Outcome },
  isAgain = false,
): Promise<void> {
  const expected = isTheirs(world, held) ? "applied" : "stale";
  const situation = describeSituation(world, held.claim.taskId);
  if (outcome.kind === "attempted" && outcome.reason === "done") handIn(world, held.claim, outcome);
  world.spoken.add(held.claim.attemptId ?? "");
  const answer = await advance(world.deps, held.owner, held.claim, outcome);
  world.lastAnswer = answer;
  if (answer !== expected)
    throw new Error(`a report of ${name} was ${answer}, and its claim says ${expected}`);
  const what = expected === "stale" ? "late or twice" : "reported";
  world.seen(`${what}: ${held.claim.stage} ${name} | ${situation}`);
  if (!isAgain) remember(world, held);
}

/** What an executor writes down on its attempt's row, once, whoever has the subtask by now. */
function handIn(
  { counter, spoken, store }: World,
  { attemptId, stage, subtaskId, taskId }: Claim,
  { detail, discoveries, followUps } = attempted(),
): void {
  const isWork = store
    .subtasksOf(taskId)
    .some(({ id, kind }) => id === subtaskId && kind === "work");
  if (stage !== "execute" || !attemptId || !isWork || spoken.has(attemptId)) return;
  spoken.add(attemptId);
  store.reportDone(attemptId, {
    ...{ detail, discoveries, followUps, commit: `late ${counter}` },
    ...{ snapshotRef: "refs/deputy/attempts/a", outputTail: "", summary: null, confinement: null },
  });
}

function remember({ past }: World, held: Held): void {
  past.push(held);
  if (past.length > maxPast) past.shift();
}

/** Half of the reports say that all is well, and most plans are made, or no task would get far. */
function makeReport(
  world: World,
  claim: Claim,
  how: number,
  n: number,
): { name: string; outcome: Outcome } {
  const { stage } = claim;
  const isHard = how % 16 > 0 && world.hard.has(claim.taskId);
  if (isHard && stage === "verify")
    return { name: "red", outcome: { kind: "verified", verdict: red(n) } };
  if (isHard || how % 2 === 0 || (stage === "plan" && how % 8 !== 1))
    return { name: "well", outcome: succeed(world, claim, n) };
  const choices: Record<string, Report> = {
    ...(stage === "recover"
      ? { decided: () => recover(world, claim, n) }
      : (outcomes[stage] satisfies Record<string, Report>)),
    ...anywhere,
    ...(stage !== "plan" && stage !== "recover" && { work_lost: () => loseWork(world, claim, n) }),
    ...(stage === "verify" && { moved: () => move(world, claim) }),
    ...((stage === "verify" || stage === "integrate" || stage === "deliver") && {
      blamed: () => blame(world, claim, n) ?? succeed(world, claim, n),
    }),
  };
  const names = Object.keys(choices);
  const name = names[(how >> 3) % names.length] ?? "";
  return {
    name,
    outcome: withOwnCommit(world, claim, choices[name]?.(n) ?? succeed(world, claim, n)),
  };
}

/** What a stage reports that does its work; recovery decides as it does. */
export function succeed(world: World, claim: Claim, n: number): Outcome {
  if (claim.stage === "recover") return recover(world, claim, n);
  const refused = isSpent(world, claim.taskId) ? refusedCall[claim.stage] : undefined;
  if (refused) return refused(n);
  const row = rowOf(world, claim);
  if (claim.stage === "execute" && row && "kind" in row && row.kind !== "work")
    return subplanned(n);
  return withOwnCommit(world, claim, well(claim.stage as Reported, n));
}

/** The gate refuses the calls of a task whose money is spent. */
function isSpent({ store }: World, taskId: string): boolean {
  const turns = store.tasks.get(taskId)?.budget?.turns;
  return turns !== undefined && store.turnsOf(taskId) >= turns;
}

const refusedCall: Partial<Record<StageName, Report>> = {
  plan: outcomes.plan.unaffordable,
  execute: () => attempted({ reason: "out_of_budget", question: "More?", commit: null }),
  verify: outcomes.verify.unaffordable,
};

/** Each merge makes another commit, on top of the head. */
function withOwnCommit(world: World, { taskId }: Claim, outcome: Outcome): Outcome {
  if (outcome.kind !== "integrated") return outcome;
  const commit = `merge ${++world.counter}`;
  world.parents.set(commit, world.store.tasks.get(taskId)?.headCommit ?? "");
  return { ...outcome, commit };
}

/** Whether a commit is in the history of a head. */
export function isIn({ parents }: World, commit: string, head: string): boolean {
  for (let at: string | undefined = head; at !== undefined; at = parents.get(at))
    if (at === commit) return true;
  return false;
}

/** The real decision about the real rows. */
function recover(world: World, claim: Claim, n: number): Outcome {
  const row = rowOf(world, claim);
  // A claim that was taken over meanwhile has nothing to decide about, and its report does not count.
  if (!row || !("taskId" in row) || row.state !== "recovering")
    return { kind: "broken", detail: "there is nothing to decide about" };
  const { store } = world;
  const task = store.tasks.get(row.taskId);
  if (!task) throw new Error("the task is gone");
  const subtasks = store.subtasksOf(row.taskId);
  const attempts = subtasks.flatMap(({ id }) => store.attemptsOf(id));
  const decided = decideNext(
    { task, subtask: row, subtasks, attempts },
    {
      ...{ backoffBaseMs: 1_000, chance: 0.5 },
      ...{ failsOver: n % 7 === 0, hasPlanner: n % 11 > 0 },
      merged: n % 2 === 0 ? "Done meanwhile" : null,
      isUnchanged: n % 5 === 0 && !world.hard.has(row.taskId),
      fallbacks: n % 3 === 0 ? [] : [{ agent: "codex", model: null }],
    },
  );
  world.seen(`decided: ${decided.decision.kind} ${decided.decision.rung}`);
  return decided;
}

/** A merge is found to have broken the whole; now and then of a branch that has moved meanwhile. */
function blame(world: World, { taskId }: Claim, n: number): Outcome | null {
  const { parents, store } = world;
  const head = store.tasks.get(taskId)?.headCommit;
  const done = store.subtasksOf(taskId).filter(({ state }) => state === "completed");
  const culprit = done[n % done.length];
  if (!head || !culprit) return null;
  const keys = new Set([culprit.key]);
  const consumers = done.filter(({ dependsOn, key }) => {
    const builds = dependsOn.some((one) => keys.has(one));
    if (builds) keys.add(key);
    return builds;
  });
  const to = `undo ${++world.counter}`;
  parents.set(to, head);
  return {
    ...{ kind: "blamed", from: n % 13 === 0 ? "another head" : head, to, subtaskId: culprit.id },
    ...{ consumerIds: consumers.map(({ id }) => id), check: "npm test" },
    ...{ detail: "the whole is red", evidence: "" },
  };
}

/** What the attempt started from is red, and the head is not. */
function move(world: World, { taskId }: Claim): Outcome {
  const to = world.store.tasks.get(taskId)?.headCommit ?? "";
  return { kind: "moved", to, commit: `moved ${++world.counter}`, detail: "red without it" };
}

function loseWork({ store }: World, { taskId }: Claim, n: number): Outcome {
  const task = store.tasks.get(taskId);
  const lost = task?.headCommit;
  const to = task?.preparation?.baseCommit;
  const done = store.subtasksOf(taskId).filter(({ state }) => state === "completed");
  const head = lost && to && n % 3 > 0 ? { lost, to } : null;
  const subtaskIds = head ? done.map(({ id }) => id) : [];
  return { kind: "work_lost", detail: "the mirror was lost", head, subtaskIds };
}

/** The claims in hand that nobody works on any more. */
function giveUp(world: World, which: (held: Held) => boolean): void {
  for (const held of world.inHand.filter(which)) remember(world, held);
  world.inHand = world.inHand.filter((held) => !which(held));
}

/** Every lease, with the claim that its row says. */
function* leases({ store, taskIds }: World): Generator<{ claim: Claim; owner: string; at: Date }> {
  for (const taskId of taskIds) {
    const task = store.tasks.get(taskId);
    for (const row of task ? [task, ...store.subtasksOf(taskId)] : []) {
      const { epoch, hold } = row;
      if (hold?.kind !== "lease") continue;
      const subtaskId = "taskId" in row ? row.id : null;
      const attemptId = subtaskId && (store.attemptsOf(subtaskId).at(-1)?.id ?? null);
      const stage = stageOfLease[row.state] ?? "plan";
      yield { claim: { stage, taskId, subtaskId, attemptId, epoch }, ...hold, at: hold.expiresAt };
    }
  }
}

const stageOfLease: Partial<Record<string, StageName>> = {
  planning: "plan",
  delivering: "deliver",
  running: "execute",
  verifying: "verify",
  recovering: "recover",
  integrating: "integrate",
};

/** The daemon finds a process dead, and hands its claims back. */
export async function reap(world: World): Promise<void> {
  const owner = world.dead.shift();
  if (owner === undefined) return;
  for (const lost of [...leases(world)].filter((lease) => lease.owner === owner))
    await releaseLostLease(world.deps, lost, "the process that worked on it died");
  world.store.processes.delete(owner);
}

/** The clock goes on, and what is worked on is renewed. */
export function passTime(world: World, ms: number): void {
  world.clock.set(Date.now() + ms);
  for (const held of world.inHand) {
    const { claim } = held;
    const hold = rowOf(world, claim)?.hold;
    if (held.isHung || hold?.kind !== "lease" || !isTheirs(world, held)) continue;
    const expiresAt = new Date(Date.now() + leaseMs);
    world.store.renew(claim.taskId, claim.subtaskId, { ...hold, expiresAt });
  }
}

/** Leases that nobody renewed are given back. */
export async function expire(world: World): Promise<void> {
  for (const { at, ...lost } of [...leases(world)]) {
    if (at.getTime() >= Date.now() || world.dead.includes(lost.owner)) continue;
    const { subtaskId, taskId } = lost.claim;
    const unsound = { taskId, subtaskId, kind: "lease", problem: "the lease ran out" } as const;
    await releaseExpiredLease(world.deps, lost, unsound);
  }
  giveUp(world, (held) => !isTheirs(world, held));
}

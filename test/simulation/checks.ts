import { isSubtaskOver, isTaskOver } from "../../src/core/task/lifecycle.ts";
import type { Attempt, Subtask, Task } from "../../src/core/task/task.ts";
import { maxAttempts } from "../../src/recovery/climb-on.ts";
import { countedKinds } from "../../src/recovery/ladder.ts";
import { maxReplans } from "../../src/recovery/lineage.ts";
import { isMerging, type StoredEvent, stageOf, type Written } from "./memory-store.ts";
import { isIn, type Step, type World } from "./world.ts";

/**
 * What holds after every step, whatever the step was. Each rule is a sentence that is thrown with
 * the row that breaks it. The log of a task is read along, event by event, so that an effect that
 * happens twice is found by what was told of it.
 */
export type Watch = {
  before: Map<string, { task: Task; subtasks: readonly Subtask[] }>;
  attempts: Map<string, readonly Attempt[]>;
  logs: Map<string, Log>;
};

/** What the events of a task say so far. */
type Log = {
  /** The event that ended it; null: it is not over. */
  over: string | null;
  done: Set<string>;
  /** By subtask: its open attempt, and the number of the last one. */
  open: Map<string, string>;
  numbers: Map<string, number>;
  asked: Set<string>;
  /** The late work that was told of, and that was taken over. */
  late: Set<string>;
};

export function startWatch({ store, taskIds }: World): Watch {
  const watch: Watch = { before: new Map(), attempts: new Map(), logs: new Map() };
  for (const id of taskIds) watchTask(store, watch, id);
  return watch;
}

function watchTask(store: World["store"], watch: Watch, id: string): void {
  const log = { over: null, done: new Set<string>(), open: new Map(), numbers: new Map() };
  const asked = new Set(store.questionsOf(id).map((question) => question.id));
  watch.logs.set(id, { ...log, asked, late: new Set() });
  remember(store, watch, id);
}

function remember(store: World["store"], { before }: Watch, id: string): void {
  const task = store.tasks.get(id);
  if (task) before.set(id, { task, subtasks: store.subtasksOf(id) });
}

/** Throws the rule that is broken. `step` is what was just done. */
export function checkWorld(world: World, watch: Watch, step: Step): void {
  const { seen, store, taskIds } = world;
  const written = store.takeWritten();
  if (world.lastAnswer === "stale" && (step.do === "report" || step.do === "report_again"))
    checkLate(world, watch, written);
  for (const { from, to, what } of written.moves) if (from !== to) seen(`${what}: ${from} → ${to}`);
  for (const id of taskIds) {
    if (!watch.before.has(id)) watchTask(store, watch, id);
    const task = store.tasks.get(id);
    const before = watch.before.get(id);
    const log = watch.logs.get(id);
    if (!task || !before || !log) throw new Error("the task is gone");
    const subtasks = store.subtasksOf(id);
    const events = written.events.filter(({ taskId }) => taskId === id).map(({ event }) => event);
    for (const event of events) readEvent(log, event, before.subtasks);
    if (task === before.task && subtasks === before.subtasks) continue;
    checkTask(task, log);
    for (const subtask of subtasks) {
      const attempts = store.attemptsOf(subtask.id);
      const isSame =
        before.subtasks.includes(subtask) && watch.attempts.get(subtask.id) === attempts;
      if (isSame) continue;
      watch.attempts.set(subtask.id, attempts);
      checkSubtask(subtask, attempts, log);
    }
    const isKept = ({ integratedCommit, state }: Subtask) =>
      state !== "completed" || isIn(world, integratedCommit ?? "", task.headCommit ?? "");
    require(subtasks.every(isKept), "what is finished is in the branch", subtasks);
    require(subtasks.filter(isMerging).length <= 1, "one merge at a time", subtasks);
    const unsound = store.findUnsoundHolds(id);
    require(unsound.length === 0, "every hold is sound", unsound);
    checkChange(before, { task, subtasks }, events, written, step);
    remember(store, watch, id);
  }
}

/** A late report disturbs nobody: all it may do is to be told, and to wake what waits for no one. */
function checkLate({ store, taskIds }: World, { before }: Watch, written: Written): void {
  const types = written.events.map(({ event }) => event.type);
  const isTold = types.includes("attempt.finished_late");
  const rule = "a late report changes nothing but its own record";
  if (!isTold) require(written.moves.length + types.length === 0, rule, written);
  for (const id of taskIds) {
    const then = before.get(id);
    const rows = [store.tasks.get(id), ...store.subtasksOf(id)];
    const worked = [then?.task, ...(then?.subtasks ?? [])].filter(
      (row) => row?.hold?.kind === "lease",
    );
    require(worked.every((row) => rows.includes(row)), rule, worked);
  }
}

function require(holds: boolean, rule: string, row: unknown): asserts holds {
  if (!holds) throw new Error(`${rule}: ${JSON.stringify(row)}`);
}

/** What is true of a task at any time. */
function checkTask(task: Task, log: Log): void {
  require((task.hold === null) === isTaskOver(task.state), "an open task has one hold", task);
  const isPlanned = task.state === "running" || task.state === "delivering";
  require(!isPlanned || (task.preparation && task.headCommit) !== null, "it is prepared", task);
  require((log.over !== null) === isTaskOver(task.state), "its end is told once", task);
  require(log.over === null || log.over === `task.${task.state}`, "the end that is told", task);
}

/** What is true of a subtask at any time. */
function checkSubtask(subtask: Subtask, attempts: readonly Attempt[], log: Log): void {
  const { epoch, firstCountedAttempt, hold, id, state } = subtask;
  require((hold === null) === isSubtaskOver(state), "an open subtask has one hold", subtask);
  require(hasNeeded(subtask), `what is ${state} has what it needs`, subtask);
  require(log.done.has(id) === (state === "completed"), "what is done is told", subtask);
  let counted = 0;
  for (const attempt of attempts) {
    const isOpen = state === "running" && attempt.epoch === epoch;
    require((attempt.endedAt === null) === isOpen, "an attempt ends with its claim", attempt);
    const { decision, number } = attempt;
    if (number >= firstCountedAttempt && decision && countedKinds.has(decision.kind)) counted++;
  }
  require(counted <= maxAttempts, "the budget of attempts is kept", subtask);
  require(subtask.replans <= maxReplans, "a lineage is planned anew twice at most", subtask);
}

function hasNeeded({ baseCommit, commit, ending, state }: Subtask): boolean {
  switch (state) {
    case "ready":
    case "running":
      return baseCommit !== null;
    case "verifying":
    case "integrating":
      return commit !== null;
    case "recovering":
      return ending !== null;
    default:
      return true;
  }
}

/** What is true of a change, from one step to the next. */
function checkChange(
  before: { task: Task; subtasks: readonly Subtask[] },
  after: { task: Task; subtasks: readonly Subtask[] },
  events: readonly StoredEvent[],
  { woken }: Written,
  step: Step,
): void {
  const { task } = after;
  const isAsked = step.do === "ask" || step.do === "answer";
  const told = (type: string, id: string) =>
    events.some((event) => event.type === type && event.subtaskId === id);
  require(task.epoch >= before.task.epoch, "an epoch never falls", task);
  require(task.budget === before.task.budget || isAsked, "a person alone grants money", task);
  const isHalted = before.task.pausedAt !== null || before.task.cancelRequestedAt !== null;
  require(!(
    isHalted && task.epoch > before.task.epoch
  ), "nothing of a task is claimed that is paused or cancelled", task);
  checkWoken(before.task, task, task.id, woken);
  const earlier = new Map(before.subtasks.map((subtask) => [subtask.id, subtask]));
  for (const subtask of after.subtasks) {
    const { id } = subtask;
    const past = earlier.get(id);
    if (subtask === past) continue;
    checkWoken(past, subtask, task.id, woken);
    if (!past) continue;
    const isReopened = ["subtask.retried", "subtask.reworked", "subtask.blamed"].some((type) =>
      told(type, id),
    );
    require(subtask.epoch >= past.epoch, "an epoch never falls", subtask);
    require(!(
      isHalted && subtask.epoch > past.epoch
    ), "nothing of a task is claimed that is paused or cancelled", subtask);
    require(past.state !== "completed" ||
      subtask.state === "completed" ||
      isReopened, "finished work stays finished", subtask);
    require(subtask.firstCountedAttempt === past.firstCountedAttempt ||
      isReopened, "attempts are counted anew only where it is told", subtask);
    const isMerged = told("subtask.completed", id) && subtask.state === "completed";
    require(!isMerged ||
      task.headCommit === subtask.integratedCommit, "a merge moves the branch", subtask);
    const isStarted = told("subtask.ready", id);
    if (isStarted) checkStart(subtask, before, after);
  }
  for (const { id, state } of before.subtasks) {
    const isMergeOver = state === "integrating" && earlier.get(id)?.hold?.kind === "lease";
    const now = after.subtasks.find((one) => one.id === id);
    if (!isMergeOver || now?.hold?.kind === "lease") continue;
    const next = after.subtasks.find(
      (one) =>
        one.state === "integrating" &&
        one.hold?.kind !== "lease" &&
        one.hold?.kind !== "question" &&
        one.hold?.kind !== "wake",
    );
    require(!next || woken.has(`integrate ${task.id}`), "the next merge is woken", next);
  }
}

/** What may be claimed from now on is woken in the same step, or only the clock would find it. */
function checkWoken(
  before: Task | Subtask | undefined,
  after: Task | Subtask,
  taskId: string,
  woken: ReadonlySet<string>,
): void {
  const { hold } = after;
  const stage = stageOf(after);
  if (!stage || hold === before?.hold || (hold?.kind !== "dependency" && hold?.kind !== "wake"))
    return;
  // Only set anew: the same wait, written once more, was woken before.
  if (before?.state === after.state && JSON.stringify(hold) === JSON.stringify(before.hold)) return;
  const isLater = hold.kind === "wake" && hold.at.getTime() > Date.now();
  const when = isLater ? " later" : "";
  require(woken.has(`${stage} ${taskId}${when}`), "what may start is woken", after);
}

/** A subtask starts once all that it depends on is merged, and nobody writes the same files. */
function checkStart(
  subtask: Subtask,
  before: { subtasks: readonly Subtask[] },
  { subtasks, task }: { task: Task; subtasks: readonly Subtask[] },
): void {
  const states = new Map(subtasks.map(({ key, state }) => [key, state]));
  const isMet = subtask.dependsOn.every((key) => states.get(key) === "completed");
  require(isMet, "what a subtask depends on is merged when it starts", subtask);
  require(subtask.baseCommit === task.headCommit, "it starts at the head of the branch", subtask);
  const rivals = before.subtasks.filter(
    ({ id, state, writes }) =>
      id !== subtask.id &&
      isActive({ state }) &&
      writes.some((path) => subtask.writes.includes(path)) &&
      subtasks.some((one) => one.id === id && isActive(one)),
  );
  require(rivals.length === 0, "nobody else writes the same files", rivals);
}

function isActive({ state }: Pick<Subtask, "state">): boolean {
  return state !== "blocked" && !isSubtaskOver(state);
}

/** After the end of a task its log has only these, and some of them open it again. */
const afterEnd = new Set([
  ...["task.commented", "task.accepted", "task.rolled_back", "task.discarded", "task.restored"],
  ...["task.origin_changed", "hold.repaired"],
]);
const reopens = new Set(["task.retried", "subtask.retried", "subtask.reworked"]);

/** `before`: the subtasks before the step; a comment may open one again right after a delivery. */
function readEvent(log: Log, event: StoredEvent, before: readonly Subtask[]): void {
  const { attemptId, data, subtaskId, type } = event;
  const id = subtaskId ?? "";
  const question = String(data.question_id ?? "");
  if (reopens.has(type)) log.over = null;
  require(log.over === null || afterEnd.has(type), `after ${log.over} nothing happens`, event);
  switch (type) {
    case "attempt.started":
      require(!log.open.has(id), "one attempt of a subtask runs at a time", event);
      require(data.number === (log.numbers.get(id) ?? 0) + 1, "attempts are numbered", event);
      require(!log.done.has(id), "what is finished is not attempted", event);
      if (data.takes_over !== undefined) {
        const taken = `${id} takes ${data.takes_over}`;
        require(!log.late.has(taken), "late work is used once", event);
        log.late.add(taken);
      }
      log.open.set(id, attemptId ?? "");
      log.numbers.set(id, Number(data.number));
      return;
    case "attempt.finished_late":
      require(!log.late.has(attemptId ?? ""), "late work is told of once", event);
      require(log.open.get(id) !== attemptId, "it was given up before", event);
      log.late.add(attemptId ?? "");
      return;
    case "attempt.ended":
      require(log.open.get(id) === attemptId, "an attempt ends once, after its start", event);
      log.open.delete(id);
      return;
    case "verdict.reached":
    case "recovery.decided":
    case "subtask.ready":
    case "subtask.reworked":
    case "subtask.failed":
      require(!log.open.has(id), `${type} comes when no attempt runs`, event);
      log.done.delete(id);
      return;
    case "subtask.retried":
    case "subtask.blamed":
      log.done.delete(id);
      return;
    case "subtask.completed":
      require(!log.done.has(id) && !log.open.has(id), "a subtask is integrated once", event);
      log.done.add(id);
      return;
    case "question.asked":
      require(!log.asked.has(question), "a question is asked once", event);
      log.asked.add(question);
      return;
    case "question.answered":
      require(log.asked.delete(question), "an open question is answered, once", event);
      return;
    case "task.completed":
      require(before.every(
        ({ state }) => state === "completed" || state === "superseded",
      ), "a task is delivered when all of it is done", before);
      log.over = type;
      return;
    case "task.failed":
    case "task.cancelled":
      log.over = type;
  }
}

import { invariant } from "../../src/core/base/invariant.ts";
import type { Spent } from "../../src/core/budget/budget.ts";
import { decideSubtaskMove, decideTaskMove, holdWhenPlanned } from "../../src/core/ledger/move.ts";
import type {
  NewEvent,
  TaskLedger,
  Transact,
  UnsoundHold,
} from "../../src/core/ledger/task-ledger.ts";
import { isFrozenStage } from "../../src/core/task/freeze.ts";
import { type Hold, slot } from "../../src/core/task/hold.ts";
import { isSubtaskOver, isTaskOver } from "../../src/core/task/lifecycle.ts";
import type { Message } from "../../src/core/task/message.ts";
import type { StageName } from "../../src/core/task/outcome.ts";
import type { PlanRecord } from "../../src/core/task/plan.ts";
import type { Attempt, DoneReport, Subtask, Task } from "../../src/core/task/task.ts";
import type { Question } from "../../src/core/task/task-detail.ts";
import { isFree } from "../../src/orchestrator/runner/claim.ts";
import { subtaskStateOf, taskStatesOf } from "../../src/store/tasks/claims.ts";

/**
 * The rows of tasks in memory, behind the ledger that the daemon's own transitions write through. A
 * row is a value: it is replaced, never changed, so what was read before a write stays what it was,
 * as it does with a database. A transition that throws is undone as a whole. The clock is `Date`,
 * which the test sets. One transition runs at a time, as the lock of a task's row makes it.
 */
export type MemoryStore = {
  transact: Transact;
  tasks: ReadonlyMap<string, Task>;
  subtasksOf(taskId: string): readonly Subtask[];
  attemptsOf(subtaskId: string): readonly Attempt[];
  questionsOf(taskId: string): readonly Question[];
  messagesOf(taskId: string): readonly MemoryMessage[];
  eventsOf(taskId: string): readonly StoredEvent[];
  /** What was written, beside rows, since this was asked last. */
  takeWritten(): Written;
  /** Inserts a task as `createTasks` does. */
  createTask(task: Task): void;
  /** Whether a stage has anything to claim, without looking at all of it. */
  hasWork(stage: StageName): boolean;
  /** Rows that a stage may claim, longest waiting first. */
  findCandidates(stage: StageName): { taskId: string; subtaskId: string | null }[];
  findUnsoundHolds(taskId: string): UnsoundHold[];
  /** What the parts outside the transitions write: the heartbeat, the agents, the gate. */
  renew(taskId: string, subtaskId: string | null, hold: Hold): void;
  setSession(attemptId: string, sessionId: string): void;
  reportDone(attemptId: string, report: DoneReport): void;
  deliverMessages(subtaskId: string, taskId: string, attemptId: string): void;
  spend(taskId: string, turns: number): void;
  turnsOf(taskId: string): number;
  processes: Set<string>;
  frozen: boolean;
};

type MemoryMessage = Message & { taskId: string; key: string | null; bodyHash: string | null };
export type StoredEvent = Required<NewEvent> & { id: string };
export type Move = { what: "task" | "subtask"; id: string; from: string; to: string };
export type Written = {
  events: { taskId: string; event: StoredEvent }[];
  moves: Move[];
  /** `stage task` for each stage that was woken, and `stage task later`. */
  woken: Set<string>;
  writes: number;
};

const nothing: Spent = { usd: 0, tokens: 0, turns: 0, minutes: 0, unpricedCalls: 0 };

/** The stage that comes by for a row in a state. */
const stageOfTask = new Map<string, StageName>(
  Object.entries(taskStatesOf).flatMap(([stage, states]) =>
    states.map((state): [string, StageName] => [state, stage as StageName]),
  ),
);
const stageOfSubtask = new Map<string, StageName>(
  Object.entries(subtaskStateOf).map(([stage, state]) => [state, stage as StageName]),
);

/** The stage that may claim a row, by its state. */
export function stageOf(row: Task | Subtask): StageName | undefined {
  return "taskId" in row ? stageOfSubtask.get(row.state) : stageOfTask.get(row.state);
}

export function isMerging({ hold, state }: Pick<Task | Subtask, "hold" | "state">): boolean {
  return state === "integrating" && hold?.kind === "lease";
}

export function makeMemoryStore(): MemoryStore {
  const tasks = new Map<string, Task>();
  const subtasks = new Map<string, readonly Subtask[]>();
  const attempts = new Map<string, readonly Attempt[]>();
  const subtaskOfAttempt = new Map<string, string>();
  const questions = new Map<string, readonly Question[]>();
  const taskOfQuestion = new Map<string, string>();
  const plans = new Map<string, readonly PlanRecord[]>();
  const messages = new Map<string, readonly MemoryMessage[]>();
  const spent = new Map<string, Spent>();
  const events = new Map<string, StoredEvent[]>();
  /** When a row's hold was set, as a position among all that were. */
  const heldSince = new Map<string, number>();
  let holdsSet = 0;
  let made = 0;
  const nextId = (prefix: string) => `${prefix}_${++made}`;
  let undo: (() => void)[] | null = null;
  let written = makeWritten();

  function makeWritten(): Written {
    return { events: [], moves: [], woken: new Set(), writes: 0 };
  }

  const put = <Value>(map: Map<string, Value>, key: string, value: Value): void => {
    const before = map.get(key);
    const had = map.has(key);
    undo?.push(() => {
      if (had) map.set(key, before as Value);
      else map.delete(key);
    });
    written.writes++;
    map.set(key, value);
  };
  const add = <Value>(map: Map<string, readonly Value[]>, key: string, value: Value): void =>
    put(map, key, [...(map.get(key) ?? []), value]);
  const change = <Value extends { id: string }>(
    map: Map<string, readonly Value[]>,
    key: string,
    id: string,
    set: (value: Value) => Value,
  ): void =>
    put(
      map,
      key,
      (map.get(key) ?? []).map((one) => (one.id === id ? set(one) : one)),
    );
  const noteHold = (id: string): void => put(heldSince, id, ++holdsSet);

  const attemptOf = (id: string): Attempt | null =>
    attempts.get(subtaskOfAttempt.get(id) ?? "")?.find((one) => one.id === id) ?? null;
  const setAttempt = (id: string, set: Partial<Attempt>): void =>
    change(attempts, subtaskOfAttempt.get(id) ?? "", id, (one) => ({ ...one, ...set }));
  const locked = (id: string): { task: Task; subtasks: Subtask[] } | null => {
    const task = tasks.get(id);
    return task ? { task, subtasks: [...(subtasks.get(id) ?? [])] } : null;
  };
  const latestOf = (subtaskId: string): Attempt | null => attempts.get(subtaskId)?.at(-1) ?? null;

  const ledger: TaskLedger = {
    lockTask: async (id) => {
      const found = locked(id);
      return found && { ...found, now: new Date() };
    },
    lockTasks: async (ids, { withSubtasks }) => {
      const found = [...new Set(ids)].sort().flatMap((id) => locked(id) ?? []);
      const parts = withSubtasks ? found.flatMap((one) => one.subtasks) : [];
      return {
        tasks: new Map(found.map(({ task }) => [task.id, task])),
        subtasks: new Map(parts.map((one) => [one.id, one])),
        now: new Date(),
        garbled: new Map(),
      };
    },
    lockTaskRow: async () => {},
    getTask: async (id) => tasks.get(id) ?? null,
    listSubtasks: async (id) => [...(subtasks.get(id) ?? [])],
    findActiveTask: async (subject) =>
      [...tasks.values()].find(
        ({ origin, state }) => origin.subject === subject && !isTaskOver(state),
      )?.id ?? null,
    findUnsoundHolds: async () => [...tasks.keys()].flatMap(findUnsoundHolds),

    moveTask: async (task, to, hold, set = {}, options = {}) => {
      const stored = tasks.get(task.id);
      invariant(stored?.epoch === task.epoch, `task ${task.id} was locked, so its epoch holds`);
      const moved = Object.assign(
        { ...stored },
        set,
        decideTaskMove(task, to, hold, options, new Date()),
      );
      written.moves.push({ what: "task", id: task.id, from: stored.state, to });
      put(tasks, task.id, moved);
      noteHold(task.id);
      return moved;
    },
    moveSubtask: async (subtask, to, hold, set = {}, options = {}) => {
      const { id, taskId } = subtask;
      const stored = subtasks.get(taskId)?.find((one) => one.id === id);
      invariant(stored?.epoch === subtask.epoch, `the epoch of subtask ${id} holds`);
      const moved = Object.assign(
        { ...stored },
        set,
        decideSubtaskMove(subtask, to, hold, options, new Date()),
      );
      written.moves.push({ what: "subtask", id, from: stored.state, to });
      change(subtasks, taskId, id, () => moved);
      noteHold(id);
      return moved;
    },
    insertSubtask: async (subtask) => {
      const now = new Date();
      add(subtasks, subtask.taskId, {
        ...{ lineage: null, replans: 0, ...subtask },
        ...{ state: "blocked", hold: holdWhenPlanned(subtask.taskId), epoch: 0 },
        ...{ baseCommit: null, commit: null, integratedCommit: null, verdict: null },
        ...{ gateVerdict: null, feedback: null, answers: [], acceptedJudges: [] },
        ...{ withoutPaths: [], ending: null, endDetail: null, fallback: null, sessionId: null },
        ...{ firstCountedAttempt: 1, stageFailures: 0, postponed: 0 },
        ...{ createdAt: now, updatedAt: now },
      });
      noteHold(subtask.id);
    },

    insertAttempt: async (attempt) => {
      const inserted: Attempt = {
        ...attempt,
        ...{ startedAt: new Date(), endedAt: null, endReason: null, failure: null, detail: null },
        ...{ outputTail: null, commit: null, snapshotRef: null, summary: null, question: null },
        ...{ discoveries: [], followUps: [], verdict: null, gateVerdict: null, decision: null },
        ...{ logPath: null, confinement: null, signs: null, report: null },
      };
      put(subtaskOfAttempt, attempt.id, attempt.subtaskId);
      add(attempts, attempt.subtaskId, inserted);
      return inserted;
    },
    getAttempt: async (id) => attemptOf(id),
    getLatestAttempt: async (id) => latestOf(id),
    listLatestAttempts: async (ids) =>
      new Map(
        ids.flatMap((id): [string, Attempt][] => {
          const latest = latestOf(id);
          return latest ? [[id, latest]] : [];
        }),
      ),
    endAttemptRow: async (id, { reason, retryAt: _, ...rest }) => {
      const attempt = attemptOf(id);
      if (!attempt || attempt.endedAt !== null) return null;
      const applied = reason === "done" ? { report: null } : {};
      setAttempt(id, { ...rest, ...applied, endReason: reason, endedAt: new Date() });
      return { number: attempt.number };
    },
    listReported: async (ids) =>
      ids.flatMap((id) => (attempts.get(id) ?? []).filter(({ report }) => report !== null)),
    noteReport: async (id) => {
      const attempt = attemptOf(id);
      if (!attempt?.report || attempt.endedAt === null || attempt.snapshotRef !== null)
        return false;
      setAttempt(id, { snapshotRef: attempt.report.snapshotRef });
      return true;
    },
    takeReport: async (id) => setAttempt(id, { report: null }),
    setOnAttempt: async (id, set) => {
      const attempt = id && attemptOf(id);
      if (!attempt) return null;
      setAttempt(attempt.id, set);
      return { sessionId: attempt.sessionId, baseCommit: attempt.baseCommit };
    },

    insertQuestion: async (question) => {
      put(taskOfQuestion, question.id, question.taskId);
      const at = { askedAt: new Date(), answer: null, answeredAt: null };
      const asked = { ...question, choices: question.choices ?? [], ...at };
      add(questions, question.taskId, asked);
    },
    listQuestions: async (id) => [...(questions.get(id) ?? [])],
    listOpenQuestions: async (id) =>
      (questions.get(id) ?? []).filter(({ answeredAt }) => answeredAt === null),
    setAnswer: async (id, answer) =>
      change(questions, taskOfQuestion.get(id) ?? "", id, (one) => ({
        ...one,
        ...{ answer, answeredAt: new Date() },
      })),

    insertPlan: async (record) =>
      add(plans, record.taskId, {
        ...record,
        ...{ id: nextId("plan"), feedback: null, createdAt: new Date() },
      }),
    listPlans: async (id) => [...(plans.get(id) ?? [])],
    closePlan: async (id, state, feedback) => {
      for (const [taskId, records] of plans)
        if (records.some((one) => one.id === id))
          change(plans, taskId, id, (one) => ({ ...one, state, feedback }));
    },
    closePlanning: async () => {},

    insertMessage: async ({ idempotency, ...message }) =>
      add(messages, message.taskId, {
        ...{ voice: "person" as const, ...message },
        ...{ id: nextId("msg"), sentAt: new Date(), deliveredAt: null, deliveredTo: null },
        ...{ doneBy: null, key: idempotency?.key ?? null, bodyHash: idempotency?.bodyHash ?? null },
      }),
    findMessageKey: async (taskId, key) =>
      messages.get(taskId)?.find((one) => one.key === key)?.bodyHash ?? null,
    listOpenComments: async (id) =>
      (messages.get(id) ?? []).filter(({ doneBy, place }) => place !== null && doneBy === null),
    finishMessages: async (subtaskId, attemptId) =>
      setMessages(
        (one) =>
          one.subtaskId === subtaskId && one.doneBy === null && one.deliveredTo === attemptId,
        { doneBy: attemptId },
      ),
    passMessages: async (from, to) =>
      setMessages((one) => one.deliveredTo === from && one.doneBy === null, { deliveredTo: to }),
    reopenMessages: async (subtaskId) =>
      setMessages((one) => one.subtaskId === subtaskId, { doneBy: null }),
    handDownMessages: async (from, to) => {
      for (const [taskId, all] of messages) {
        const isOpen = (one: MemoryMessage) => one.subtaskId === from && one.doneBy === null;
        const parts = all.filter(isOpen).flatMap((one) =>
          to.map((subtaskId, index) => ({
            ...one,
            ...{ id: nextId("msg"), subtaskId, deliveredAt: null, deliveredTo: null },
            key: index === 0 ? one.key : null,
          })),
        );
        put(messages, taskId, [...all.filter((one) => !isOpen(one)), ...parts]);
      }
    },

    readSpent: async (id) => spent.get(id) ?? nothing,
    forgetUnanswered: async () => {},

    appendEvent: async (taskId, event) => {
      const stored = {
        subtaskId: null,
        attemptId: null,
        data: {},
        ...event,
        id: nextId("evt"),
      };
      const log = events.get(taskId) ?? [];
      events.set(taskId, log);
      log.push(stored);
      undo?.push(() => log.pop());
      written.events.push({ taskId, event: stored });
      return stored.id;
    },
    insertNotifications: async () => {},
    // Without pushes there is nothing that one asks.
    lockAsk: async () => null,
    useAsk: async () => false,
    freeAsk: async () => {},
    findDeciding: async () => null,
    insertDeciding: async () => {},
    deleteDeciding: async () => {},
    wakeStage: async (stage, taskId, _, at) => {
      written.woken.add(`${stage} ${taskId}${at && at.getTime() > Date.now() ? " later" : ""}`);
    },
    notifyCancel: () => {},
    notifyPause: () => {},
    notifyPushes: () => {},
  };

  function setMessages(which: (one: MemoryMessage) => boolean, set: Partial<MemoryMessage>): void {
    for (const [taskId, all] of messages)
      if (all.some(which))
        put(
          messages,
          taskId,
          all.map((one) => (which(one) ? { ...one, ...set } : one)),
        );
  }

  /** What the query of that name finds, except for leases and wakes that are late. */
  function findUnsoundHolds(taskId: string): UnsoundHold[] {
    const task = tasks.get(taskId);
    if (!task || isTaskOver(task.state)) return [];
    const parts = subtasks.get(taskId) ?? [];
    return [task, ...parts].flatMap((row) => {
      const subtaskId = "taskId" in row ? row.id : null;
      const problem = findProblem(row, parts, questions.get(taskId) ?? []);
      return problem && row.hold ? [{ taskId, subtaskId, kind: row.hold.kind, problem }] : [];
    });
  }

  function findProblem(
    row: Task | Subtask,
    parts: readonly Subtask[],
    asked: readonly Question[],
  ): string | null {
    const { hold } = row;
    switch (hold?.kind) {
      case undefined:
        return null;
      case "lease":
        return store.processes.has(hold.owner) ? null : `${hold.owner} is not registered`;
      case "wake":
        return stageOf(row) ? null : `no stage comes by for what is ${row.state}`;
      case "question": {
        const isOpen = asked.some((one) => one.id === hold.questionId && one.answeredAt === null);
        return isOpen ? null : "it waits for the answer to a question that is not open";
      }
      case "dependency": {
        const [first = ""] = hold.on;
        if (first.startsWith(slot(""))) {
          const stage = stageOf(row);
          const isRight = hold.on.length === 1 && stage !== undefined && first === slot(stage);
          return isRight ? null : `nothing comes by at ${first} for what is ${row.state}`;
        }
        const isToCome = parts.some(
          ({ id, state }) =>
            hold.on.includes(id) &&
            (!isSubtaskOver(state) || (state === "failed" && "taskId" in row)),
        );
        return isToCome ? null : `it waits for ${hold.on.join(", ")}: none is still to come`;
      }
    }
  }

  function* findFree(stage: StageName): Generator<Task | Subtask> {
    if (store.frozen && isFrozenStage(stage)) return;
    const now = new Date();
    const ofTask = stage === "plan" || stage === "deliver";
    for (const task of tasks.values()) {
      if (isTaskOver(task.state)) continue;
      const rows = ofTask ? [task] : (subtasks.get(task.id) ?? []);
      // One merge at a time into a task branch.
      if (stage === "integrate" && rows.some(isMerging)) continue;
      for (const row of rows) if (stageOf(row) === stage && isFree(row, stage, now)) yield row;
    }
  }

  const store: MemoryStore = {
    tasks,
    subtasksOf: (id) => subtasks.get(id) ?? [],
    attemptsOf: (id) => attempts.get(id) ?? [],
    questionsOf: (id) => questions.get(id) ?? [],
    messagesOf: (id) => messages.get(id) ?? [],
    eventsOf: (id) => events.get(id) ?? [],
    takeWritten: () => {
      const taken = written;
      written = makeWritten();
      return taken;
    },
    processes: new Set(),
    frozen: false,
    findUnsoundHolds,
    transact: async (work) => {
      invariant(undo === null, "one transition runs at a time");
      const before = written;
      undo = [];
      written = makeWritten();
      try {
        const result = await work(ledger);
        before.events.push(...written.events);
        before.moves.push(...written.moves);
        for (const woken of written.woken) before.woken.add(woken);
        before.writes += written.writes;
        return result;
      } catch (error) {
        for (const back of undo.reverse()) back();
        throw error;
      } finally {
        written = before;
        undo = null;
      }
    },
    createTask: (task) => {
      tasks.set(task.id, task);
      heldSince.set(task.id, ++holdsSet);
      const { hold, id } = task;
      if (hold?.kind !== "question") return;
      taskOfQuestion.set(hold.questionId, id);
      const about = { id: hold.questionId, taskId: id, subtaskId: null, choices: [] as string[] };
      const asked = { kind: "approval", text: "May it run?", answer: null, answeredAt: null };
      questions.set(id, [
        { ...about, askedAt: new Date(), ...(asked as Pick<Question, keyof typeof asked>) },
      ]);
    },
    hasWork: (stage) => !findFree(stage).next().done,
    findCandidates: (stage) =>
      [...findFree(stage)]
        .sort((a, b) => (heldSince.get(a.id) ?? 0) - (heldSince.get(b.id) ?? 0))
        .map((row) =>
          "taskId" in row
            ? { taskId: row.taskId, subtaskId: row.id }
            : { taskId: row.id, subtaskId: null },
        ),
    renew: (taskId, subtaskId, hold) => {
      const task = tasks.get(taskId);
      if (subtaskId) change(subtasks, taskId, subtaskId, (one) => ({ ...one, hold }));
      else if (task) tasks.set(taskId, { ...task, hold });
    },
    setSession: (attemptId, sessionId) => setAttempt(attemptId, { sessionId }),
    reportDone: (attemptId, report) => setAttempt(attemptId, { report }),
    deliverMessages: (subtaskId, taskId, attemptId) => {
      const all = messages.get(taskId);
      if (!all?.some((one) => one.subtaskId === subtaskId && one.doneBy === null)) return;
      const set = { deliveredAt: new Date(), deliveredTo: attemptId };
      messages.set(
        taskId,
        all.map((one) =>
          one.subtaskId === subtaskId && one.doneBy === null ? { ...one, ...set } : one,
        ),
      );
    },
    turnsOf: (id) => spent.get(id)?.turns ?? 0,
    spend: (id, turns) => {
      const now = spent.get(id) ?? nothing;
      spent.set(id, { ...now, turns: now.turns + turns });
    },
  };
  return store;
}

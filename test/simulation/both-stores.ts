import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import type { TaskLedger } from "../../src/core/ledger/task-ledger.ts";
import { listMessages, takeMessages } from "../../src/store/records/messages.ts";
import { readSpent } from "../../src/store/records/spending.ts";
import { createTasks } from "../../src/store/tasks/create-task.ts";
import { makeTransact } from "../../src/store/tasks/ledger.ts";
import { listQuestions } from "../../src/store/tasks/questions.ts";
import { getTask, listAttempts, listEvents, listSubtasks } from "../../src/store/tasks/tasks.ts";
import type { Bench } from "../support/orchestrator.ts";
import type { Beside } from "./simulate.ts";
import type { World } from "./world.ts";

/**
 * The simulation on both stores at once. Each transition runs one time, on a ledger that passes every
 * operation to the store in memory and to PostgreSQL, in one transaction of each, and compares what
 * they answer. After each step the rows are compared as well. So whatever the simulation
 * shows on the store in memory, it would show on PostgreSQL.
 *
 * Not compared: the clocks (the simulation's, and the database's), ids that a store makes itself,
 * and what a query finds by the database's clock (work that is due, holds that are late).
 */
export function besidePostgres({ db, database }: Bench): Beside {
  // What is written beside transitions, in its order: the world does not wait for it.
  let written: Promise<unknown> = Promise.resolve();
  const write = (work: () => Promise<unknown>): void => {
    written = written.then(work);
    written.catch(() => {}); // whoever waits for it next is told
  };
  const query = (sql: string, values: unknown[]) => write(() => database.query(sql, values));
  const planIds = new Map<string, string>();
  const seen = new Map<string, unknown>();

  return {
    join: (world) => {
      const { store } = world;
      const { createTask, deliverMessages, renew, setSession, spend } = store;
      const addProcess = (id: string) =>
        query(
          "insert into processes (id, kind, pid, start_ticks, host) values ($1, 'daemon', 1, '1', 'here')",
          [id],
        );
      const addTask = (task: Parameters<typeof createTask>[0]) => {
        const { hold } = task;
        const approval = hold?.kind === "question" && { ...hold, text: "May it run?" };
        write(() =>
          createTasks(db, [{ task, message: "", idempotency: null, approval: approval || null }]),
        );
      };
      write(() => database.query("truncate tasks, events, outbox, spending, processes cascade"));
      store.processes.forEach(addProcess);
      for (const task of store.tasks.values()) addTask(task);

      const { add } = store.processes;
      store.processes.add = (id) => {
        addProcess(id);
        return add.call(store.processes, id);
      };
      store.createTask = (task) => {
        createTask(task);
        addTask(task);
      };
      store.renew = (taskId, subtaskId, hold) => {
        renew(taskId, subtaskId, hold);
        if (hold.kind !== "lease") return;
        const table = subtaskId ? "subtasks" : "tasks";
        query(`update ${table} set hold_at = $2 where id = $1`, [
          subtaskId ?? taskId,
          hold.expiresAt,
        ]);
      };
      store.setSession = (attemptId, sessionId) => {
        setSession(attemptId, sessionId);
        query("update attempts set session_id = $2 where id = $1", [attemptId, sessionId]);
      };
      store.deliverMessages = (subtaskId, taskId, attemptId) => {
        deliverMessages(subtaskId, taskId, attemptId);
        write(() => takeMessages(db, subtaskId, { id: attemptId, sessionId: null }));
      };
      store.spend = (taskId, turns) => {
        spend(taskId, turns);
        query(
          "insert into spending as s (task_id, calls) values ($1, $2) on conflict (task_id) do update set calls = s.calls + $2",
          [taskId, turns],
        );
      };
      const inMemory = store.transact;
      const inPostgres = makeTransact(db);
      world.deps.transact = async (work) => {
        await written;
        return inMemory((memory) => inPostgres((rows) => work(makePair(memory, rows, planIds))));
      };
    },
    compare: async ({ store, taskIds }: World) => {
      await written;
      for (const id of taskIds) {
        const read = { task: store.tasks.get(id), subtasks: store.subtasksOf(id) };
        const attempts = read.subtasks.flatMap((subtask) => store.attemptsOf(subtask.id));
        const rows = {
          ...read,
          attempts: sortById(attempts),
          questions: sortById(store.questionsOf(id)),
          messages: sortByText(
            store.messagesOf(id).map(({ key: _, bodyHash: __, taskId: ___, ...one }) => one),
          ),
          events: store.eventsOf(id).length,
          spent: store.turnsOf(id),
        };
        // The rows are values: what was not replaced has not changed.
        if (isDeepStrictEqual(seen.get(id), rows)) continue;
        seen.set(id, rows);
        const [created, ...events] = await listEvents(db, id, 0, 100_000);
        expect(created?.type).toBe("task.created");
        const found = {
          task: await getTask(db, id),
          subtasks: await listSubtasks(db, id),
          attempts: sortById(await listAttempts(db, { taskId: id })),
          questions: sortById(await listQuestions(db, id)),
          messages: sortByText(await listMessages(db, id)),
          events: events.length,
          spent: (await readSpent(db, id)).turns,
        };
        expect(normalise(found)).toEqual(normalise(rows));
        const tell = ({ attemptId, data, message, subtaskId, type }: (typeof events)[number]) =>
          normalise({ attemptId, data, message, subtaskId, type });
        expect(events.map(tell)).toEqual(
          store.eventsOf(id).map((event) => tell(event as (typeof events)[number])),
        );
      }
    },
  };
}

/** A ledger of two: both do what is asked of it, and have to answer the same. */
function makePair(memory: TaskLedger, rows: TaskLedger, planIds: Map<string, string>): TaskLedger {
  const compared =
    (name: keyof TaskLedger) =>
    async (...given: never[]) => {
      const ask = (ledger: TaskLedger) => (ledger[name] as (...all: never[]) => unknown)(...given);
      const [answer, other] = await Promise.all([ask(memory), ask(rows)]);
      expect(normalise(other), name).toEqual(normalise(answer));
      return answer;
    };
  const names = Object.keys(memory) as (keyof TaskLedger)[];
  const pair = Object.fromEntries(
    names.map((name) => [name, compared(name)]),
  ) as unknown as TaskLedger;
  return {
    ...pair,
    findUnsoundHolds: memory.findUnsoundHolds,
    appendEvent: async (taskId, event) => {
      const [id] = await Promise.all([
        memory.appendEvent(taskId, event),
        rows.appendEvent(taskId, event),
      ]);
      return id;
    },
    listLatestAttempts: async (ids) => {
      const [found, other] = await Promise.all([
        memory.listLatestAttempts(ids),
        rows.listLatestAttempts(ids),
      ]);
      const pick = (latest: typeof found) =>
        [...latest].map(([id, { id: attempt, number }]) => [id, attempt, number]).sort();
      expect(pick(other)).toEqual(pick(found));
      return found;
    },
    listPlans: async (taskId) => {
      const [plans, others] = await Promise.all([memory.listPlans(taskId), rows.listPlans(taskId)]);
      expect(normalise(others), "listPlans").toEqual(normalise(plans));
      for (const [index, { id }] of plans.entries()) planIds.set(id, others[index]?.id ?? "");
      return plans;
    },
    closePlan: async (id, ...given) => {
      await Promise.all([
        memory.closePlan(id, ...given),
        rows.closePlan(planIds.get(id) ?? id, ...given),
      ]);
    },
  };
}

/** Set by a store, from its own clock: compared is whether they are there. */
const storesOwn = new Set([
  ...["now", "createdAt", "updatedAt", "endedAt", "startedAt", "askedAt", "answeredAt"],
  ...["sentAt", "deliveredAt"],
]);

function normalise(value: unknown, name = ""): unknown {
  if (value === null || value === undefined) return null;
  if (storesOwn.has(name)) return "then";
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, one]) => [key, normalise(one)]));
  if (Array.isArray(value)) return value.map((one) => normalise(one));
  if (typeof value === "string") return value.replace(/^(msg|plan)_\w+$/, "$1");
  if (typeof value !== "object") return value;
  const entries = Object.entries(value).filter(
    ([key, one]) => one !== undefined && key !== "holdSince",
  );
  return Object.fromEntries(entries.map(([key, one]) => [key, normalise(one, key)]));
}

function sortById<Row extends { id: string }>(rows: readonly Row[]): Row[] {
  return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function sortByText(rows: readonly object[]): unknown[] {
  return rows
    .map((row) => JSON.stringify(normalise(row), Object.keys(row).sort()))
    .sort()
    .map((text) => JSON.parse(text));
}

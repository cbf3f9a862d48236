import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { subtaskStates, taskStates } from "../../src/core/task/lifecycle.ts";
import { freezeDeputy, thawDeputy } from "../../src/orchestrator/commands/freeze.ts";
import { findUnsoundHolds } from "../../src/store/tasks/unsound-holds.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());

/** Each kind of hold as columns: what it must carry, and nothing else. */
const holds: Record<string, Record<string, unknown>> = {
  lease: { hold_kind: "lease", hold_owner: "b", hold_at: new Date(), hold_reason: "attempt 1" },
  wake: { hold_kind: "wake", hold_at: new Date(), hold_reason: "backing off" },
  question: { hold_kind: "question", hold_question_id: "que_1" },
  dependency: { hold_kind: "dependency", hold_on: ["slot:plan"], hold_reason: "waiting" },
};
const columns = ["hold_owner", "hold_at", "hold_reason", "hold_question_id", "hold_on"];
const samples: Record<string, unknown> = {
  hold_owner: "b",
  hold_at: new Date(),
  hold_reason: "why",
  hold_question_id: "que_1",
  hold_on: ["slot:plan"],
};
const over = ["completed", "failed", "cancelled", "superseded"];

/** Put a row into a state with exactly these columns of a hold; in a transaction that is undone. */
async function accepts(
  table: "tasks" | "subtasks",
  id: string,
  state: string,
  hold: Record<string, unknown>,
): Promise<boolean> {
  const names = ["hold_kind", ...columns];
  const sets = names.map((name, index) => `${name} = $${index + 3}`).join(", ");
  const values = names.map((name) => hold[name] ?? null);
  try {
    await bench.database.query(`update ${table} set state = $2, ${sets} where id = $1`, [
      id,
      state,
      ...values,
    ]);
    return true;
  } catch (error) {
    expect((error as { constraint?: string }).constraint).toBe(`${table}_has_one_hold`);
    return false;
  }
}

describe.each(["tasks", "subtasks"] as const)("the CHECK constraint of %s", (table) => {
  let id: string;
  beforeAll(async () => {
    await bench.clear();
    const task = await bench.submitPlanned();
    const [row] = await bench.database.query<{ id: string }>(
      `select id from ${table} where ${table === "tasks" ? "id" : "task_id"} = $1`,
      [task],
    );
    id = row?.id ?? "";
  });
  const states = table === "tasks" ? taskStates : subtaskStates;
  const open = states.find((state) => !over.includes(state)) ?? "";

  test("takes exactly one whole hold in an open state, and none in one that is over", async () => {
    for (const state of states) {
      const isOver = over.includes(state);
      expect(await accepts(table, id, state, {}), `${state} without a hold`).toBe(isOver);
      for (const [kind, hold] of Object.entries(holds))
        expect(await accepts(table, id, state, hold), `${state} with ${kind}`).toBe(!isOver);
    }
  });

  test.each(Object.entries(holds))("refuses a %s that lacks a part", async (_, hold) => {
    for (const name of Object.keys(hold)) {
      const { [name]: __, ...rest } = hold;
      expect(await accepts(table, id, open, rest), `without ${name}`).toBe(false);
    }
  });

  test.each(Object.entries(holds))("refuses a %s with a part of another", async (_, hold) => {
    for (const name of columns.filter((column) => !(column in hold))) {
      const two = { ...hold, [name]: samples[name] };
      expect(await accepts(table, id, open, two), `with ${name}`).toBe(false);
    }
  });

  test("refuses an unknown kind and a dependency on nothing", async () => {
    expect(await accepts(table, id, open, { ...holds.wake, hold_kind: "hope" })).toBe(false);
    expect(await accepts(table, id, open, { ...holds.dependency, hold_on: [] })).toBe(false);
    expect(await accepts(table, id, open, holds.wake ?? {})).toBe(true);
  });
});

describe("the checker", () => {
  const set = (table: string, id: string, assignments: string) =>
    bench.database.query(`update ${table} set ${assignments} where id = $1`, [id]);
  const subtaskOf = async (task: string) => {
    const rows = await bench.database.query<{ id: string }>(
      "select id from subtasks where task_id = $1 order by position",
      [task],
    );
    return rows[0]?.id ?? "";
  };
  const problemsOf = async (task: string) =>
    (await findUnsoundHolds(bench.db))
      .filter(({ taskId }) => taskId === task)
      .map(({ kind, problem }) => `${kind}: ${problem}`);
  const none =
    "hold_owner = null, hold_at = null, hold_reason = null, hold_question_id = null, hold_on = null";

  beforeEach(() => bench.clear());

  test("finds nothing in what the orchestrator writes", async () => {
    const task = await bench.submitPlanned([{}, { dependsOn: ["s0"] }]);
    expect(await problemsOf(task)).toEqual([]);
  });

  test.each([
    [
      "a lease of an unknown owner",
      "state = 'running', hold_on = null, hold_kind = 'lease', hold_owner = 'process_gone', hold_at = now() + interval '1 hour'",
      /^lease: the lease belongs to process_gone/,
    ],
    [
      "a wake that is long due while its stage is idle",
      "hold_on = null, hold_kind = 'wake', hold_at = now() - interval '11 minutes'",
      /^wake: the wake was due 00:11/,
    ],
    [
      "a wake in a state that no stage takes up",
      "state = 'blocked', hold_on = null, hold_kind = 'wake', hold_at = now() - interval '11 minutes'",
      /^wake: the wake was due 00:11/,
    ],
    [
      "a question that was never asked",
      "state = 'waiting', hold_on = null, hold_reason = null, hold_kind = 'question', hold_question_id = 'que_none'",
      /^question: it waits for the answer/,
    ],
    [
      "a slot of another stage",
      "hold_on = '{slot:verify}'",
      /^dependency: it waits for slot:verify, where nothing comes by for what is ready/,
    ],
    [
      "a dependency on what is not there",
      "state = 'blocked', hold_on = '{sub_none}'",
      /^dependency: it waits for sub_none, and none of these/,
    ],
  ])("finds %s", async (_, assignments, words) => {
    const task = await bench.submitPlanned();
    await set("subtasks", await subtaskOf(task), assignments);
    const problems = await problemsOf(task);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(words);
  });

  test("finds a lease that its living owner does not renew, and spares one it has not had time to", async () => {
    const task = await bench.submitPlanned();
    const subtask = await subtaskOf(task);
    const lease = `state = 'running', hold_on = null, hold_kind = 'lease', hold_owner = '${bench.processId}', hold_reason = 'x'`;
    const beat = (when: string) =>
      bench.database.query(`update processes set heartbeat_at = ${when} where id = $1`, [
        bench.processId,
      ]);
    await set("subtasks", subtask, `${lease}, hold_at = now() - interval '2 minutes'`);
    await beat("now() - interval '3 minutes'"); // the machine slept
    expect(await problemsOf(task)).toEqual([]);
    await beat("now()");
    expect(await problemsOf(task)).toHaveLength(1);
    await beat("now() - interval '10 minutes'");
    await set("subtasks", subtask, "hold_at = now() - interval '6 minutes'");
    expect(await problemsOf(task)).toHaveLength(1);
    await beat("now()");
    await set("subtasks", subtask, "hold_at = now() + interval '1 second'");
    expect(await problemsOf(task)).toEqual([]);
  });

  test("lets a wake that is due wait while its stage is busy", async () => {
    const busy = await bench.submitPlanned();
    await bench.claim("execute");
    const task = await bench.submitPlanned();
    await set(
      "subtasks",
      await subtaskOf(task),
      "hold_on = null, hold_kind = 'wake', hold_at = now() - interval '1 hour'",
    );
    expect(await problemsOf(task)).toEqual([]);
    await set("subtasks", await subtaskOf(busy), `${none}, hold_kind = null, state = 'cancelled'`);
    expect(await problemsOf(task)).toHaveLength(1);
  });

  test("lets a wake that is due wait while Deputy is frozen, and a while after the thaw", async () => {
    const task = await bench.submitPlanned();
    const due = "hold_on = null, hold_kind = 'wake', hold_at = now() - interval '1 hour'";
    await set("subtasks", await subtaskOf(task), due);
    expect(await problemsOf(task)).toHaveLength(1);
    await freezeDeputy(bench.db, null);
    expect(await problemsOf(task)).toEqual([]);
    await set("subtasks", await subtaskOf(task), "state = 'recovering'"); // goes on while frozen
    expect(await problemsOf(task)).toHaveLength(1);
    await set("subtasks", await subtaskOf(task), "state = 'ready'");
    await thawDeputy(bench.db);
    expect(await problemsOf(task)).toEqual([]);
    await bench.database.query("update freezes set thawed_at = now() - interval '11 minutes'");
    expect(await problemsOf(task)).toHaveLength(1);
  });

  test("finds a task that waits for subtasks which are all over", async () => {
    const task = await bench.submitPlanned();
    await set("subtasks", await subtaskOf(task), `${none}, hold_kind = null, state = 'completed'`);
    expect(await problemsOf(task)).toEqual([expect.stringMatching(/^dependency: /)]);
  });
});

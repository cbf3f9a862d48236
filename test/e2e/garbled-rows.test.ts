import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";
import { until } from "../support/until.ts";

/**
 * Anything may be in a column: somebody's hand, another version, a broken disk. The row is named, and
 * keeps nobody else's from being listed, run and delivered; once it is corrected, it goes on.
 */
const { deputy, scratch, submit } = withDeputy({
  files: { "README.md": "# Something\n" },
  // What failed waits for hours, and can be looked at.
  env: { DEPUTY_BACKOFF_MS: "3000000", DEPUTY_CHECK_HOLDS_MS: "500", DEPUTY_RECONCILE_MS: "300" },
  keepLog: true,
});
let victim: string;
const healthy: string[] = [];

const sql = async (text: string, values: unknown[] = []) =>
  (await deputy.database?.query(text, values)) ?? [];

beforeAll(async () => {
  victim = await submit({
    goal: "Fail once",
    agent: `command:[ $DEPUTY_ATTEMPT != 1 ] || exit 1; echo ok > victim.txt`,
  });
  for (const name of ["one", "two", "three"])
    healthy.push(
      await submit({
        goal: name,
        agent: `command:${waitFor(scratch.at("go"))}; echo ok > ${name}.txt`,
      }),
    );
  await deputy.untilEvent(victim, ({ type }) => type === "recovery.decided");
  await sql(
    `insert into questions (id, task_id, kind, text, answer, answered_at) values ('q_1', $1, 'question', 'Why?', 'so', now())`,
    [victim],
  );
  await sql(
    `insert into plans (id, task_id, state, reason) values ('plan_1', $1, 'revision', 'so')`,
    [victim],
  );
  await sql(
    `insert into messages (id, task_id, subtask_id, text, delivered_at, done_by)
      select 'message_1', task_id, subtask_id, 'so', now(), id from attempts where task_id = $1`,
    [victim],
  );
  await sql(
    `insert into usage (task_id, role, agent, model, calls, calls_without_tokens, unpriced_calls, input_tokens,
      cached_input_tokens, output_tokens, reasoning_tokens, latency_ms, cost_usd)
      values ($1, 'coder', 'a', 'm', 1, 0, 0, 1, 0, 1, 0, 1, 0)`,
    [victim],
  );
});

const wrong = {
  json: `'"x"'::jsonb`,
  list: `'{"a": 1}'::jsonb`,
  time: `'infinity'`,
  past: `'-infinity'`,
};
const columns: Record<string, [column: string, value: string][]> = {
  tasks: [
    ...["checks", "attachments", "plan_input", "budget", "origin", "preparation"].map(
      (column): [string, string] => [column, wrong.json],
    ),
    ["checks", `'[1, null]'`],
    [
      "origin",
      `'{"source": "carrier pigeon", "subject": null, "outsideText": null, "replyTo": null}'`,
    ],
    ["origin", `'null'`],
    ["preparation", "null"],
    ["preparation", `jsonb_set(preparation, '{checks}', '[{}]')`],
    ["budget", `'{"usd": "much"}'`],
    ["delivery", `'fax'`],
    ["attempt_timeout_ms", "-5"],
    ["attempt_timeout_ms", "9223372036854775807 * 0"],
    ["epoch", "-1"],
    ["stage_failures", "-3"],
    ["head_commit", "null"],
    ...["hold_since", "created_at", "updated_at", "paused_at", "accepted_at", "pruned_at"].flatMap(
      (column): [string, string][] => [
        [column, wrong.time],
        [column, wrong.past],
      ],
    ),
  ],
  subtasks: [
    ...["checks", "answers", "verdict", "gate_verdict", "ending"].map(
      (column): [string, string] => [column, wrong.list],
    ),
    ["ending", `'{"what": "a surprise"}'`],
    ["verdict", `'{"result": "perhaps"}'`],
    ["base_commit", "null"],
    ["depends_on", "array[null]::text[]"],
    ["hold_at", wrong.time],
    ["hold_since", wrong.past],
    ["created_at", wrong.time],
    ["depth", "-1"],
  ],
  attempts: [
    ...["discoveries", "follow_ups", "verdict", "gate_verdict", "decision", "confinement"].map(
      (column): [string, string] => [column, wrong.list],
    ),
    ["failure", `'boredom'`],
    ["decision", `jsonb_set(decision, '{action}', '"shrug"')`],
    ["started_at", wrong.past],
    ["ended_at", wrong.time],
  ],
  questions: [
    ["kind", `'riddle'`],
    ["answered_at", wrong.time],
  ],
  plans: [
    ["plan", wrong.json],
    ["diff", wrong.json],
    ["refused", wrong.list],
    ["created_at", wrong.past],
  ],
  usage: [
    ["role", `'jester'`],
    ["cost_usd", `'NaN'`],
    ["calls_without_tokens", "-7"],
    ["first_at", wrong.time],
  ],
  messages: [["delivered_at", wrong.time]],
  worktrees: [
    ["state", `'lost'`],
    ["last_used_at", wrong.time],
  ],
};
const rowOf = (table: string) => `${table === "tasks" ? "id" : "task_id"} = $1`;
/** Run `work` while the column of the victim's row of this table has this value. */
async function whileGarbled(
  table: string,
  column: string,
  value: string,
  work: () => Promise<void>,
) {
  await sql(`create table if not exists kept as select * from ${table} where ${rowOf(table)}`, [
    victim,
  ]);
  try {
    await sql(`update ${table} set ${column} = ${value} where ${rowOf(table)}`, [victim]);
    await work();
  } finally {
    await sql(
      `update ${table} t set ${column} = kept.${column} from kept where t.${rowOf(table)}`,
      [victim],
    );
    await sql("drop table kept");
  }
}

const cases = Object.entries(columns).flatMap(([table, all]) =>
  all.map(([column, value]): [string, string, string] => [table, column, value]),
);
test.each(cases)("%s.%s = %s: named, and nobody else is kept", async (table, column, value) => {
  await whileGarbled(table, column, value, async () => {
    const list = await deputy.api("GET", "/v1/tasks");
    expect(list.status, JSON.stringify(list.body)).toBe(200);
    expect(list.body.tasks.map(({ id }: { id: string }) => id)).toEqual(
      expect.arrayContaining(healthy),
    );
    const isTask = table === "tasks";
    const why = await deputy.api("GET", `/v1/tasks/${victim}/why`);
    expect(why.status, JSON.stringify(why.body)).toBe(200);
    expect(JSON.stringify(why.body)).toContain(`its column ${column} is`);
    const show = await deputy.api("GET", `/v1/tasks/${victim}`);
    if (isTask) {
      expect(show).toMatchObject({ status: 500, body: { code: "unreadable_row" } });
      expect(show.body.detail).toContain(`The row ${victim} of the table tasks`);
    } else {
      expect(show.status).toBe(200);
      expect(show.body.unreadable).toMatchObject([{ table, column }]);
    }
    const isListed = !["attachments", "plan_input"].includes(column);
    expect(list.body.unreadable).toMatchObject(isTask && isListed ? [{ id: victim, column }] : []);
  });
});

test("an event that cannot be read keeps its place in the stream", async () => {
  const events = await deputy.events(victim);
  await sql(
    "update events set type = 'task.levitated', at = 'infinity' where task_id = $1 and seq = $2",
    [victim, events[1]?.seq],
  );
  const now = await deputy.events(victim);
  expect(now.map(({ seq }) => seq)).toEqual(events.map(({ seq }) => seq));
  expect(now[1]).toMatchObject({ type: "event.garbled", data: { column: "type" } });
  await sql("update events set type = $3, at = $4 where task_id = $1 and seq = $2", [
    victim,
    events[1]?.seq,
    events[1]?.type,
    events[1]?.at,
  ]);
});

test("while rows are garbled that stages would claim, the others are done; corrected, it is done too", async () => {
  const readLog = () => readFile(join(deputy.home, "daemon.log"), "utf8");
  const lineOf = (column: string) => (text: string) =>
    text
      .split("\n")
      .filter((line) => line.includes(`"column":"${column}"`) && line.includes("cannot be read"));
  const seen = lineOf("ending")(await readLog()).length;
  await whileGarbled("subtasks", "ending", wrong.json, async () => {
    // Every look for work finds it, and so does the check of holds.
    await sql("update subtasks set hold_at = now() - interval '1 hour' where task_id = $1", [
      victim,
    ]);
    await sql("update worktrees set state = 'lost' where task_id = $1", [victim]);
    await scratch.write("go");
    for (const id of healthy) expect((await deputy.untilOver(id)).state).toBe("completed");
    const metrics = await deputy.api("GET", "/metrics");
    expect(metrics.body).toMatch(/^deputy_unreadable_rows [12]$/m);
    const doctor = await deputy.cli(["doctor"]);
    expect(doctor.stdout).toMatch(/its column ending is wrong/);
    expect(doctor.stdout).toMatch(/of the table worktrees cannot be read: its column state/);
    const ls = await deputy.cli(["ls"]);
    expect(ls.code).toBe(0);
    for (const id of healthy) expect(ls.stdout).toContain(id);
    expect(lineOf("ending")(await readLog()).length).toBeLessThanOrEqual(seen + 1);
  });
  await sql("update worktrees set state = 'active' where task_id = $1", [victim]);
  expect((await deputy.untilOver(victim)).state).toBe("completed");
  await until(
    async () => (await deputy.api("GET", "/metrics")).body.includes("deputy_unreadable_rows 0"),
    "nothing is garbled any more",
  );
});

test("deputy ls names a task that cannot be read", async () => {
  await whileGarbled("tasks", "origin", wrong.json, async () => {
    const { code, stdout } = await deputy.cli(["ls"]);
    expect(code).toBe(0);
    expect(stdout).toContain(`${victim}  unreadable  its column origin`);
    const why = await deputy.cli(["why", victim]);
    expect(why.stdout + why.stderr).toContain(victim);
  });
});

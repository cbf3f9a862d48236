import { sql } from "kysely";
import { terminalTaskStates } from "../../core/task/lifecycle.ts";
import type { Garbled } from "../../core/task/task-detail.ts";
import { toSnakeCase } from "../../core/text/letter-case.ts";
import { checkRow, readEach } from "./garbled.ts";
import { rowSchemas } from "./row-schemas.ts";
import { toSubtask, toTask } from "./rows.ts";
import type { Db } from "./schema.ts";

/** Finds rows that cannot be read before anything needs them. */
type Table = keyof typeof rowSchemas;
type Row = Record<string, unknown>;

const tables = Object.keys(rowSchemas) as Table[];
const pageSize = 500;

/** `open` checks the rows of unfinished tasks; `all` checks every row, when a person asks. */
export async function findGarbledRows(db: Db, which: "open" | "all"): Promise<Garbled[]> {
  const garbled: Garbled[] = [];
  for (const table of tables) {
    const condition = which === "all" ? sql`true` : openRows(table);
    if (condition === null) continue;
    for (let after = "(0,0)"; ; ) {
      const { rows } = await sql<Row & { place: string }>`
        select t.*, t.ctid::text as place from ${sql.table(table)} t
        where t.ctid > ${after}::tid and ${condition} order by t.ctid limit ${pageSize}`.execute(
        db,
      );
      garbled.push(...readEach(rows, (row) => readRow(table, row)).garbled);
      const last = rows.at(-1);
      if (!last || rows.length < pageSize) break;
      after = last.place;
    }
  }
  return garbled;
}

/** Returns those of the known unreadable rows that still cannot be read. */
export async function findStillGarbled(db: Db, known: readonly Garbled[]): Promise<Garbled[]> {
  const still: Garbled[] = [];
  for (const { id, table: name } of known) {
    const table = tables.find((one) => toSnakeCase(one) === name);
    if (!table) continue;
    const { rows } = await sql<Row>`
      select * from ${sql.table(table)} where ${sql.ref(keyOf(table))} = ${id.split(" ")[0]}`.execute(
      db,
    );
    const found = readEach(rows, (row) => readRow(table, row)).garbled;
    still.push(...found.filter((one) => one.id === id));
  }
  return still;
}

function openRows(table: Table) {
  const over = sql.join(terminalTaskStates.map((state) => sql.lit(state)));
  switch (table) {
    case "events":
    case "baselines":
      return null; // too many; checked where they are read
    case "tasks":
      return sql`t.state not in (${over})`;
    case "inbox":
      return sql`t.processed_at is null`;
    case "notifications":
      return sql`t.sent_at is null`;
    default:
      return sql`t.task_id in (select id from tasks where state not in (${over}))`;
  }
}

const keys: Partial<Record<Table, string>> = {
  usage: "taskId",
  spending: "taskId",
  baselines: "key",
  inbox: "deliveryId",
};
const keyOf = (table: Table) => keys[table] ?? "id";

function readRow(table: Table, row: Row): unknown {
  // biome-ignore lint/suspicious/noExplicitAny: whether it is such a row is checked below
  const any = row as any;
  if (table === "tasks") return toTask(any);
  if (table === "subtasks") return toSubtask(any);
  const { agent, attemptId, model, role } = row;
  const id = table === "usage" ? [row.taskId, attemptId, role, agent, model] : [row[keyOf(table)]];
  return checkRow(table, id.join(" "), row);
}

import type { Garbled } from "../../core/task/task-detail.ts";
import { toSnakeCase } from "../../core/text/letter-case.ts";
import { rowSchemas } from "./row-schemas.ts";

/**
 * Rows are read one by one, and each is checked: an edit by hand, another version or a broken disk
 * may have put anything into a column. An unreadable row is reported by its table, id and column,
 * and does not keep others from being read.
 */
export class GarbledRow extends Error {
  readonly garbled: Garbled;

  constructor(garbled: Garbled) {
    super(describeGarbled(garbled));
    this.name = "GarbledRow";
    this.garbled = garbled;
  }
}

export function describeGarbled({ column, id, problem, table }: Garbled): string {
  return `The row ${id} of the table ${table} cannot be read: its column ${column} ${problem}. Correct that value in the database; then it continues by itself.`;
}

/** Returns the row unchanged. Throws a GarbledRow for the first column that is not of its type. */
export function checkRow<Row extends object>(
  table: keyof typeof rowSchemas,
  id: string,
  row: Row,
): Row {
  for (const [name, schema] of Object.entries(rowSchemas[table])) {
    if (!(name in row)) continue; // not selected
    const { error } = schema.safeParse(row[name as keyof Row]);
    const issue = error?.issues[0];
    if (!issue) continue;
    const where = issue.path.length > 0 ? ` (at ${issue.path.join(".")})` : "";
    const column = toSnakeCase(name);
    throw new GarbledRow({ table, id, column, problem: `is wrong${where}: ${issue.message}` });
  }
  return row;
}

/** Returns the rows that can be read, and what is wrong with the others. */
export function readEach<Row, Value>(
  rows: readonly Row[],
  read: (row: Row) => Value,
): { sound: Value[]; garbled: Garbled[] } {
  const sound: Value[] = [];
  const garbled: Garbled[] = [];
  for (const row of rows) {
    try {
      sound.push(read(row));
    } catch (error) {
      if (!(error instanceof GarbledRow)) throw error;
      garbled.push(error.garbled);
    }
  }
  return { sound, garbled };
}

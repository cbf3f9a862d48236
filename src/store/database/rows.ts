import type { Selectable, Updateable } from "kysely";
import type { SubtaskChange, TaskChange } from "../../core/ledger/task-ledger.ts";
import type { Event } from "../../core/task/event.ts";
import { type Decision, rungOfEarlier } from "../../core/task/failure.ts";
import type { Hold } from "../../core/task/hold.ts";
import type { Attempt, ListedTask, Subtask, Task } from "../../core/task/task.ts";
import { toSnakeCase } from "../../core/text/letter-case.ts";
import { checkRow, GarbledRow } from "./garbled.ts";
import { json } from "./open.ts";
import type { AttemptsTable, Database, HoldColumns, SubtasksTable, TasksTable } from "./schema.ts";

/** Converts rows to the types of the core: the hold's columns become the union. */
export function toTask(row: Selectable<TasksTable>): Task {
  const {
    attachments,
    gateVerdict,
    planInput,
    subject: _,
    ...rest
  } = checkRow("tasks", row.id, row);
  return { ...toListedTask(rest), attachments, gateVerdict, planInput };
}

export function toListedTask(
  row: Omit<Selectable<TasksTable>, "attachments" | "planInput" | "gateVerdict" | "subject">,
): ListedTask {
  const { attemptTimeoutMs, ...rest } = checkRow("tasks", row.id, row);
  return { ...withHold("tasks", rest), attemptTimeoutMs: Number(attemptTimeoutMs) };
}

export function toSubtask(row: Selectable<SubtasksTable>): Subtask {
  return withHold("subtasks", checkRow("subtasks", row.id, row));
}

export function toAttempt(row: Selectable<AttemptsTable>): Attempt {
  const { decision, ...rest } = checkRow("attempts", row.id, row);
  // Rows of earlier versions name no rung.
  const rung = decision && (decision.rung ?? rungOfEarlier(decision));
  return { ...rest, decision: decision && ({ ...decision, rung } as Decision) };
}

function toEvent(row: Selectable<Database["events"]>): Event {
  const { xid: _, ...event } = checkRow("events", row.id, row);
  return { ...event, seq: Number(event.seq) };
}

/** An unreadable event keeps its place among the others; its message says what is wrong. */
export function toReadableEvent(row: Selectable<Database["events"]>): Event {
  try {
    return toEvent(row);
  } catch (error) {
    if (!(error instanceof GarbledRow)) throw error;
    const at = row.at instanceof Date && !Number.isNaN(row.at.getTime()) ? row.at : new Date(0);
    const { column, id, table } = error.garbled;
    const data = { table, id, column };
    const { xid: _, ...event } = row;
    return {
      ...event,
      seq: Number(row.seq),
      type: "event.garbled",
      message: error.message,
      data,
      at,
    };
  }
}

/** Columns that must not be null in a state. */
const needs: Record<string, string[]> = {
  "tasks running": ["preparation", "headCommit"],
  "tasks delivering": ["preparation", "headCommit"],
  "subtasks ready": ["baseCommit"],
  "subtasks running": ["baseCommit"],
  "subtasks verifying": ["commit"],
  "subtasks integrating": ["commit"],
  "subtasks recovering": ["ending"],
};

function checkNeeds<Row extends { id: string; state: string }>(table: string, row: Row): void {
  for (const name of needs[`${table} ${row.state}`] ?? []) {
    if (row[name as keyof Row] !== null) continue;
    const column = toSnakeCase(name);
    const problem = `is null, which a row that is ${row.state} cannot be without`;
    throw new GarbledRow({ table, id: row.id, column, problem });
  }
}

function withHold<Row extends Selectable<HoldColumns> & { id: string; state: string }>(
  table: "tasks" | "subtasks",
  row: Row,
) {
  const { holdKind, holdOwner, holdAt, holdReason, holdQuestionId, holdOn, ...rest } = row;
  checkNeeds(table, row);
  const hold = readHold(row);
  if (hold === undefined)
    throw new GarbledRow({
      table,
      id: row.id,
      column: "hold_kind",
      problem: "lacks the columns of its kind",
    });
  return { ...rest, hold };
}

/** Undefined when a column that the kind needs is missing; the database refuses such rows. */
function readHold(row: Selectable<HoldColumns>): Hold | null | undefined {
  const { holdAt, holdKind, holdOn, holdOwner, holdQuestionId, holdReason } = row;
  switch (holdKind) {
    case null:
      return null;
    case "lease":
      if (!holdOwner || !holdAt || !holdReason) return undefined;
      return { kind: "lease", owner: holdOwner, expiresAt: holdAt, doing: holdReason };
    case "wake":
      if (!holdAt || !holdReason) return undefined;
      return { kind: "wake", at: holdAt, reason: holdReason };
    case "question":
      if (!holdQuestionId) return undefined;
      return { kind: "question", questionId: holdQuestionId };
    case "dependency":
      if (!holdOn || !holdReason) return undefined;
      return { kind: "dependency", on: holdOn, reason: holdReason };
  }
}

/** A hold as columns, for writing; null clears it. */
export function holdColumns(hold: Hold | null): Omit<HoldColumns, "holdAt" | "holdSince"> & {
  holdAt: Date | null;
  holdSince: Date;
} {
  return {
    holdKind: hold?.kind ?? null,
    holdOwner: hold?.kind === "lease" ? hold.owner : null,
    holdAt: hold?.kind === "lease" ? hold.expiresAt : hold?.kind === "wake" ? hold.at : null,
    holdReason: hold?.kind === "lease" ? hold.doing : hold && "reason" in hold ? hold.reason : null,
    holdQuestionId: hold?.kind === "question" ? hold.questionId : null,
    holdOn: hold?.kind === "dependency" ? [...hold.on] : null,
    holdSince: new Date(),
  };
}

/** Fields of a task as columns, for writing: what is JSON becomes its text. */
export function toTaskColumns(change: TaskChange): Updateable<TasksTable> {
  return withJson(change, [
    "checks",
    "planInput",
    "attachments",
    "allow",
    "budget",
    "origin",
    "preparation",
    "gateVerdict",
  ]);
}

/** The same for a subtask. */
export function toSubtaskColumns(change: SubtaskChange): Updateable<SubtasksTable> {
  return withJson(change, [
    "checks",
    "verdict",
    "gateVerdict",
    "answers",
    "acceptedJudges",
    "withoutPaths",
    "ending",
    "fallback",
  ]);
}

/** Null is the column's null, and what is not set stays as it is. */
function withJson<Fields extends object>(fields: Fields, columns: readonly (keyof Fields)[]) {
  const texts = columns.flatMap((name) => {
    const value = fields[name];
    return value === undefined || value === null ? [] : [[name, json(value)]];
  });
  return { ...fields, ...Object.fromEntries(texts) };
}

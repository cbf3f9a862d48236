import type { Selectable } from "kysely";
import type { Event } from "../core/event.ts";
import type { Hold } from "../core/hold.ts";
import { invariant } from "../core/invariant.ts";
import type { Attempt, ListedTask, Subtask, Task } from "../core/task.ts";
import type { AttemptsTable, Database, HoldColumns, SubtasksTable, TasksTable } from "./schema.ts";

/** Rows as the rest of the program knows them: the hold's columns become the union. */
export function toTask(row: Selectable<TasksTable>): Task {
  const { attachments, planInput, subject: _, ...rest } = row;
  return { ...toListedTask(rest), attachments, planInput };
}

export function toListedTask(
  row: Omit<Selectable<TasksTable>, "attachments" | "planInput" | "subject">,
): ListedTask {
  const { attemptTimeoutMs, ...rest } = row;
  return { ...withHold(rest), attemptTimeoutMs: Number(attemptTimeoutMs) };
}

export function toSubtask(row: Selectable<SubtasksTable>): Subtask {
  return withHold(row);
}

export function toAttempt(row: Selectable<AttemptsTable>): Attempt {
  return row;
}

export function toEvent(row: Selectable<Database["events"]>): Event {
  return { ...row, seq: Number(row.seq) };
}

function withHold<Row extends Selectable<HoldColumns>>(row: Row) {
  const { holdKind, holdOwner, holdAt, holdReason, holdQuestionId, holdOn, ...rest } = row;
  return { ...rest, hold: readHold({ ...row }) };
}

function readHold(row: Selectable<HoldColumns>): Hold | null {
  switch (row.holdKind) {
    case null:
      return null;
    case "lease":
      invariant(
        row.holdOwner && row.holdAt && row.holdReason,
        "a lease has an owner, a time and a doing",
      );
      return { kind: "lease", owner: row.holdOwner, expiresAt: row.holdAt, doing: row.holdReason };
    case "wake":
      invariant(row.holdAt && row.holdReason, "a wake has a time and a reason");
      return { kind: "wake", at: row.holdAt, reason: row.holdReason };
    case "question":
      invariant(row.holdQuestionId, "a question hold has its id");
      return { kind: "question", questionId: row.holdQuestionId };
    case "dependency":
      invariant(row.holdOn && row.holdReason, "a dependency hold names what it waits for");
      return { kind: "dependency", on: row.holdOn, reason: row.holdReason };
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

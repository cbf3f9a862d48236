import { isDeepStrictEqual } from "node:util";
import { type Selectable, sql } from "kysely";
import { terminalTaskStates } from "../../core/task/lifecycle.ts";
import { json } from "../database/open.ts";
import type { Database, Db, Tx } from "../database/schema.ts";
import type { PendingMessage } from "./messages.ts";

/**
 * The memory of a piece of work: an append-only list of entries in the agent's own form, and the
 * worktree as it was after them. Only the attempt that works in it now may append: one that was
 * wrongly given up for dead finds out at its next entry.
 */
export type SessionRow = Selectable<Database["sessions"]>;

export type NewSession = Pick<
  SessionRow,
  "id" | "taskId" | "subtaskId" | "attemptId" | "role" | "agent" | "asked"
>;

/** Creates a session and links its attempt in one statement, so that it can always be resumed. */
export async function beginSession(db: Db, session: NewSession): Promise<void> {
  const { id, taskId, subtaskId, attemptId, role, agent, asked } = session;
  await sql`
    with begun as (
      insert into sessions (id, task_id, subtask_id, attempt_id, role, agent, asked)
      values (${id}, ${taskId}, ${subtaskId}, ${attemptId}, ${role}, ${agent}, ${asked})
      on conflict (id) do nothing)
    update attempts set session_id = ${id} where id = ${attemptId}`.execute(db);
}

/** Resumes a session: from now on only this attempt may append. Null when there is none. */
export async function takeSession(
  db: Db,
  id: string,
  attemptId: string | null,
): Promise<{ session: SessionRow; entries: unknown[] } | null> {
  const session = await db
    .updateTable("sessions")
    .set({ attemptId })
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
  if (!session) return null;
  const rows = await db
    .selectFrom("transcript")
    .select("entry")
    .where("sessionId", "=", id)
    .orderBy("position")
    .execute();
  return { session, entries: rows.map(({ entry }) => entry) };
}

/** The next attempt starts a new session. */
export async function leaveSession(db: Db, attemptId: string): Promise<void> {
  await db.updateTable("attempts").set({ sessionId: null }).where("id", "=", attemptId).execute();
}

/**
 * The session in which this agent was asked the same without an answer, because its process died or
 * its provider was unavailable; null when there is none.
 */
export async function findAsked(db: Db, asked: string, agent: string): Promise<string | null> {
  const row = await db
    .selectFrom("sessions")
    .select("id")
    .where("asked", "=", asked)
    .where("agent", "=", agent)
    .orderBy("createdAt", "desc")
    .executeTakeFirst();
  return row?.id ?? null;
}

/** Ends the open requests to a task's planner: the next planner starts a new session. */
export async function closePlanning(tx: Tx, taskId: string): Promise<void> {
  await tx
    .updateTable("sessions")
    .set({ asked: null })
    .where("taskId", "=", taskId)
    .where("subtaskId", "is", null)
    .where("asked", "is not", null)
    .execute();
}

export async function getSession(db: Db, id: string): Promise<SessionRow | null> {
  const row = await db.selectFrom("sessions").selectAll().where("id", "=", id).executeTakeFirst();
  return row ?? null;
}

/**
 * Appends entries after the first `position` ones together with the worktree's checkpoint, in one
 * statement so that neither exists without the other. Returns the subtask's pending messages; null
 * when another attempt owns the session by now.
 */
export async function appendEntries(
  db: Db,
  to: { sessionId: string; attemptId: string | null; subtaskId: string | null; position: number },
  entries: readonly unknown[],
  checkpoint: string | null,
): Promise<PendingMessage[] | null> {
  const { rows } = await sql<{ said: PendingMessage[] | null }>`
    with mine as (
      update sessions set entry_count = entry_count + ${entries.length}::int,
        checkpoint_commit = coalesce(${checkpoint}::text, checkpoint_commit),
        checkpoint_at = case when ${checkpoint}::text is null then checkpoint_at else clock_timestamp() end
      where id = ${to.sessionId} and attempt_id is not distinct from ${to.attemptId}
        and entry_count = ${to.position}
      returning id),
    added as (
      insert into transcript (session_id, position, attempt_id, entry)
      select mine.id, ${to.position}::int + ord - 1, ${to.attemptId}, entry
      from mine, json_array_elements(${json(entries)}::json) with ordinality as list (entry, ord))
    select (select json_agg(json_build_object('id', s.id, 'place', s.place, 'side', s.side, 'text', s.text) order by s.sent_at, s.id)
      from messages s where s.subtask_id = ${to.subtaskId} and s.delivered_at is null) as said
    from mine`.execute(db);
  return rows[0] ? (rows[0].said ?? []) : null;
}

/**
 * Whether these entries are the session's last ones: where the connection broke that appended them, they
 * were stored or not, and they must not be stored twice.
 */
export async function wereAppended(
  db: Db,
  to: { sessionId: string; attemptId: string | null; position: number },
  entries: readonly unknown[],
): Promise<boolean> {
  const session = await getSession(db, to.sessionId);
  if (session?.attemptId !== to.attemptId) return false;
  const rows = await db
    .selectFrom("transcript")
    .select("entry")
    .where("sessionId", "=", to.sessionId)
    .where("position", ">=", to.position)
    .orderBy("position")
    .execute();
  const stored = rows.map(({ entry }) => entry);
  return entries.length > 0 && isDeepStrictEqual(stored, JSON.parse(json(entries)));
}

export async function setExternalId(db: Db, id: string, externalId: string): Promise<void> {
  await db.updateTable("sessions").set({ externalId }).where("id", "=", id).execute();
}

/** Those of these sessions whose task is unfinished: they may be resumed. */
export async function findOpenSessions(db: Db, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom("sessions")
    .innerJoin("tasks", "tasks.id", "sessions.taskId")
    .select("sessions.id")
    .where("sessions.id", "in", ids)
    .where("tasks.state", "not in", terminalTaskStates)
    .execute();
  return rows.map(({ id }) => id);
}

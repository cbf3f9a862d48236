import { existsSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../config/config.ts";
import { DeputyError } from "../core/base/error.ts";
import { isId } from "../core/base/id.ts";
import type { TaskInput, TaskOrigin } from "../core/task/task.ts";
import type { Garbled, TaskDetail } from "../core/task/task-detail.ts";
import { type Redact, redactDeep } from "../core/text/redact.ts";
import { findCredentials } from "../delivery/find-credentials.ts";
import { acceptDelivery, discardDelivery, restoreWorktrees } from "../delivery/hand-over.ts";
import { buildReceipt, type ReceiptDelivery } from "../delivery/receipt/receipt.ts";
import { renderReceipt } from "../delivery/receipt/render-receipt.ts";
import type { Service } from "../http/service.ts";
import {
  answerQuestion,
  cancelTask,
  recordHandover,
  retryTask,
} from "../orchestrator/commands/commands.ts";
import { type Explanation, explain } from "../orchestrator/commands/explain.ts";
import { commentOnTask, pauseTask, resumeTask, sayToTask } from "../orchestrator/commands/steer.ts";
import { acceptTask, type IntakeRules } from "../orchestrator/intake/intake.ts";
import type { Space } from "../orchestrator/runner/excuse-full-volume.ts";
import type { AdvanceDeps } from "../orchestrator/transitions/advance.ts";
import { forPerson, makeOnMirror } from "../recovery/on-mirror.ts";
import { describeGarbled, GarbledRow, readEach } from "../store/database/garbled.ts";
import { toAttempt, toSubtask } from "../store/database/rows.ts";
import { listMessageRows, toMessage } from "../store/records/messages.ts";
import { listUsageRows, toUsage } from "../store/records/usage.ts";
import { listPlanRows, toPlan } from "../store/tasks/plans.ts";
import { listQuestionRows, toQuestion } from "../store/tasks/questions.ts";
import {
  findTaskIds,
  getCreatedAt,
  getState,
  getTask,
  listAttemptRows,
  listEvents,
  listSubtaskRows,
  listTasks,
} from "../store/tasks/tasks.ts";
import { listWorktreeRows, toWorktree } from "../store/tasks/worktrees.ts";
import type { Mirrors } from "../worktree/mirror/mirror.ts";
import { diffCommits, listChanges } from "../worktree/read/diff.ts";
import { changeRange, findCommented } from "./comment-place.ts";
import { requirePlanner } from "./intake-rules.ts";

/** The daemon, as the HTTP server sees it: reading rows, and asking the orchestrator for changes. */
export type ServiceDeps = AdvanceDeps & {
  config: Config;
  mirrors: Mirrors;
  redact: Redact;
  intake: IntakeRules;
  /** A task was created, and its job is in the outbox. */
  onCreated: () => void;
  onEvents: Service["onEvents"];
  health: Service["health"];
  ready: Service["ready"];
  space: Pick<Space, "problems">;
  /** Told of each row that could not be read. */
  onGarbled: (garbled: Garbled) => void;
  metrics: Service["metrics"];
  agents: Service["agents"];
  receiveGithub: Service["receiveGithub"];
  testTrigger: Service["testTrigger"];
  authHeader: (url: string) => string | null;
};

export function makeService(deps: ServiceDeps): Service {
  const { db, config, mirrors } = deps;
  const onMirror = makeOnMirror(deps);
  const detail = async (reference: string): Promise<TaskDetail> => {
    const id = await resolveTaskId(deps, reference);
    const [task, ...lists] = await Promise.all([
      getTask(db, id).catch((error) => {
        if (error instanceof GarbledRow) deps.onGarbled(error.garbled);
        throw error;
      }),
      listSubtaskRows(db, id).then((rows) => readEach(rows, toSubtask)),
      listAttemptRows(db, { taskId: id }).then((rows) => readEach(rows, toAttempt)),
      listQuestionRows(db, id).then((rows) => readEach(rows, toQuestion)),
      listMessageRows(db, id).then((rows) => readEach(rows, toMessage)),
      listPlanRows(db, id).then((rows) => readEach(rows, toPlan)),
      listUsageRows(db, id).then((rows) => readEach(rows, toUsage)),
      listWorktreeRows(db, id).then((rows) => readEach(rows, toWorktree)),
    ]);
    if (!task) throw unknownTask(reference);
    const [subtasks, attempts, questions, messages, plans, usage, worktrees] = lists;
    for (const one of lists.flatMap(({ garbled }) => garbled)) deps.onGarbled(one);
    return {
      ...{ task, subtasks: subtasks.sound, attempts: attempts.sound, questions: questions.sound },
      ...{
        messages: messages.sound,
        plans: plans.sound,
        usage: usage.sound,
        worktrees: worktrees.sound,
      },
      garbled: lists.flatMap(({ garbled }) => garbled),
    };
  };
  /** For what is made of all rows: without one of them it would say something else. */
  const whole = async (reference: string): Promise<TaskDetail> => {
    const found = await detail(reference);
    const [garbled] = found.garbled;
    if (garbled) throw new GarbledRow(garbled);
    return found;
  };
  return {
    submit: async (input: TaskInput, origin: TaskOrigin, idempotency) => {
      const [full] = deps.space.problems();
      if (full !== undefined)
        throw new DeputyError("insufficient_storage", `${full} No task was created.`);
      const result = await acceptTask(deps.intake, {
        input,
        origin,
        idempotency,
        recipe: "change",
        approval: null,
      });
      deps.onCreated();
      return result;
    },
    list: async ({ state, limit, cursor }) => {
      const before = cursor === null ? null : readCursor(cursor);
      const { garbled, isMore, last, sound } = await listTasks(db, { state, limit, before });
      for (const one of garbled) deps.onGarbled(one);
      const createdAt = isMore && last ? await getCreatedAt(db, last.id) : null;
      return {
        ...{ tasks: sound, garbled },
        nextCursor: last && createdAt ? writeCursor({ createdAt, id: last.id }) : null,
      };
    },
    show: detail,
    events: async (reference, afterSeq, limit) =>
      listEvents(db, await resolveTaskId(deps, reference), afterSeq, limit),
    onEvents: deps.onEvents,
    why: async (reference) => {
      try {
        const { garbled, task, subtasks, questions, messages } = await detail(reference);
        const explained = explain(task, subtasks, questions, messages);
        return { ...explained, subtasks: [...explained.subtasks, ...garbled.map(explainGarbled)] };
      } catch (error) {
        if (error instanceof GarbledRow) return explainGarbled(error.garbled);
        throw error;
      }
    },
    find: async (reference) => {
      const id = await resolveTaskId(deps, reference);
      const state = await getState(db, id);
      if (state === null) throw unknownTask(reference);
      return { id, state };
    },
    diff: async (reference) => {
      const found = await whole(reference);
      return forPerson(onMirror, found.task, () => diffOf(mirrors, found));
    },
    receipt: async (reference) => {
      const found = await whole(reference);
      const describe = () => describeDelivery(deps, found);
      const delivery = await forPerson(onMirror, found.task, describe);
      const built = buildReceipt({ ...found, delivery });
      const receipt = redactDeep(built, deps.redact);
      return { json: receipt, markdown: renderReceipt(receipt) };
    },
    log: async (reference, number, maxBytes) => {
      const { task, attempts } = await detail(reference);
      const attempt =
        number === null
          ? attempts.at(-1)
          : attempts.findLast((candidate) => candidate.number === number);
      if (!attempt) {
        throw new DeputyError(
          "not_found",
          number === null
            ? `${task.id} has no attempt yet, so it has no log.`
            : `${task.id} has no attempt ${number}.`,
          {
            field: "attempt",
          },
        );
      }
      if (task.prunedAt && attempt.startedAt < task.prunedAt) {
        throw new DeputyError(
          "not_found",
          `The log of attempt ${attempt.number} of ${task.id} was removed on ${task.prunedAt.toISOString().slice(0, 10)}: logs are kept only for a time (retention_days in config.yaml).`,
          { field: "attempt" },
        );
      }
      return attempt.logPath ? deps.redact(await readTail(attempt.logPath, maxBytes)) : "";
    },
    cancel: async (reference) => cancelTask(deps, await resolveTaskId(deps, reference)),
    retry: async (reference) => retryTask(deps, await resolveTaskId(deps, reference)),
    accept: async (reference) => {
      const { task } = await detail(reference);
      const done = await acceptDelivery(task);
      return {
        task: await recordHandover(deps, task.id, "task.accepted", `Accepted: ${done}`),
        detail: done,
      };
    },
    discard: async (reference) => {
      const { task } = await detail(reference);
      const { authHeader, redact } = deps;
      const { artifacts } = config.paths;
      const discard = () => discardDelivery(db, mirrors, task, { artifacts, authHeader, redact });
      const done = await forPerson(onMirror, task, discard);
      return {
        task: await recordHandover(deps, task.id, "task.discarded", `Discarded: ${done}`),
        detail: done,
      };
    },
    answer: async (reference, answer, questionId, speaker, hash) =>
      answerQuestion(
        deps,
        await resolveTaskId(deps, reference),
        answer,
        questionId,
        speaker,
        (repository) => requirePlanner(config, repository),
        hash,
      ),
    say: async (reference, text, subtask, idempotency) =>
      sayToTask(deps, await resolveTaskId(deps, reference), text, subtask, idempotency),
    pause: async (reference) => pauseTask(deps, await resolveTaskId(deps, reference)),
    resume: async (reference) => resumeTask(deps, await resolveTaskId(deps, reference)),
    comment: async (reference, comment, idempotency) => {
      const found = await detail(reference);
      const find = () => findCommented(mirrors, found, comment.place);
      const key = await forPerson(onMirror, found.task, find);
      return commentOnTask(deps, found.task.id, comment, key, idempotency);
    },
    restore: async (reference) => {
      const { task } = await detail(reference);
      const worktrees = await forPerson(onMirror, task, () => restoreWorktrees(db, mirrors, task));
      const done = `${worktrees.length} worktree${worktrees.length === 1 ? "" : "s"} in place`;
      await recordHandover(deps, task.id, "task.restored", `Restored: ${done}`);
      return { worktrees, detail: done };
    },
    health: deps.health,
    ready: deps.ready,
    metrics: deps.metrics,
    agents: deps.agents,
    receiveGithub: deps.receiveGithub,
    testTrigger: deps.testTrigger,
  };
}

async function diffOf(mirrors: Mirrors, detail: TaskDetail): Promise<string> {
  const { base, mirror, to } = changeRange(mirrors, detail);
  return to ? diffCommits(mirror, base, to) : "";
}

/** A full id, or the beginning of one that no other task shares. */
async function resolveTaskId(deps: ServiceDeps, reference: string): Promise<string> {
  if (isId("task", reference)) return reference;
  if (!/^task_[0-9a-z]{3,20}$/.test(reference)) {
    throw new DeputyError(
      "invalid_input",
      `"${reference}" is not a task id: it starts with task_, and at least three more characters are needed.`,
      { field: "id" },
    );
  }
  const found = await findTaskIds(deps.db, reference);
  if (found.length > 1)
    throw new DeputyError(
      "conflict",
      `${reference} is the beginning of several task ids; give more of it.`,
      { field: "id" },
    );
  const [id] = found;
  if (!id) throw unknownTask(reference);
  return id;
}

function unknownTask(reference: string): DeputyError {
  return new DeputyError("not_found", `There is no task ${reference}.`, { field: "id" });
}

async function describeDelivery(
  { config, mirrors, redact }: Pick<ServiceDeps, "config" | "mirrors" | "redact">,
  { task }: TaskDetail,
): Promise<ReceiptDelivery | null> {
  if (task.deliveryUrl && task.delivery === "comment") {
    return {
      branch: null,
      commit: null,
      url: task.deliveryUrl,
      patch: null,
      files: [],
      credentials: [],
    };
  }
  if (!task.deliveredCommit || !task.preparation || task.discardedAt) return null;
  const mirror = mirrors.at(task.preparation.mirror);
  const changes = await listChanges(mirror, task.preparation.baseCommit, task.deliveredCommit);
  const patch = join(config.paths.artifacts, task.id, "change.patch");
  const credentials = await findCredentials(
    mirror,
    task.preparation.baseCommit,
    task.deliveredCommit,
    redact,
  );
  return {
    credentials,
    branch: task.branch,
    commit: task.deliveredCommit,
    url: task.deliveryUrl,
    patch: existsSync(patch) ? patch : null,
    files: changes.map(({ path }) => path),
  };
}

async function readTail(path: string, maxBytes: number): Promise<string> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const start = Math.max(0, size - maxBytes);
      const { buffer, bytesRead } = await file.read(
        Buffer.alloc(Math.min(size, maxBytes)),
        0,
        Math.min(size, maxBytes),
        start,
      );
      return buffer.subarray(0, bytesRead).toString("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

export async function readToken(path: string): Promise<string | null> {
  try {
    return (await readFile(path, "utf8")).trim() || null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** As PostgreSQL writes one; what cannot be read of a row has its place in a list, too. */
function isTimestamp(text: string): boolean {
  if (/^-?infinity$/.test(text)) return true;
  const plain = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?$/.test(text);
  const isFar = /^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d(:\d\d)?( BC)?$/.test(text);
  return plain ? !Number.isNaN(Date.parse(text)) : isFar;
}

/** What `why` says of a row that cannot be read. */
function explainGarbled(garbled: Garbled): Explanation {
  return {
    id: garbled.id,
    state: "unreadable",
    waitingFor: describeGarbled(garbled),
    since: new Date(),
    next: "it continues by itself once the value is corrected",
    nextAt: null,
    unblock: null,
    subtasks: [],
  };
}

function writeCursor(position: { createdAt: string; id: string }): string {
  return Buffer.from(JSON.stringify([position.createdAt, position.id])).toString("base64url");
}

function readCursor(text: string): { createdAt: string; id: string } {
  const refused = new DeputyError(
    "invalid_input",
    "The cursor did not come from this server; use next_cursor of the previous page.",
    { field: "cursor" },
  );
  try {
    const value: unknown = JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
    if (!Array.isArray(value) || value.length !== 2) throw refused;
    const [createdAt, id] = value as unknown[];
    if (
      typeof createdAt !== "string" ||
      !isTimestamp(createdAt) ||
      typeof id !== "string" ||
      !isId("task", id)
    )
      throw refused;
    return { createdAt, id };
  } catch {
    throw refused;
  }
}

import type { Config } from "../../config/config.ts";
import { DeputyError } from "../../core/base/error.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import type { Attempt, Subtask } from "../../core/task/task.ts";
import type { Garbled } from "../../core/task/task-detail.ts";
import { type Redact, redactDeep } from "../../core/text/redact.ts";
import { adoptPushed } from "../../delivery/adopt-pushed.ts";
import type { FindForge } from "../../delivery/forges/pull-forge.ts";
import { restoreWorktrees } from "../../delivery/hand-over.ts";
import { buildReceipt } from "../../delivery/receipt/receipt.ts";
import { renderReceipt } from "../../delivery/receipt/render-receipt.ts";
import { rollBackDelivery } from "../../delivery/roll-back.ts";
import { listSnapshots, restoreOne } from "../../delivery/snapshots.ts";
import type { TaskService } from "../../http/service.ts";
import { setBudget } from "../../orchestrator/commands/budget.ts";
import {
  answerQuestion,
  cancelTask,
  recordHandover,
  retryTask,
} from "../../orchestrator/commands/commands.ts";
import { snoozeTask } from "../../orchestrator/commands/snooze.ts";
import {
  commentOnTask,
  pauseTask,
  resumeTask,
  sayToTask,
} from "../../orchestrator/commands/steer.ts";
import { type Explanation, explain } from "../../orchestrator/explain/explain.ts";
import { acceptTask, type IntakeRules } from "../../orchestrator/intake/intake.ts";
import type { Space } from "../../orchestrator/runner/excuse-full-volume.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import { describeLadder } from "../../recovery/describe-ladder.ts";
import { mayPlanAnew } from "../../recovery/lineage.ts";
import { forPerson, makeOnMirror } from "../../recovery/on-mirror.ts";
import { findFallbacks } from "../../roles/fallbacks.ts";
import { attemptLimits, roleAgent } from "../../roles/run-role.ts";
import { describeGarbled, GarbledRow } from "../../store/database/garbled.ts";
import { findFreeze } from "../../store/records/freezes.ts";
import { listTasks } from "../../store/tasks/list-tasks.ts";
import { getState, listEvents, listLastEvents } from "../../store/tasks/tasks.ts";
import type { Mirrors } from "../../worktree/mirror/mirror.ts";
import type { AuthHeader } from "../../worktree/mirror/transport.ts";
import { diffCommits } from "../../worktree/read/diff.ts";
import { treeOf } from "../../worktree/read/read-commit.ts";
import { requirePlanner } from "../intake-rules.ts";
import { readTaskChanges, readTaskPatch } from "../page/changes.ts";
import { placeComments, readComments } from "../page/comments.ts";
import { describeTaskCost } from "../page/cost.ts";
import { sendReview } from "../page/send-review.ts";
import { changeRange, findCommented } from "./comment-place.ts";
import type { Decide } from "./decide-delivered.ts";
import { describeDelivery } from "./describe-delivery.ts";
import {
  type FindDeps,
  findDetail,
  findTask,
  findTaskId,
  findWhole,
  unknownTask,
} from "./find-task.ts";
import { readCursor, writeCursor } from "./list-cursor.ts";
import { readLog, readLogPart } from "./read-log.ts";
import { readChanges } from "./retry-changed.ts";
import { updateDelivered } from "./update-delivered.ts";

/** The tasks, as the HTTP server sees them: reads rows, and has the orchestrator change them. */
export type TaskServiceDeps = AdvanceDeps &
  FindDeps & {
    config: Config;
    mirrors: Mirrors;
    redact: Redact;
    intake: IntakeRules;
    /** A task was created, and its job is in the outbox. */
    onCreated: () => void;
    space: Pick<Space, "problems">;
    authHeader: AuthHeader;
    findForge: FindForge;
    decide: Decide;
  };

export function makeTaskService(deps: TaskServiceDeps): TaskService {
  const { db, config, mirrors, redact } = deps;
  const onMirror = makeOnMirror(deps);
  /** A command of the orchestrator, for a task that is named by its id or the beginning of it. */
  const byId =
    <Rest extends unknown[], Result>(
      command: (deps: TaskServiceDeps, id: string, ...rest: Rest) => Promise<Result>,
    ) =>
    async (reference: string, ...rest: Rest) =>
      command(deps, await findTaskId(deps, reference), ...rest);
  return {
    submit: async (input, origin, idempotency) => {
      const [full] = deps.space.problems();
      if (full !== undefined)
        throw new DeputyError("insufficient_storage", `${full} No task was created.`);
      const request = { input, origin, idempotency, recipe: "change", approval: null } as const;
      const result = await acceptTask(deps.intake, request);
      deps.onCreated();
      return result;
    },
    list: async ({ cursor, ...query }) => {
      const after = cursor === null ? null : readCursor(cursor, query.sort);
      const { garbled, next, sound } = await listTasks(db, { ...query, after });
      for (const one of garbled) deps.onGarbled(one);
      return {
        ...{ tasks: sound, garbled },
        nextCursor: next && writeCursor(next, query.sort),
        freeze: await findFreeze(db),
      };
    },
    find: byId(async (_, id) => {
      const state = await getState(db, id);
      if (state === null) throw unknownTask(id);
      return { id, state };
    }),
    show: (reference) => findDetail(deps, reference),
    events: byId((_, id, afterSeq: number, limit: number) => listEvents(db, id, afterSeq, limit)),
    why: async (reference) => {
      try {
        const { garbled, ...found } = await findDetail(deps, reference);
        const { attempts, messages, questions, subtasks, task } = found;
        const [freeze, events] = await Promise.all([
          findFreeze(db),
          isTaskOver(task.state) ? [] : listLastEvents(db, task.id, 500),
        ]);
        const limitsOf = ({ agent }: Pick<Attempt, "agent">) => attemptLimits(config, task, agent);
        const facts = { attempts, events, limitsOf, now: new Date() };
        const why = explain(task, subtasks, questions, messages, { facts, freeze });
        return { ...why, subtasks: [...why.subtasks, ...garbled.map(explainGarbled)] };
      } catch (error) {
        if (error instanceof GarbledRow) return explainGarbled(error.garbled);
        throw error;
      }
    },
    ladder: async (reference) => {
      const { attempts, subtasks, task } = await findDetail(deps, reference);
      const hasPlanner = roleAgent(config, "planner", task.repository) !== null;
      const describe = (subtask: Subtask) =>
        describeLadder(
          subtask,
          attempts.filter(({ subtaskId }) => subtaskId === subtask.id),
          {
            fallbacks: subtask.kind === "work" ? findFallbacks(config, task, subtask) : [],
            mayReplan: mayPlanAnew(task, subtask, { attempts, hasPlanner, subtasks }),
            asksForHelp: task.whenStuck === "ask",
          },
        );
      return { id: task.id, subtasks: subtasks.map(describe) };
    },
    diff: async (reference) => {
      const found = await findWhole(deps, reference);
      return forPerson(onMirror, found.task, async () => {
        const { base, mirror, to } = changeRange(mirrors, found);
        return to ? diffCommits(mirror, base, to) : "";
      });
    },
    changes: async (reference, query) => {
      const found = await findDetail(deps, reference);
      return forPerson(onMirror, found.task, () => readTaskChanges(mirrors, found, query));
    },
    patch: async (reference, query) => {
      const found = await findDetail(deps, reference);
      return forPerson(onMirror, found.task, () => readTaskPatch(mirrors, found, query));
    },
    cost: async (reference) => describeTaskCost(await findWhole(deps, reference)),
    receipt: async (reference) => {
      const found = await findWhole(deps, reference);
      const describe = () => describeDelivery(deps, found.task);
      const delivery = await forPerson(onMirror, found.task, describe);
      const receipt = redactDeep(buildReceipt({ ...found, delivery }), redact);
      return { json: receipt, markdown: renderReceipt(receipt) };
    },
    log: async (reference, query) =>
      redact(await readLog(await findDetail(deps, reference), query)),
    logPart: async (reference, query) => {
      const part = await readLogPart(await findDetail(deps, reference), query);
      return { ...part, text: redact(part.text) };
    },
    cancel: byId(cancelTask),
    retry: async (reference, body) => {
      const task = await findTask(deps, reference);
      const read = () => readChanges(deps, task, body);
      return retryTask(deps, task.id, await forPerson(onMirror, task, read));
    },
    pause: byId(pauseTask),
    resume: byId(resumeTask),
    snooze: byId(snoozeTask),
    say: byId(sayToTask),
    comment: async (reference, comment, idempotency) => {
      const found = await findDetail(deps, reference);
      const { task } = found;
      return forPerson(onMirror, task, async () => {
        const pushed = isTaskOver(task.state) ? await adoptPushed(deps, task) : null;
        const set = pushed === null ? {} : { headCommit: pushed };
        const now = { ...found, task: { ...task, ...set } };
        const key = await findCommented(mirrors, now, comment.place);
        const { mirror, to } = changeRange(mirrors, now);
        const tree = to && (await treeOf(mirror, to));
        return commentOnTask(deps, task.id, { ...comment, tree }, key, idempotency, set);
      });
    },
    comments: async (reference) => {
      const found = await findDetail(deps, reference);
      return forPerson(onMirror, found.task, () => readComments(deps, found));
    },
    placeComments: async (reference, places) => {
      const found = await findDetail(deps, reference);
      return forPerson(onMirror, found.task, () => placeComments(mirrors, found, places));
    },
    review: async (reference, review, idempotency) => {
      const found = await findDetail(deps, reference);
      const send = () => sendReview(deps, found, review, idempotency);
      const sent = await forPerson(onMirror, found.task, send);
      if ("moved" in sent) return sent;
      const { comments } = await readComments(deps, await findDetail(deps, found.task.id));
      const isOurs = ({ id, path, text }: (typeof comments)[number]) =>
        sent.isNew
          ? sent.sent.includes(id)
          : review.comments.some((one) => one.path === path && one.text === text);
      return { ...sent, comments: comments.filter(isOurs) };
    },
    answer: async (reference, answer, questionId, speaker, hash) => {
      const id = await findTaskId(deps, reference);
      const mayPlan = (repository: string) => requirePlanner(config, repository);
      return answerQuestion(deps, id, answer, questionId, speaker, mayPlan, hash);
    },
    setBudget: byId(setBudget),
    accept: async (reference, tree = null) => {
      const task = await findTask(deps, reference);
      const { deliveredCommit: delivered, preparation } = task;
      if (tree === null || delivered === null || !preparation)
        return deps.decide(task.id, "accept");
      const mirror = mirrors.at(preparation.mirror);
      if ((await forPerson(onMirror, task, () => treeOf(mirror, delivered))) !== tree)
        throw new DeputyError(
          "conflict",
          `The work of ${task.id} moved on since it was shown, so nothing was merged; look at it again.`,
          { field: "tree" },
        );
      // It may move on while its tree is read, too.
      return deps.decide(task.id, "accept", { ask: null, shown: delivered });
    },
    discard: async (reference) => deps.decide(await findTaskId(deps, reference), "discard"),
    update: (reference) => updateDelivered({ ...deps, onMirror }, reference),
    rollback: async (reference) => {
      const task = await findTask(deps, reference);
      const detail = await rollBackDelivery(deps.findForge, task);
      const message = `Rolled back: ${detail}`;
      return { task: await recordHandover(deps, task.id, "task.rolled_back", message), detail };
    },
    snapshots: async (reference) => {
      const task = await findTask(deps, reference);
      const list = () => listSnapshots(db, mirrors, task);
      return { id: task.id, snapshots: await forPerson(onMirror, task, list) };
    },
    restoreSnapshot: async (reference, number) => {
      const task = await findTask(deps, reference);
      const root = config.paths.restored;
      const restore = () => restoreOne(db, mirrors, task, { number, root });
      const { path, snapshot } = await forPerson(onMirror, task, restore);
      const detail = `Snapshot ${number} is in ${path}; the folder is yours, Deputy does not remove it.`;
      return { snapshot, path, detail };
    },
    restore: async (reference) => {
      const task = await findTask(deps, reference);
      const restore = () => restoreWorktrees(db, mirrors, task);
      const { aside, worktrees } = await forPerson(onMirror, task, restore);
      const ignored =
        aside.length === 0 ? "" : `; ignored files were set aside in ${aside.join(", ")}`;
      const detail = `${worktrees.length} worktree${worktrees.length === 1 ? "" : "s"} in place${ignored}`;
      await recordHandover(deps, task.id, "task.restored", `Restored: ${detail}`);
      return { worktrees, detail };
    },
  };
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
    signs: null,
    subtasks: [],
  };
}

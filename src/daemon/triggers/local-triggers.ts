import { join } from "node:path";
import { DeputyError } from "../../core/base/error.ts";
import type { TaskOrigin } from "../../core/task/task.ts";
import { learnSecret } from "../../core/text/redact.ts";
import type { Service } from "../../http/service.ts";
import type { Db } from "../../store/database/schema.ts";
import { findActiveTask, getTask } from "../../store/tasks/tasks.ts";
import { listEndedFor, syncChains } from "../../store/triggers/chains.ts";
import {
  findDelivery,
  insertDelivery,
  listOpenDeliveries,
  noteDelivery,
  settleDelivery,
} from "../../store/triggers/inbox.ts";
import {
  deleteSchedule,
  listSchedules,
  moveSchedule,
  pauseSchedule,
  putSchedule,
  resumeSchedule,
} from "../../store/triggers/schedules.ts";
import { findWatch, keepWatches, putWatch } from "../../store/triggers/watches.ts";
import { inboxSource } from "../../triggers/folder/take-file.ts";
import { watchFolders } from "../../triggers/folder/watch-folders.ts";
import type { HookRule } from "../../triggers/hook/hook-rule.ts";
import { hookSource } from "../../triggers/hook/hook-source.ts";
import { readHookToken } from "../../triggers/hook/hook-token.ts";
import { receiveHook } from "../../triggers/hook/receive-hook.ts";
import type { Inbox } from "../../triggers/inbox.ts";
import { type LocalDeps, processLocal } from "../../triggers/process-local.ts";
import type { TriggerRules } from "../../triggers/rules.ts";
import { type Schedules, startSchedules } from "../../triggers/schedule/run-schedules.ts";
import { scheduleSource } from "../../triggers/schedule/schedule-source.ts";
import { storeEnded, tasksSource } from "../../triggers/tasks/tasks-source.ts";
import { tryRule, type WhyRefused } from "../../triggers/try-rule.ts";
import type { WatchDeps } from "../../triggers/watch/open-watch.ts";
import { startWatches } from "../../triggers/watch/run-watches.ts";
import { watchSource } from "../../triggers/watch/watch-source.ts";

/** The sources of events on this machine: each stores its own, and one loop makes tasks of them. */
export type LocalTriggers = {
  /** One round over what these sources stored. */
  round(isStopped: () => boolean): Promise<void>;
  /** The rules changed. */
  onRules(): void;
  problems(): string[];
  service: Pick<
    Service,
    "receiveHook" | "listSchedules" | "runSchedule" | "pauseSchedule" | "resumeSchedule" | "tryRule"
  >;
  stop(): Promise<void>;
};

export function startLocalTriggers(deps: {
  db: Db;
  home: string;
  /** All that is redacted; the tokens of hooks are added. */
  secrets: string[];
  inbox: Inbox;
  rules: () => TriggerRules;
  /** False until a file without a mistake was read. */
  isRead: () => boolean;
  submit: LocalDeps["submit"];
  admit: LocalDeps["admit"];
  /** Called when a delivery was stored. */
  onStored: () => void;
  /** Has the inbox looked at now. */
  look: () => Promise<void>;
  whyRefused: WhyRefused;
  watching: Pick<WatchDeps, "work" | "isFree">;
  /** Cancels a task that no person has approved yet. */
  withdrawTask: (taskId: string, why: string) => Promise<void>;
  log: LocalDeps["log"];
}): LocalTriggers {
  const { db, inbox, log, rules } = deps;
  const schedules = startSchedules({
    rows: {
      list: () => listSchedules(db),
      put: (row) => putSchedule(db, row),
      move: (row, to) => moveSchedule(db, row, to),
      remove: (rule) => deleteSchedule(db, rule),
      pause: (rule) => pauseSchedule(db, rule),
      resume: (rule, nextAt) => resumeSchedule(db, rule, nextAt),
    },
    insert: inbox.insert,
    rules: () => (deps.isRead() ? rules().schedule : null),
    onFired: deps.onStored,
    log,
  });
  const folders = watchFolders({
    folders: () =>
      rules().inbox.map((rule) => ({
        ...{ rule, path: rule.path ?? join(deps.home, "inbox"), isOurs: rule.path === null },
      })),
    insert: inbox.insert,
    onStored: deps.onStored,
    log,
  });
  const watches = startWatches({
    ...{ ...deps.watching, log, insert: inbox.insert, onStored: deps.onStored },
    rules: () => (deps.isRead() ? rules().watch : null),
    rows: {
      find: (rule) => findWatch(db, rule),
      put: (row) => putWatch(db, row),
      keep: (names) => keepWatches(db, names),
    },
    isDeclined: async (deliveryId) => {
      const made = await findDelivery(db, deliveryId);
      return made?.taskId ? (await getTask(db, made.taskId))?.state === "cancelled" : false;
    },
    withdraw: async (deliveryId, why) => {
      const end = { result: `ignored: ${why}`, subject: null, taskId: null };
      await settleDelivery(db, deliveryId, end);
      const made = await findDelivery(db, deliveryId);
      if (made?.taskId) await deps.withdrawTask(made.taskId, why);
    },
  });
  const local: LocalDeps = {
    ...{ inbox, rules, log, submit: deps.submit, admit: deps.admit },
    findActiveTask: (subject) => findActiveTask(db, subject),
  };
  const readToken = (rule: HookRule) => {
    const read = readHookToken(rule, process.env);
    if ("token" in read) learnSecret(deps.secrets, read.token);
    return read;
  };
  return {
    round: async (isStopped) => {
      const listEnded = (about: Parameters<typeof listEndedFor>[1]) => listEndedFor(db, about);
      const chains = rules().tasks;
      if (deps.isRead())
        await syncChains(
          db,
          chains.map(({ name }) => name),
        );
      await storeEnded({ listEnded, insert: inbox.insert }, chains);
      for (const source of [scheduleSource, inboxSource, hookSource, tasksSource, watchSource])
        await processLocal(local, source, isStopped);
    },
    onRules: () => {
      for (const rule of rules().hook) readToken(rule);
      schedules.wake();
      folders.onRules();
      watches.onRules();
    },
    problems: () => [
      ...folders.problems(),
      ...watches.problems(),
      ...rules().hook.flatMap((rule) => {
        const read = readToken(rule);
        return "problem" in read ? [`${read.problem}.`] : [];
      }),
    ],
    service: {
      ...serveSchedules(db, schedules, deps.look),
      receiveHook: async (post) => {
        const given = { rules: rules().hook, readToken, insert: inbox.insert };
        const answer = await receiveHook(given, post);
        if (answer.status === 202) deps.onStored();
        return answer;
      },
      tryRule: (given) => tryRule(rules(), given, deps.whyRefused, watches.show),
    },
    stop: async () => {
      await Promise.all([schedules.stop(), folders.stop(), watches.stop()]);
    },
  };
}

function serveSchedules(db: Db, schedules: Schedules, look: () => Promise<void>) {
  const list: Service["listSchedules"] = async () =>
    Promise.all(
      (await schedules.list()).map(async ({ rule, row }) => ({
        ...{ name: rule.name, cron: rule.cron, tz: rule.tz, catchUp: rule.catchUp },
        ...{ repository: rule.task.repository, goal: rule.task.goal },
        ...{ nextAt: row.pausedAt ? null : row.nextAt, pausedAt: row.pausedAt },
        ...{ lastSlot: row.lastSlot, last: await findDelivery(db, `schedule:${rule.name}:`) },
      })),
    );
  const show = async (name: string) => {
    const found = (await list()).find((one) => one.name === name);
    // The rules changed meanwhile.
    if (!found) throw new DeputyError("not_found", `There is no schedule ${name} any more.`);
    return found;
  };
  return {
    listSchedules: list,
    runSchedule: async (name: string) => {
      const deliveryId = await schedules.run(name);
      await look();
      const { result = null, taskId = null } = (await findDelivery(db, deliveryId)) ?? {};
      return { deliveryId, result, taskId };
    },
    pauseSchedule: async (name: string) => {
      await schedules.pause(name);
      return show(name);
    },
    resumeSchedule: async (name: string) => {
      await schedules.resume(name);
      return show(name);
    },
  };
}

/**
 * What a schedule starts is in the owner's own words, at a time that the owner chose, and so is a file
 * that the daemon's user put into a folder, and the owner's own checkout. It is like `deputy run`, and needs no sandbox where that
 * needs none.
 */
export function isOwners(source: TaskOrigin["source"]): boolean {
  return source === "schedule" || source === "inbox" || source === "watch";
}

export function openInbox(db: Db): Inbox {
  return {
    insert: (delivery) => insertDelivery(db, delivery),
    listOpen: (...given) => listOpenDeliveries(db, ...given),
    settle: (deliveryId, end) => settleDelivery(db, deliveryId, end),
    note: (deliveryId, note) => noteDelivery(db, deliveryId, note),
  };
}

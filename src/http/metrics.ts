import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { RepositoryUse, Volume } from "../core/base/disk-use.ts";
import { subtaskStates, taskStates } from "../core/task/lifecycle.ts";
import type { Claim } from "../core/task/outcome.ts";
import { stageNames } from "../core/task/outcome.ts";
import type { Db } from "../store/database/schema.ts";
import { findFreeze } from "../store/records/freezes.ts";
import { countByState, countOverdue } from "../store/tasks/tasks.ts";

/**
 * The metrics for Prometheus at /metrics, counted from the database on each scrape, so nothing
 * drifts.
 */
export function makeMetrics(deps: {
  db: Db;
  running: () => Claim[];
  repairedHolds: () => number;
  garbledRows: () => number;
  /** Messages from buttons of pushes since start, by what became of them. */
  replies: () => Record<string, number>;
  /** As last measured. */
  repositories: () => RepositoryUse[];
  volumes: () => Volume[];
}): () => Promise<string> {
  const registry = new Registry();
  // Measuring the event loop's delay wakes the process at this interval, in milliseconds: the
  // default of 10 would be most of an idle daemon's work.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 200 });
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const tasks = gauge("deputy_tasks", "Tasks by state", ["state"]);
  const subtasks = gauge("deputy_subtasks", "Subtasks by state", ["state"]);
  const claims = gauge("deputy_claims", "Claims this process works on, by stage", ["stage"]);
  const repaired = gauge(
    "deputy_repaired_holds",
    "Unsound holds repaired since start: each is a bug of ours",
  );
  const garbled = gauge(
    "deputy_unreadable_rows",
    "Rows of the database that cannot be read; deputy doctor names them",
  );
  const frozen = gauge("deputy_frozen", "1 while Deputy is frozen and starts nothing, else 0");
  const overdue = gauge(
    "deputy_outbox_overdue",
    "Outbox rows that should have been relayed more than ten seconds ago",
  );
  const unsent = gauge(
    "deputy_notifications_unsent",
    "Notifications that have not been delivered yet",
  );
  const replies = gauge(
    "deputy_push_replies",
    "Messages in the topic of answers since start; dropped: not from a button of ours",
    ["result"],
  );
  const use = gauge(
    "deputy_repository_bytes",
    "What a repository's mirror, worktrees and prepared trees take, measured every few minutes",
    ["repository", "kind"],
  );
  const free = gauge("deputy_volume_free_bytes", "Free space of a volume", ["volume"]);
  const floor = gauge(
    "deputy_volume_floor_bytes",
    "With less free than this nothing new starts; 0: no floor",
    ["volume"],
  );
  const setSpace = () => {
    for (const one of [use, free, floor]) one.reset(); // what is gone takes nothing
    for (const { mirrorBytes, preparedBytes, repository, worktreesBytes } of deps.repositories()) {
      use.set({ repository, kind: "prepared" }, preparedBytes);
      use.set({ repository, kind: "mirror" }, mirrorBytes);
      use.set({ repository, kind: "worktrees" }, worktreesBytes);
    }
    for (const { floorBytes, freeBytes, mount } of deps.volumes()) {
      free.set({ volume: mount }, freeBytes);
      floor.set({ volume: mount }, floorBytes);
    }
  };
  return async () => {
    setSpace();
    const counts = await countByState(deps.db);
    for (const state of taskStates) tasks.set({ state }, counts.tasks[state] ?? 0);
    for (const state of subtaskStates) subtasks.set({ state }, counts.subtasks[state] ?? 0);
    const running = deps.running();
    for (const stage of stageNames)
      claims.set({ stage }, running.filter((claim) => claim.stage === stage).length);
    repaired.set(deps.repairedHolds());
    garbled.set(deps.garbledRows());
    for (const [result, count] of Object.entries(deps.replies())) replies.set({ result }, count);
    frozen.set((await findFreeze(deps.db)) ? 1 : 0);
    const late = await countOverdue(deps.db);
    overdue.set(late.outbox);
    unsent.set(late.notifications);
    return registry.metrics();
  };
}

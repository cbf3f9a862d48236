import { hostname } from "node:os";
import { DeputyError } from "../core/base/error.ts";
import { newId } from "../core/base/id.ts";
import { leaseMs } from "../orchestrator/runner/claim.ts";
import type { StageRunner } from "../orchestrator/runner/run-stages.ts";
import { killOwnChildren } from "../recovery/reconcile.ts";
import { identifyProcess, type ProcessIdentity } from "../sandbox/process/process-identity.ts";
import type { Store } from "../store/database/open.ts";
import {
  forgetChild,
  markProgress,
  recordChild,
  registerProcess,
  renewLeases,
} from "../store/tasks/processes.ts";
import type { Log } from "./home/log.ts";
import { version } from "./home/version.ts";

/**
 * This process in the database: its registration, the heartbeat that renews the leases of its
 * claims, and the child processes that it started. When the connection that proves it alive is
 * lost, it is reopened as soon as the database answers; meanwhile no other process reaps it,
 * because it is visibly alive.
 */
export type OwnProcess = {
  processId: string;
  /** The heartbeat now renews this runner's claims, and reports cancels, pauses, freezes and lost leases. */
  workWith(runner: Runner): void;
  /** Sends one heartbeat now. Throws when the database does not answer. */
  beat(): Promise<void>;
  /** A stage is finished: recorded once. */
  noteProgress(): Promise<void>;
  /** For whatever starts children: records their pid and start time until they are gone. */
  trackChild(what: string): (identity: ProcessIdentity) => void;
  end(): Promise<void>;
};

type Runner = Pick<StageRunner, "running" | "cancelTask" | "pauseTask" | "freeze" | "abandon">;

const beatMs = 10_000;

export async function startOwnProcess(
  store: Store,
  kind: "daemon" | "worker",
  options: {
    log: Log;
    home: string;
    /** How many attempts it runs at once. */
    slots: number;
    onDatabaseLost: () => Promise<void>;
  },
): Promise<OwnProcess> {
  const { log } = options;
  const processId = newId("process");
  let ended = false;
  let rejoining = false;
  const rejoin = async () => {
    if (ended || rejoining) return;
    rejoining = true;
    for (let wait = 250; !ended; wait = Math.min(5_000, wait * 2)) {
      try {
        await options.onDatabaseLost();
        await registered?.rejoin();
        log.info({ process: processId }, "database is back");
        break;
      } catch (error) {
        log.warn({ process: processId, err: error }, "database is away; trying again");
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
    rejoining = false;
  };
  const registered = await registerProcess(
    store.db,
    store.connection,
    {
      id: processId,
      kind,
      pid: process.pid,
      startTicks: identifyProcess(process.pid)?.startTicks ?? null,
      host: hostname(),
      ...{ version, slots: options.slots },
    },
    (error) => {
      log.error(
        { process: processId, err: error },
        "lost the connection that proves this process alive",
      );
      void rejoin();
    },
  );
  if (!registered) {
    throw new DeputyError(
      "conflict",
      `Another daemon already works on the database of ${options.home}; use it, or stop it with deputy down.`,
    );
  }
  let runner: Runner | null = null;
  const beat = async () => {
    const claims = runner?.running() ?? [];
    const { lost, cancelledTasks, pausedTasks, isFrozen } = await renewLeases(
      store.db,
      processId,
      leaseMs,
      claims,
    );
    // A cancel notification is only a hint, and may be lost.
    for (const taskId of cancelledTasks) runner?.cancelTask(taskId);
    for (const taskId of pausedTasks) runner?.pauseTask(taskId);
    if (isFrozen) runner?.freeze();
    for (const claim of lost) runner?.abandon(claim);
  };
  const beatTimer = setInterval(() => {
    beat().catch((error) => log.error({ err: error }, "could not renew leases"));
  }, beatMs);
  let noted: Promise<void> | null = null;
  const tracked = new Set<ProcessIdentity>();
  // The next sweep forgets a process that is gone; an extra row is harmless, because its start time
  // no longer matches anything.
  const sweep = setInterval(() => {
    for (const identity of tracked) {
      if (identifyProcess(identity.pid)?.startTicks === identity.startTicks) continue;
      tracked.delete(identity);
      const { pid, startTicks } = identity;
      if (startTicks)
        forgetChild(store.db, { processId, pid, startTicks }).catch((error) =>
          log.warn({ err: error }, "could not forget a process"),
        );
    }
  }, 30_000);
  return {
    processId,
    workWith: (own) => {
      runner = own;
    },
    beat,
    noteProgress: async () => {
      noted ??= markProgress(store.db, processId).catch((error) => {
        noted = null; // the next stage tries again
        log.warn({ err: error }, "could not record that a stage was finished");
      });
      await noted;
    },
    trackChild: (what) => (identity) => {
      if (!identity.startTicks) return;
      tracked.add(identity);
      recordChild(store.db, {
        processId,
        pid: identity.pid,
        startTicks: identity.startTicks,
        what,
      }).catch((error) =>
        log.warn(
          { pid: identity.pid, err: error },
          "could not record a process; its mark in the environment still identifies it",
        ),
      );
    },
    end: async () => {
      ended = true;
      clearInterval(beatTimer);
      clearInterval(sweep);
      await registered.release();
    },
  };
}

/** Parks running work. What does not end in time is killed; the next start takes over its claim. */
export async function parkAll(
  runner: Pick<StageRunner, "running" | "stop">,
  processId: string,
  graceMs: number,
  log: Log,
): Promise<void> {
  if (await runner.stop(graceMs)) return;
  const processesKilled = killOwnChildren(processId);
  log.warn(
    { claims: runner.running(), processesKilled },
    "not everything could be parked in time; the next start takes it over",
  );
}

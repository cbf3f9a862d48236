import { DeputyError } from "../core/base/error.ts";
import type { Task } from "../core/task/task.ts";
import type { IntakeRequest } from "../orchestrator/intake/intake.ts";
import type { Admit } from "./guards/admit.ts";
import type { Guards } from "./guards/guard-rule.ts";
import type { Inbox, OpenDelivery } from "./inbox.ts";
import { isHeldBack, judgeRefusal, retryFailed } from "./refusal.ts";
import type { TriggerRules } from "./rules.ts";

/**
 * Turns stored deliveries of the sources of this machine (schedules, files, hooks, watches) into tasks, oldest
 * first. Each source reads its own deliveries, purely; all else is the same for all of them. The
 * delivery's id is the task's idempotency key, so a crash between submitting and recording finds the
 * same task again.
 */
export type LocalStart = Pick<IntakeRequest, "input" | "origin"> & {
  /** The name of the rule that fired. */
  rule: string;
  guards: Guards;
  /** Which rule fired. */
  reason: string;
  /** What a person is asked first; left out: nobody is. */
  ask?: string | null;
};

export type LocalSource = {
  name: "schedule" | "inbox" | "hook" | "tasks" | "watch";
  /** What a delivery starts, or why it starts nothing. */
  read(
    delivery: Pick<OpenDelivery, "event" | "payload">,
    rules: TriggerRules,
  ): LocalStart | { ignored: string };
  /** Called when the task was refused for good, before that is recorded; may come twice, and may fail. */
  onRefused?: (delivery: OpenDelivery, why: string) => Promise<void>;
};

export type LocalDeps = {
  inbox: Omit<Inbox, "insert">;
  rules: () => TriggerRules;
  /** Throws a DeputyError if the request is refused, `conflict` if the subject is busy. */
  submit: (request: IntakeRequest) => Promise<{ task: Pick<Task, "id"> }>;
  /** Throws a DeputyError where the rule's guards let nothing start. */
  admit: Admit;
  findActiveTask: (subject: string) => Promise<string | null>;
  log: (level: "info" | "warn", fields: object, message: string) => void;
};

const pageSize = 20;

/** One round over the open deliveries of one source. */
export async function processLocal(
  deps: LocalDeps,
  source: LocalSource,
  isStopped: () => boolean = () => false,
): Promise<void> {
  const seen: string[] = [];
  for (;;) {
    const page = await deps.inbox.listOpen([source.name], pageSize, seen);
    if (page.length === 0) return;
    for (const delivery of page) {
      if (isStopped()) return;
      seen.push(delivery.deliveryId);
      if (isHeldBack(delivery)) continue;
      await processDelivery(deps, source, delivery).catch((error) =>
        retryFailed(deps, delivery, error),
      );
    }
  }
}

async function processDelivery(
  deps: LocalDeps,
  source: LocalSource,
  delivery: OpenDelivery,
): Promise<void> {
  const { deliveryId } = delivery;
  const settle = async (result: string, subject: string | null, taskId: string | null) => {
    await deps.inbox.settle(deliveryId, { result: result.slice(0, 1000), subject, taskId });
    deps.log("info", { deliveryId, taskId }, `Delivery settled: ${result}`);
  };
  let subject: string | null = null;
  try {
    const start = source.read(delivery, deps.rules());
    if ("ignored" in start) return await settle(`ignored: ${start.ignored}`, null, null);
    const { ask = null, guards, input, origin, reason, rule } = start;
    subject = origin.subject;
    if (subject === null || (await deps.findActiveTask(subject)) === null) {
      const { repository } = input;
      const depth = origin.depth ?? 0;
      await deps.admit({ deliveryId, rule, guards, repository, depth, subject: null });
    }
    const idempotency = { key: deliveryId, bodyHash: source.name };
    const { task } = await deps.submit({
      ...{ input, origin, idempotency },
      ...{ recipe: "change", approval: ask },
    });
    await settle(`change: ${reason}`, subject, task.id);
  } catch (error) {
    const isBusy = error instanceof DeputyError && error.code === "conflict";
    const active = isBusy && subject !== null ? await deps.findActiveTask(subject) : null;
    if (active !== null) return settle(`joined: ${active} is at work on it`, subject, active);
    const { isFinal, log, message, result } = judgeRefusal(delivery, error);
    if (!isFinal && result === delivery.result) return; // already logged
    deps.log("warn", { deliveryId }, log);
    if (!isFinal) return deps.inbox.note(deliveryId, { result, subject });
    // Whoever is told may be gone, or its folder full: the row has the reason, and the next is waiting.
    await source.onRefused?.(delivery, message).catch((err) => {
      deps.log("warn", { deliveryId, err }, "A refusal is recorded, and could not be told");
    });
    await settle(result, subject, null);
  }
}

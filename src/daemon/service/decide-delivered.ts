import type { Config } from "../../config/config.ts";
import type { Deciding } from "../../core/attention/deciding.ts";
import { decisionOf, type Task } from "../../core/task/task.ts";
import type { Redact } from "../../core/text/redact.ts";
import { acceptDelivery, discardDelivery } from "../../delivery/hand-over.ts";
import { recordHandover } from "../../orchestrator/commands/commands.ts";
import {
  beginDecision,
  type DecidedBy,
  withdrawDecision,
} from "../../orchestrator/commands/decide.ts";
import { forPerson, type OnMirror } from "../../recovery/on-mirror.ts";
import { waitOut } from "../../store/database/outage.ts";
import { takeAbandoned } from "../../store/tasks/decisions.ts";
import { type FindDeps, findTask } from "./find-task.ts";
import { type NoteDeps, noteDecided } from "./note-decided.ts";

/**
 * Accept and discard: the repository is changed between the decision and its record. What a process that
 * died has begun is finished by the next one.
 */
export type DecideDeps = NoteDeps &
  FindDeps & { config: Config; onMirror: OnMirror; redact: Redact; processId: string };
export type Decide = ReturnType<typeof makeDecide>;

type Decided = { task: Task; detail: string };

/** `by`: what the decision came by; null: the API, which checks who asks. */
export function makeDecide(deps: DecideDeps) {
  const { processId } = deps;
  return async (
    taskId: string,
    verb: Deciding["verb"],
    by: DecidedBy | null = null,
  ): Promise<Decided> => {
    await beginDecision(deps, { taskId, verb, processId }, by);
    return carryOut(deps, taskId, verb);
  };
}

/** Carries out what dead processes had begun. `onError`: it is tried again, or was withdrawn. */
export async function finishAbandoned(
  deps: DecideDeps,
  onError: (error: Error) => void,
): Promise<void> {
  for (const { taskId, verb } of await takeAbandoned(deps.db, deps.processId))
    await carryOut(deps, taskId, verb).catch(onError);
}

async function carryOut(deps: DecideDeps, id: string, verb: Deciding["verb"]): Promise<Decided> {
  try {
    return await (verb === "accept" ? accept(deps, id) : discard(deps, id));
  } catch (error) {
    await waitOut(() => withdrawDecision(deps, { taskId: id, processId: deps.processId }));
    throw error;
  }
}

async function accept(deps: DecideDeps, id: string): Promise<Decided> {
  const task = await findTask(deps, id);
  // Of a pull request only its forge can tell.
  const work = task.deliveryUrl === null ? null : await noteDecided(deps, task);
  if (work === "merged") {
    const detail = `${task.deliveryUrl} was merged there, so it counts as accepted`;
    return record(deps, id, "task.accepted", `Accepted: ${detail}`, detail);
  }
  const detail = await acceptDelivery(task);
  return record(deps, id, "task.accepted", `Accepted: ${detail}`, detail);
}

async function discard(deps: DecideDeps, id: string): Promise<Decided> {
  const found = await findTask(deps, id);
  // What was merged by hand was accepted, so its record stays.
  const isOpen = decisionOf(found) === "open" && found.deliveryUrl === null;
  if (isOpen) await noteDecided(deps, found);
  const task = isOpen ? await findTask(deps, found.id) : found;
  const { authHeader, config, db, mirrors, redact } = deps;
  const { artifacts } = config.paths;
  const detail = await forPerson(deps.onMirror, task, () =>
    discardDelivery(db, mirrors, task, { artifacts, authHeader, redact }),
  );
  return record(deps, id, "task.discarded", `Discarded: ${detail}`, detail);
}

/** The repository is changed by now, so this waits for a database that is away. */
async function record(
  deps: DecideDeps,
  id: string,
  type: "task.accepted" | "task.discarded",
  message: string,
  detail: string,
): Promise<Decided> {
  return { task: await waitOut(() => recordHandover(deps, id, type, message)), detail };
}

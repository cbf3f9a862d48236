import { DeputyError } from "../../core/base/error.ts";
import { numberOfPull, subjectOf, withoutForge, writePlace } from "../../core/forge/place.ts";
import type { Task } from "../../core/task/task.ts";
import { makeInert } from "../../core/text/inert-text.ts";
import { isCapped } from "../guards/admit.ts";
import type { OpenDelivery } from "../inbox.ts";
import { isHeldBack, judgeRefusal } from "../refusal.ts";
import { mergeablePayload, pushPayload } from "./github-payload.ts";
import type { InboxDeps, OwnPullDeps } from "./inbox-deps.ts";
import { findForOwn } from "./match-github.ts";
import { admitOwn } from "./repair-checks.ts";
import { ended, retryLater, settle } from "./settle-delivery.ts";

/**
 * A branch moved: pull requests of ours that conflict with it now are brought up to date, as `deputy
 * update` does, and worked on where that conflicts. One that merges as it is stays as it is. Looking
 * again after a crash is safe: what is at work, or merges by now, is left.
 *
 * Each pull request is one of its own: what keeps one from it is said in the result, or has the push
 * looked at again for that one alone, and the others go on. What was done is kept in the note until
 * then. Whether the delivery is settled; null: it is about something else.
 */
export async function updateConflicted(
  deps: InboxDeps,
  delivery: OpenDelivery,
): Promise<boolean | null> {
  const { own } = deps;
  const { data: push } = pushPayload.safeParse(delivery.event === "push" ? delivery.payload : null);
  if (own === null || !push) return null;
  const { forge, full_name: repository } = push.repository;
  const [, branch] = /^refs\/heads\/(.+)$/.exec(push.ref) ?? [];
  const [rule] = findForOwn(deps.rules()[forge], forge, "own_base.moved", repository);
  if (branch === undefined || push.deleted === true || !rule) return null;
  if (isHeldBack(delivery)) return false;
  const done = readDone(delivery.result);
  const waits: Wait[] = [];
  /** Until then the forge answers nothing, whatever it is asked about. */
  let limit: Date | null = null;
  const meet = (about: string, error: unknown) => {
    const { isFinal, message, result } = judgeRefusal(delivery, error);
    const [end = ""] = result.split(":", 1);
    if (isFinal) done.set(about, `${end} for ${about}: ${message}`);
    else {
      const retryAt = error instanceof DeputyError ? error.retryAt : null;
      if (retryAt && !isCapped(error)) limit = retryAt;
      const until = retryAt ?? new Date(Date.now() + pauseMs);
      waits.push({ why: `${about}: ${message}`, until, isError: true });
    }
  };
  const bringUp = async (task: Task, place: string) => {
    const pull = await readMergeable(own, place);
    if (pull.state !== "open" || pull.base.ref !== branch || pull.mergeable === true) return;
    const about = withoutForge(place);
    if (pull.mergeable === false) {
      await admitOwn(deps, { delivery, rule, task, subject: subjectOf(forge, place) });
      done.set(about, await update(own, task, place));
    } else if (Date.now() - delivery.receivedAt.getTime() < longestWaitMs) {
      const why = `${about}: GitHub does not know yet whether it merges`;
      waits.push({ why, until: new Date(Date.now() + pauseMs), isError: false });
    } else done.set(about, `left ${about}: GitHub did not find out whether it merges`);
  };
  let tasks: Task[];
  try {
    tasks = await own.listOpenPulls(repository);
  } catch (error) {
    return retryLater(deps, delivery, `${forge}:${repository}`, error);
  }
  for (const task of tasks) {
    if (limit) break;
    const number = numberOfPull(task.deliveryUrl);
    if (number === null) continue;
    const place = writePlace({ forge, repository, number, isPull: true });
    const about = withoutForge(place);
    if (!done.has(about)) await bringUp(task, place).catch((error) => meet(about, error));
  }
  if (waits.length > 0) return keepOpen(deps, delivery, { waits, done, limit });
  const result =
    done.size > 0 ? [...done.values()].join("; ") : "ignored: no pull request of ours conflicts";
  return settle(deps, delivery.deliveryId, ended(result, null));
}

const longestWaitMs = 10 * 60_000;
const pauseMs = 20_000;

/** Why a pull request is looked at again. */
type Wait = { why: string; until: Date; isError: boolean };

/** By pull request; each is a line of the note, after the line with what the push waits for. */
type Done = Map<string, string>;

async function keepOpen(
  deps: InboxDeps,
  delivery: OpenDelivery,
  { done, limit, waits }: { done: Done; limit: Date | null; waits: readonly Wait[] },
): Promise<false> {
  const { deliveryId } = delivery;
  const until = limit ?? new Date(Math.min(...waits.map((wait) => wait.until.getTime())));
  for (const { isError, why } of waits)
    if (isError && !delivery.result?.includes(oneLine(why)))
      deps.log("warn", { deliveryId }, `Delivery is tried again later: ${why}`);
  const first = `waits until ${until.toISOString()}: ${waits.map(({ why }) => why).join("; ")}`;
  const result = [first, ...done.values()].map(oneLine).join("\n");
  await deps.inbox.note(deliveryId, { result, subject: null });
  return false;
}

function readDone(note: string | null): Done {
  const lines = (note ?? "").split("\n").slice(1);
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const [, about] = /^(?:updated|refused for|gave up for|left) (\S+): /.exec(line) ?? [];
      return about === undefined ? [] : [[about, line]];
    }),
  );
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").slice(0, 500);
}

async function readMergeable(own: OwnPullDeps, place: string) {
  const { data, error } = mergeablePayload.safeParse(await own.readPull(place));
  if (data) return data;
  const field = error.issues[0]?.path.join(".") || "the whole";
  throw new DeputyError("unprocessable", `it is not in the form of a pull request at ${field}`);
}

/** What came of it; a refusal is said where the pull request is read, and to a person. */
async function update(own: OwnPullDeps, task: Task, place: string): Promise<string> {
  try {
    return `updated ${withoutForge(place)}: ${await own.update(task.id)}`;
  } catch (error) {
    if (!(error instanceof DeputyError) || error.code === "unavailable") throw error;
    await own.tell(place, task.id, `I cannot bring this up to date: ${makeInert(error.message)}`);
    await own.callPerson(task.id, error.message);
    return `refused for ${withoutForge(place)}: ${error.message}`;
  }
}

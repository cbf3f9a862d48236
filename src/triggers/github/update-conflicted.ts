import { DeputyError } from "../../core/base/error.ts";
import { subjectOf, withoutForge, writePlace } from "../../core/forge/place.ts";
import type { Task } from "../../core/task/task.ts";
import { makeInert } from "../../core/text/inert-text.ts";
import type { OpenDelivery } from "../inbox.ts";
import { isHeldBack } from "../refusal.ts";
import { mergeablePayload, pushPayload } from "./github-payload.ts";
import type { InboxDeps, OwnPullDeps } from "./inbox-deps.ts";
import { findForOwn } from "./match-github.ts";
import { admitOwn } from "./repair-checks.ts";
import { ended, retryLater, settle } from "./settle-delivery.ts";

/**
 * A branch moved: pull requests of ours that conflict with it now are brought up to date, as `deputy
 * update` does, and worked on where that conflicts. One that merges as it is stays as it is. Looking
 * again after a crash is safe: what is at work, or merges by now, is left. Whether the delivery is
 * settled; null: it is about something else.
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
  const done: string[] = [];
  let unknown = 0;
  try {
    for (const task of await own.listOpenPulls(repository)) {
      const pull = await readMergeable(own, { forge, repository, task });
      if (pull === null || pull.state !== "open" || pull.base.ref !== branch) continue;
      if (pull.mergeable === true) continue;
      if (pull.mergeable !== false) {
        unknown++;
        continue;
      }
      const subject = subjectOf(forge, pull.place);
      await admitOwn(deps, { delivery, rule, task, subject });
      done.push(await update(own, task, pull.place));
    }
  } catch (error) {
    return retryLater(deps, delivery, `${forge}:${repository}`, error);
  }
  if (unknown > 0 && Date.now() - delivery.receivedAt.getTime() < longestWaitMs) {
    const until = new Date(Date.now() + pauseMs).toISOString();
    const result = `waits until ${until}: of ${unknown} pull requests GitHub does not know yet whether they merge`;
    await deps.inbox.note(delivery.deliveryId, { result, subject: null });
    return false;
  }
  const result = done.length > 0 ? done.join("; ") : "ignored: no pull request of ours conflicts";
  return settle(deps, delivery.deliveryId, ended(result, null));
}

const longestWaitMs = 10 * 60_000;
const pauseMs = 20_000;

async function readMergeable(
  own: OwnPullDeps,
  { forge, repository, task }: { forge: InboxDeps["forge"]; repository: string; task: Task },
) {
  const [, number] = /\/pulls?\/(\d{1,12})$/.exec(task.deliveryUrl ?? "") ?? [];
  if (number === undefined) return null;
  const place = writePlace({ forge, repository, number: Number(number), isPull: true });
  return { ...mergeablePayload.parse(await own.readPull(place)), place };
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

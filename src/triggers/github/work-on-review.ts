import { whyNoRepair } from "../../core/forge/decide-repair.ts";
import { subjectOf, writePlace } from "../../core/forge/place.ts";
import type { ReviewThread } from "../../core/forge/review-thread.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import { decisionOf, type Task } from "../../core/task/task.ts";
import { fence, wrapOutsideText } from "../../core/text/data-block.ts";
import { makeInert } from "../../core/text/inert-text.ts";
import { cleanOutsideText } from "../../core/text/outside-text.ts";
import type { OpenDelivery } from "../inbox.ts";
import { isHeldBack } from "../refusal.ts";
import { mayWriteNow } from "./commands/may-write-now.ts";
import { isOurComment } from "./github-event.ts";
import { reviewPayload } from "./github-payload.ts";
import { isBot, trustOfPerson } from "./github-trust.ts";
import type { InboxDeps, OwnPullDeps } from "./inbox-deps.ts";
import { findForOwn, isTrusted } from "./match-github.ts";
import { admitOwn, reworkOrCall, waitsForOther } from "./repair-checks.ts";
import { retryLater, settle } from "./settle-delivery.ts";

/**
 * A review of a pull request of ours, by somebody who may write, has its task worked on again: one
 * rework with all of its threads, each of which gets a reply once that is delivered
 * (delivery/github/answer-reviews.ts). Reviews are worked on so often, those that ask for changes less; then a
 * person is called. Whether the delivery is settled; null: it is about something else.
 */
export async function workOnReview(
  deps: InboxDeps,
  delivery: OpenDelivery,
): Promise<boolean | null> {
  const { own } = deps;
  if (own === null || delivery.event !== "pull_request_review") return null;
  const { data } = reviewPayload.safeParse(delivery.payload);
  if (!data || isBot(data.sender)) return null;
  const { pull_request: pull, repository, review, sender } = data;
  const { forge, full_name: name } = repository;
  const rules = findForOwn(deps.rules()[forge], forge, "own_review.submitted", name);
  const [first] = rules;
  if (!first) return null;
  if (isHeldBack(delivery)) return false;
  const place = writePlace({ forge, repository: name, number: pull.number, isPull: true });
  const subject = subjectOf(forge, place);
  try {
    const task = await own.findDelivered(name, { branch: pull.head.ref, commit: pull.head.sha });
    if (task === null || task.deliveryUrl !== pull.html_url) return null;
    const done = (result: string) =>
      settle(deps, delivery.deliveryId, { result, subject, taskId: task.id });
    if (isTaskOver(task.state) && decisionOf(task) !== "open")
      return done(`ignored: ${task.id} was decided on, or failed`);
    const association = review.author_association ?? null;
    const about = { author: review.user, association, owner: repository.owner };
    const isKnown =
      trustOfPerson(sender, about).mayWrite || rules.some(({ rule }) => isTrusted(rule, sender));
    if (!isKnown && !(await mayWriteNow(deps, name, sender)))
      return done(`ignored: nothing shows that ${sender.login} has write access`);
    if (await waitsForOther(deps, delivery, subject, task)) return false;
    const threads = await own.listThreads(place, review.id);
    const body = isOurComment(review.body ?? "") ? "" : cleanOutsideText(review.body ?? "").trim();
    if (threads.length === 0 && body === "") return done("ignored: it says nothing to work on");
    const asksForChanges = review.state === "changes_requested";
    const found = { id: review.id, by: sender.login, asksForChanges, body, threads, place };
    const admit = () => admitOwn(deps, { delivery, rule: first, task, subject });
    return done(await workOn(deps, own, task, found, admit));
  } catch (error) {
    return retryLater(deps, delivery, subject, error);
  }
}

type Review = {
  id: number;
  by: string;
  asksForChanges: boolean;
  body: string;
  threads: ReviewThread[];
  place: string;
};

/** Of the keys under which reviews that only comment are recorded. */
const commentPrefix = "comment:";

/** Starts the rework, or calls a person. Returns the result. */
async function workOn(
  deps: InboxDeps,
  own: OwnPullDeps,
  task: Task,
  review: Review,
  admit: () => Promise<void>,
): Promise<string> {
  const { asksForChanges, body, by, place, threads } = review;
  const key = String(review.id);
  // Those that only comment count among themselves, and in all: a program may write one for each push.
  const recorded = await own.listRepairs(task.id, "review");
  const isComment = (one: { key: string }) => one.key.startsWith(commentPrefix);
  const earlier = recorded.filter((one) => isComment(one) !== asksForChanges);
  const repair = {
    key: asksForChanges ? key : commentPrefix + key,
    signature: null,
    startsOver: !asksForChanges,
  };
  const did = asksForChanges ? `${by} asked for changes on ${place}` : `${by} reviewed ${place}`;
  const why = whyNoRepair(repair, earlier, did);
  if (why === null) await admit();
  const decision = why === null ? "repair" : "hand_over";
  await own.recordRepair(task.id, "review", { ...repair, decision });
  if (why !== null) {
    await own.tell(place, task.id, `I stopped working on reviews by myself: ${makeInert(why)}.`);
    await own.callPerson(task.id, why);
    return `handed over: ${why}`;
  }
  const commentIds = [...threads.map(({ commentId }) => commentId), ...(body === "" ? [] : [null])];
  const labels = await own.keepThreads(task.id, { reviewId: key, place, commentIds });
  const parts = [
    ...threads.map((thread, index) => describeThread(labels[index] ?? "", thread)),
    ...(body === "" ? [] : [`${labels.at(-1)}: about the whole change, by ${by}:\n\n${body}`]),
  ];
  const text = `${by}, who may write, reviewed ${place}${asksForChanges ? " and asks for changes" : ""}. Judge each of these threads by itself: FIX what is right, CONTEST what is wrong, with the reason, and answer what is a QUESTION. End your summary with one line for each, which is posted there as your reply: ${labels.map((label) => `\`REPLY ${label} FIX: …\``).join(", ")}, or with CONTEST or QUESTION in place of FIX.\n\n${wrapOutsideText(cleanOutsideText(parts.join("\n\n")), place)}`;
  const refused = await reworkOrCall(deps, own, {
    ...{ task, place, text, key: `review:${key}`, voice: "review" },
  });
  return refused ?? `rework: ${by} reviewed ${place}`;
}

function describeThread(label: string, { comments, hunk, line, path }: ReviewThread): string {
  const said = comments.map(({ body, by }) => `${by}: ${body}`);
  const where = `${path}${line === null ? "" : `, line ${line}`}`;
  return [`${label}: on ${where}`, ...(hunk === "" ? [] : [fence(hunk)]), ...said].join("\n\n");
}

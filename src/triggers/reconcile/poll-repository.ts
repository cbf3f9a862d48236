import { createHash } from "node:crypto";
import { z } from "zod";
import { DeputyError } from "../../core/base/error.ts";
import { repositoryWord, writePlace } from "../../core/forge/place.ts";
import { nameState } from "./name-state.ts";
import type { ReconcileDeps } from "./reconcile.ts";
import type { Wanted } from "./wanted-events.ts";

/**
 * Deliveries made of a repository's lists of issues and comments, where the log of its hook cannot be
 * read: opened, labelled, commented on, and the heads of pull requests. What is closed, edited or
 * reviewed is not among them. Each has a name for its subject and state, by which a webhook that told
 * of it is known.
 */
const date = z.coerce.date();
const issueShape = z.looseObject({
  number: z.number().int().positive(),
  created_at: date,
  updated_at: date,
  user: z.unknown(),
  labels: z.array(z.looseObject({ name: z.string() })).nullish(),
  pull_request: z.unknown().optional(),
});
type Issue = z.infer<typeof issueShape>;
const commentShape = z.looseObject({
  id: z.number(),
  created_at: date,
  updated_at: date,
  issue_url: z.string(),
  user: z.unknown(),
});
const pullShape = z.looseObject({
  number: z.number(),
  state: z.string(),
  draft: z.boolean().nullish(),
  created_at: date,
  user: z.unknown(),
  head: z.looseObject({ sha: z.string().regex(/^[0-9a-f]{40,64}$/) }),
});
const commitShape = z.looseObject({
  commit: z.looseObject({ committer: z.looseObject({ date }) }),
});

const itemShape = z.looseObject({
  id: z.unknown(),
  number: z.unknown(),
  updated_at: date,
});

/** Entries of one list that could not be asked for before the rest is left to a later round. */
const mostAway = 3;
const giveUpAfterMs = 3 * 24 * 60 * 60_000;

type Made = { event: string; payload: Record<string, unknown>; at: Date };

/** A webhook of the same may have come a little before the time that GitHub writes down. */
const slackMs = 60_000;

/** Returns how many deliveries were new. */
export async function pollRepository(
  deps: ReconcileDeps,
  repository: string,
  wanted: Wanted,
): Promise<number> {
  const { kinds } = wanted;
  const has = (...some: Parameters<typeof kinds.has>) => some.some((kind) => kinds.has(kind));
  const isHeard = [...kinds].some((kind) => kind === "command" || kind.startsWith("issues."));
  const isPulls = [...kinds].some((kind) => kind.startsWith("pull_request."));
  let found = 0;
  if (has("issues.opened") || has("issues.labeled") || isPulls) {
    found += await pollList(deps, repository, "issues", async (item, since) => {
      const issue = issueShape.parse(item);
      if (issue.pull_request) return isPulls ? findHead(deps, repository, issue, since) : [];
      return findIssue(deps, repository, issue, since, wanted);
    });
  }
  if (isHeard) {
    found += await pollList(deps, repository, "comments", async (item, since) => {
      const comment = commentShape.parse(item);
      const [path] = /\/(?:issues|merge_requests)\/\d+$/.exec(comment.issue_url) ?? [];
      if (comment.created_at < since || path === undefined) return [];
      const issue = await deps.look.read(repository, path);
      if (issue === null) return [];
      const payload = { action: "created", issue, comment, sender: comment.user };
      return [{ event: "issue_comment", payload, at: comment.created_at }];
    });
  }
  return found;
}

/** The first look at a list only says where it begins. */
async function pollList(
  deps: ReconcileDeps,
  repository: string,
  what: "issues" | "comments",
  make: (item: unknown, since: Date) => Promise<Made[]>,
): Promise<number> {
  const name = `${repositoryWord(deps.forge, repository)} ${what}`;
  const cursor = await deps.readCursor(name);
  if (cursor === null) {
    await deps.writeCursor(name, { seenUntil: new Date(), etag: null });
    return 0;
  }
  const { etag, seenUntil } = cursor;
  // Whole, because what is at the end of a backlog may have begun before what is at its head. It begins
  // with the last second of the former round, in which more may have come; what is known is left out.
  const askedAt = new Date();
  const page = await deps.look.poll(repository, what, { since: seenUntil, etag });
  if (page === null) return 0;
  const of = await deps.look.read(repository, "");
  let found = 0;
  let last = seenUntil;
  let failedAt: Date | null = null;
  let awayFor = 0;
  for (const item of page.items) {
    const { data: told } = itemShape.safeParse(item);
    try {
      for (const { at, event, payload } of await make(item, seenUntil)) {
        if (await keepNew(deps, { event, at, payload: { ...payload, repository: of } })) found++;
      }
    } catch (error) {
      if (error instanceof DeputyError && error.retryAt !== null) throw error;
      // Not this entry's fault: the forge is away, and each further call may take as long.
      const isAway = error instanceof DeputyError && error.code === "unavailable";
      if (isAway && ++awayFor === mostAway) throw error;
      // It keeps no later one from being read, and is asked for again as long as a hook's log would have it.
      const at = told?.updated_at ?? null;
      const isTriedAgain = at !== null && at.getTime() > Date.now() - giveUpAfterMs;
      if (isTriedAgain && (failedAt === null || at < failedAt)) failedAt = at;
      const fields = { repository, what, id: told?.id, number: told?.number, err: error };
      const { message } = error as Error;
      deps.log("warn", fields, `An entry of the ${what} of ${repository} was not read: ${message}`);
    }
    if (told && told.updated_at > last) last = told.updated_at;
  }
  if (failedAt !== null && failedAt < last) last = failedAt;
  // What changed while the list was read may not be in it.
  if (last > askedAt) last = askedAt;
  // The tag is that of this question: another beginning has another one.
  const isSame = last.getTime() === seenUntil.getTime() && failedAt === null;
  await deps.writeCursor(name, { seenUntil: last, etag: isSame ? page.etag : null });
  return found;
}

async function keepNew(deps: ReconcileDeps, { at, event, payload }: Made): Promise<boolean> {
  const about = nameState(event, payload);
  if (about === null) return false;
  // A label may be set again: other polls of it have other ids, and a webhook came at its time.
  const isRepeatable = payload.action === "labeled";
  const since = isRepeatable ? new Date(at.getTime() - slackMs) : null;
  if (await deps.isKnown(about, { by: isRepeatable ? "hook" : null, since })) return false;
  const name = `${about}${isRepeatable ? ` ${at.getTime()}` : ""}`;
  // Readable, and by the hash another one for each name: an id is short and has few characters.
  const hash = createHash("sha256").update(name).digest("hex").slice(0, 32);
  const id = `poll:${name.replace(/[^\w.-]/g, ".").slice(0, 60)}:${hash}`;
  const isNew = await deps.keep({ id, event, payload, at });
  if (isNew) deps.log("info", { deliveryId: id }, `A poll found ${about}`);
  return isNew;
}

async function findIssue(
  { forge, look }: ReconcileDeps,
  repository: string,
  issue: Issue,
  since: Date,
  { kinds, labels }: Wanted,
): Promise<Made[]> {
  const made: Made[] = [];
  if (kinds.has("issues.opened") && issue.created_at >= since) {
    const payload = { action: "opened", issue, sender: issue.user };
    made.push({ event: "issues", payload, at: issue.created_at });
  }
  const isLabelled = (issue.labels ?? []).some(({ name }) => labels.has(name.toLowerCase()));
  if (!kinds.has("issues.labeled") || !isLabelled) return made;
  const place = writePlace({ forge, repository, number: issue.number, isPull: false });
  for (const { at, by, label } of await look.listLabelled(place)) {
    if (at < since || !labels.has(label.toLowerCase())) continue;
    const payload = { action: "labeled", issue, label: { name: label }, sender: by };
    made.push({ event: "issues", payload, at });
  }
  return made;
}

/** Heads are told of by their names, and the inbox remembers those for thirty days at least. */
const memoryMs = 25 * 24 * 60 * 60_000;

/**
 * A pull request is new, or has a head of which nothing told: one may be committed long before it is
 * pushed, or before a draft is made ready, so that its date only leaves out heads from before the
 * first look at pull requests, and those too old to be remembered.
 */
async function findHead(
  { forge, look, readCursor, writeCursor }: ReconcileDeps,
  repository: string,
  { number }: Issue,
  since: Date,
): Promise<Made[]> {
  const name = `${repositoryWord(forge, repository)} pulls`;
  const begun = (await readCursor(name))?.seenUntil ?? since;
  if (begun === since) await writeCursor(name, { seenUntil: since, etag: null });
  const pull = pullShape.parse(await look.read(repository, `/pulls/${number}`));
  if (pull.state !== "open" || pull.draft) return [];
  const isNew = pull.created_at >= since;
  const { commit } = commitShape.parse(await look.read(repository, `/commits/${pull.head.sha}`));
  const at = commit.committer.date;
  if (!isNew && at.getTime() < Math.max(begun.getTime(), Date.now() - memoryMs)) return [];
  const action = isNew ? "opened" : "synchronize";
  return [
    { event: "pull_request", payload: { action, pull_request: pull, sender: pull.user }, at },
  ];
}

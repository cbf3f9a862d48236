import { z } from "zod";
import { forgeKinds } from "../../core/forge/place.ts";

/**
 * The fields read from GitHub's payloads, and from those of other forges, which are brought into this
 * form first (../forges). Names, numbers and commits go into paths, commands and
 * goals, so each must have exactly that shape; texts are free and stay data.
 */
const login = z.string().regex(/^[A-Za-z0-9_.-]{1,100}(?:\[bot\])?$/);
const sha = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/);
const number = z.number().int().positive();
const text = z.string().nullish();
/** `.` and `..` would leave the folder that a `clone` path names. */
const name = z
  .string()
  .max(200)
  .regex(/^(?!\.{1,2}\/)[A-Za-z0-9_.-]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]+)+$/);
const labels = z.array(z.object({ name: z.string() })).nullish();
/** A login may be renamed and then taken by somebody else; the id identifies the account. */
export const person = z.object({ login, id: z.number().nullish(), type: z.string().nullish() });

const common = {
  repository: z.object({
    /** GitHub does not say. */
    forge: z.enum(forgeKinds).default("github"),
    id: z.number(),
    full_name: name,
    owner: z.object({ login, id: z.number().nullish() }),
  }),
  sender: person,
};

const issue = z.object({
  number,
  title: text,
  body: text,
  state: text,
  author_association: text,
  user: person.nullish(),
  labels,
  /** Compared with the addresses in our rows, and nothing else. */
  html_url: text,
  pull_request: z.object({}).nullish(),
});
export const issuePayload = z.object({
  ...common,
  label: z.object({ name: z.string() }).nullish(),
  /** Of older versions of Gitea: false, where each label may be the one that was set. */
  is_label_told: z.boolean().nullish(),
  assignee: person.nullish(),
  issue,
});

export const changedPayload = z.object({
  ...common,
  action: z.string(),
  label: z.object({ name: z.string() }).nullish(),
  issue: issue.nullish(),
  comment: z.object({ body: text, user: person.nullish(), author_association: text }).nullish(),
  pull_request: issue.extend({ merged: z.boolean().nullish() }).nullish(),
});

/** A new comment on an issue or a pull request. */
export const commentPayload = z.object({
  ...common,
  action: z.literal("created"),
  issue,
  comment: z.object({
    id: number,
    body: text,
    user: person.nullish(),
    author_association: text,
  }),
});

const head = z.object({ ref: z.string(), sha, repo: z.object({ id: z.number() }).nullish() });
export const pullPayload = z.object({
  ...common,
  pull_request: z.object({
    number,
    title: text,
    body: text,
    state: text,
    draft: z.boolean().nullish(),
    author_association: text,
    user: person.nullish(),
    labels,
    head,
    /** GitLab names the branch alone. */
    base: z.object({ ref: z.string(), sha: sha.nullish() }),
  }),
});

/** Commits on a branch or a tag, or its removal. */
export const pushPayload = z.object({
  ...common,
  ref: z.string().max(1000),
  deleted: z.boolean().nullish(),
});

/** How a pull request stands towards its target branch. */
export const mergeablePayload = z.object({
  state: text,
  base: z.object({ ref: z.string() }),
  /** Null: GitHub is finding out. */
  mergeable: z.boolean().nullish(),
});

export const reviewPayload = z.object({
  ...common,
  action: z.literal("submitted"),
  review: z.object({
    id: number,
    body: text,
    state: z.string(),
    user: person.nullish(),
    author_association: text,
  }),
  pull_request: z.object({ number, html_url: text, state: text, head }),
});

export const runPayload = z.object({
  ...common,
  workflow_run: z.object({
    name: text,
    display_title: text,
    event: text,
    conclusion: text,
    html_url: text,
    head_branch: text,
    head_sha: sha,
    head_repository: z.object({ id: z.number() }).nullish(),
  }),
});

/** A button of a check run of ours, or GitHub's own to run it again. */
export const actionPayload = z.object({
  ...common,
  action: z.enum(["requested_action", "rerequested"]),
  requested_action: z.object({ identifier: z.string().max(20) }).nullish(),
  check_run: z.object({
    external_id: z.string().max(200),
    app: z.object({ slug: z.string().nullish() }).nullish(),
  }),
});

export const checkPayload = z.object({
  ...common,
  check_run: z.object({
    name: text,
    conclusion: text,
    html_url: text,
    head_sha: sha,
    output: z.object({ title: text, summary: text, text }).nullish(),
    check_suite: z.object({ head_branch: text }).nullish(),
    pull_requests: z
      .array(
        z
          .object({ head: z.object({ sha, repo: z.object({ id: z.number() }).nullish() }) })
          .nullish(),
      )
      .nullish(),
  }),
});

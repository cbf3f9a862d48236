import { z } from "zod";
import type { NormalPerson, NormalRepository } from "./normal.ts";

/**
 * What webhooks and lists of GitLab are made of, and the same in the form of GitHub's: a merge request
 * is a pull request, and an author may be an id alone. Pure.
 */
export const text = z.string().nullish();
export const user = z.object({ id: z.number().nullish(), username: z.string() });
export const labels = z
  .array(z.union([z.object({ title: z.string() }), z.string()]))
  .nullish()
  .transform((list) => (list ?? []).map((one) => (typeof one === "string" ? one : one.title)));
export const project = z.object({ id: z.number(), path_with_namespace: z.string() });
/** Of an issue and of a merge request, in webhooks and in lists. */
export const subject = z.object({
  iid: z.number(),
  ...{ title: text, description: text, state: text, action: text, url: text, web_url: text },
  ...{ author_id: z.number().nullish(), author: user.nullish(), labels },
  confidential: z.boolean().nullish(),
  ...{ draft: z.boolean().nullish(), work_in_progress: z.boolean().nullish() },
  ...{ source_branch: text, target_branch: text, oldrev: text, sha: text },
  ...{ source_project_id: z.number().nullish(), target_project_id: z.number().nullish() },
  last_commit: z.object({ id: z.string() }).nullish(),
  diff_refs: z.object({ start_sha: text }).nullish(),
});
export type Subject = z.infer<typeof subject>;

export function gitlabRepository(raw: unknown): NormalRepository {
  const { id, path_with_namespace: full_name } = project.parse(raw);
  const login = full_name.split("/").slice(0, -1).join(".");
  return { forge: "gitlab", id, full_name, owner: { login, id: null } };
}

/** As the API's lists have one; null: it is confidential. */
export function gitlabIssue(raw: unknown, isPull: boolean) {
  const found = subject.parse(raw);
  return found.confidential ? null : normalIssue(found, null, isPull);
}

export function gitlabPull(raw: unknown) {
  return normalPull(subject.parse(raw), null);
}

export function gitlabPerson(raw: unknown): NormalPerson {
  return person(user.parse(raw));
}

/** `sender`: whose name is known, if it is the author's. */
export function normalIssue(found: Subject, sender: NormalPerson | null, isPull: boolean) {
  const { author_id, description, iid, labels, state, title, url, web_url } = found;
  return {
    ...{ number: iid, title, body: description, labels: labels.map((name) => ({ name })) },
    state: state === "opened" ? "open" : "closed",
    html_url: url ?? web_url,
    user: found.author
      ? person(found.author)
      : sender !== null && sender.id !== null && sender.id === author_id
        ? sender
        : null,
    pull_request: isPull ? {} : null,
  };
}

export function normalPull(found: Subject, sender: NormalPerson | null) {
  const { source_branch, source_project_id, target_branch, target_project_id } = found;
  const repo = (id: number | null | undefined) => (id == null ? null : { id });
  return {
    ...normalIssue(found, sender, true),
    draft: found.draft ?? found.work_in_progress ?? false,
    merged: found.state === "merged",
    head: {
      ref: source_branch,
      sha: found.last_commit?.id ?? found.sha,
      repo: repo(source_project_id),
    },
    base: {
      ref: target_branch,
      sha: found.diff_refs?.start_sha ?? null,
      repo: repo(target_project_id),
    },
  };
}

/** Accounts of access tokens and services are nobody's. */
export function person({ id, username }: z.infer<typeof user>): NormalPerson {
  const isBot =
    /^(?:project|group)_\d+_bot(?:_[0-9a-z]+)?$|^(?:service_account_|GitLab-|alert-bot|support-bot|ghost)/.test(
      username,
    );
  return { login: username, id: id ?? null, type: isBot ? "Bot" : "User" };
}

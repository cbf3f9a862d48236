import { z } from "zod";
import type { NormalPerson, NormalRepository } from "./normal.ts";

/**
 * What webhooks and lists of Gitea and Forgejo are made of, and the same in the form of GitHub's: most
 * fields have the same names. Pure.
 */
export const text = z.string().nullish();
export const user = z.object({ id: z.number().nullish(), login: z.string() });
export const labels = z.array(z.object({ name: z.string() })).nullish();
export const repository = z.object({ id: z.number(), full_name: z.string(), owner: user });
const side = z.object({
  ref: z.string(),
  sha: z.string(),
  repo_id: z.number().nullish(),
});
export const issue = z.object({
  number: z.number(),
  ...{ title: text, body: text, state: text, html_url: text },
  user: user.nullish(),
  labels,
  pull_request: z.object({ html_url: text }).nullish(),
});
export const pull = z.object({
  number: z.number(),
  ...{ title: text, body: text, state: text, html_url: text },
  ...{ draft: z.boolean().nullish(), merged: z.boolean().nullish() },
  user: user.nullish(),
  labels,
  ...{ head: side, base: side },
});

export function giteaRepository(raw: unknown): NormalRepository {
  const { full_name, id, owner } = repository.parse(raw);
  return { forge: "gitea", id, full_name, owner: { login: owner.login, id: owner.id ?? null } };
}

/** As the API's lists and webhooks have one. */
export function giteaIssue(raw: unknown) {
  const found = issue.parse(raw);
  return normalIssue(found, found.pull_request != null);
}

export function giteaPull(raw: unknown) {
  return normalPull(pull.parse(raw));
}

export function giteaPerson(raw: unknown): NormalPerson {
  return person(user.parse(raw));
}

export function normalIssue(found: z.infer<typeof issue>, isPull: boolean) {
  const { body, html_url, labels, number, pull_request, state, title, user } = found;
  return {
    ...{ number, title, body, state, labels: labels ?? [] },
    user: user && person(user),
    html_url: (isPull ? pull_request?.html_url : null) ?? html_url,
    pull_request: isPull ? {} : null,
  };
}

export function normalPull(found: z.infer<typeof pull>) {
  const { base, body, head, html_url, labels, merged, number, state, title, user } = found;
  const show = ({ ref, repo_id, sha }: z.infer<typeof side>) => ({
    ...{ ref, sha, repo: repo_id == null ? null : { id: repo_id } },
  });
  return {
    ...{ number, title, body, state, html_url, labels: labels ?? [], merged: merged ?? false },
    ...{ draft: isDraft(found), user: user && person(user), head: show(head), base: show(base) },
  };
}

/** Versions before 1.20 do not say; the prefixes are those that a server has by default. */
export function isDraft({ draft, title }: z.infer<typeof pull>): boolean {
  return draft ?? isDraftTitle(title);
}

export function isDraftTitle(title: string | null | undefined): boolean {
  return /^(?:WIP:|\[WIP\])/i.test(title ?? "");
}

/** The account of the Actions has no password, and an id below zero. */
export function person({ id, login }: z.infer<typeof user>): NormalPerson {
  const isBot = (id ?? 0) < 0 || /^(?:gitea|forgejo)-actions$/.test(login);
  return { login, id: id ?? null, type: isBot ? "Bot" : "User" };
}

export function namesOf(list: z.infer<typeof labels>): string[] {
  return (list ?? []).map(({ name }) => name);
}

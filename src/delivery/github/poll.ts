import type { Octokit } from "octokit";
import type { GithubRepository } from "./github-repository.ts";

/** A page of a list, and the tag by which GitHub knows it again; null: nothing is new. */
export type Polled = { items: unknown[]; etag: string | null } | null;

const paths = {
  issues: "GET /repos/{owner}/{repo}/issues",
  comments: "GET /repos/{owner}/{repo}/issues/comments",
} as const;

/** Issues and pull requests, or comments on them, that changed since then, the oldest first. */
export async function pollChanged(
  octokit: Octokit,
  repository: GithubRepository,
  what: keyof typeof paths,
  { etag, since }: { since: Date; etag: string | null },
): Promise<Polled> {
  try {
    const { data, headers } = await octokit.request(paths[what], {
      ...{ ...repository, since: since.toISOString(), state: "all", sort: "updated" },
      ...{ direction: "asc", per_page: 100 },
      headers: etag === null ? {} : { "if-none-match": etag },
    });
    return { items: data as unknown[], etag: headers.etag ?? null };
  } catch (error) {
    if ((error as { status?: number }).status === 304) return null;
    throw error;
  }
}

/** Who set which label on an issue, and when: the last hundred events of it. */
export async function listLabelled(
  octokit: Octokit,
  { number: issue_number, ...repository }: GithubRepository & { number: number },
): Promise<{ id: number; label: string; by: unknown; at: Date }[]> {
  const events = await octokit.paginate(octokit.rest.issues.listEvents, {
    ...{ ...repository, issue_number },
    per_page: 100,
  });
  return events.flatMap((event) =>
    event.event === "labeled" && "label" in event && event.label.name
      ? [
          {
            ...{ id: event.id, label: event.label.name, by: event.actor },
            at: new Date(event.created_at),
          },
        ]
      : [],
  );
}

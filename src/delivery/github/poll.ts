import type { Octokit } from "octokit";
import type { GithubRepository } from "./github-repository.ts";

/** A list, and the tag by which GitHub knows it again; null: nothing is new. */
export type Polled = { items: unknown[]; etag: string | null } | null;

const lists = {
  issues: { route: "GET /repos/{owner}/{repo}/issues", of: { state: "all" } },
  comments: { route: "GET /repos/{owner}/{repo}/issues/comments", of: {} },
} as const;

const pageSize = 100;

/**
 * All issues and pull requests, or comments on them, that changed since then, the oldest first: in
 * the order of their creation, which no change moves from a page to another while they are read.
 */
export async function pollChanged(
  octokit: Octokit,
  repository: GithubRepository,
  what: keyof typeof lists,
  { etag, since }: { since: Date; etag: string | null },
): Promise<Polled> {
  const read = async (page: number, headers: { "if-none-match"?: string }) =>
    octokit.request(lists[what].route, {
      ...{ ...repository, ...lists[what].of, since: since.toISOString(), sort: "created" },
      ...{ direction: "asc", per_page: pageSize, page, headers },
    });
  try {
    const first = await read(1, etag === null ? {} : { "if-none-match": etag });
    const items: unknown[] = [...first.data];
    let isWhole = first.data.length < pageSize;
    // The tag is that of one page.
    const tag = isWhole ? (first.headers.etag ?? null) : null;
    for (let page = 2; !isWhole; page++) {
      const { data } = await read(page, {});
      items.push(...data);
      isWhole = data.length < pageSize;
    }
    return { items, etag: tag };
  } catch (error) {
    if ((error as { status?: number }).status === 304) return null;
    throw error;
  }
}

/** Who set which label on an issue, and when. */
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

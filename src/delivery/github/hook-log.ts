import type { Octokit } from "octokit";
import type { GithubRepository } from "./github-repository.ts";

/**
 * What GitHub knows of the deliveries to our webhook. It keeps them for three days, does not repeat
 * them, and shows them to a token that may administer the repository's hooks.
 */
export type LoggedDelivery = {
  id: number;
  /** The same for a delivery and its repetitions. */
  guid: string;
  event: string;
  isTaken: boolean;
  at: Date;
};

const pageSize = 100;
const maxPages = 50;

/** The ids of the hooks that lead to a Deputy; null: the token may not see the repository's hooks. */
export async function findHooks(
  octokit: Octokit,
  repository: GithubRepository,
): Promise<number[] | null> {
  try {
    const { data } = await octokit.rest.repos.listWebhooks({ ...repository, per_page: pageSize });
    return data
      .filter(({ active, config }) => active && /\/hooks\/github\/?$/.test(config.url ?? ""))
      .map(({ id }) => id);
  } catch (error) {
    const { status, message } = error as { status?: number; message?: string };
    if ((status === 403 && !/rate limit/i.test(message ?? "")) || status === 404) return null;
    throw error;
  }
}

/** Deliveries since then, the newest first. */
export async function listLogged(
  octokit: Octokit,
  repository: GithubRepository,
  hook_id: number,
  since: Date,
): Promise<LoggedDelivery[]> {
  const pages = octokit.paginate.iterator(octokit.rest.repos.listWebhookDeliveries, {
    ...{ ...repository, hook_id },
    per_page: pageSize,
  });
  return collectLogged(pages, since);
}

/** Deliveries to the App's own webhook since then, of all repositories, the newest first. */
export async function listAppLogged(octokit: Octokit, since: Date): Promise<LoggedDelivery[]> {
  const about = { per_page: pageSize };
  return collectLogged(
    octokit.paginate.iterator(octokit.rest.apps.listWebhookDeliveries, about),
    since,
  );
}

/** Whether the App's webhook leads to a Deputy. */
export async function isAppHeard(octokit: Octokit): Promise<boolean> {
  const { data } = await octokit.rest.apps.getWebhookConfigForApp();
  return /\/hooks\/github\/?$/.test(data.url ?? "");
}

export async function readAppLogged(octokit: Octokit, delivery_id: number): Promise<unknown> {
  const { data } = await octokit.rest.apps.getWebhookDelivery({ delivery_id });
  return readPayload(data.request.payload);
}

type Page = {
  data: { delivered_at: string; event: string; guid: string; id: number; status_code: number }[];
};

async function collectLogged(pages: AsyncIterable<Page>, since: Date): Promise<LoggedDelivery[]> {
  const found: LoggedDelivery[] = [];
  let read = 0;
  for await (const { data } of pages) {
    for (const { delivered_at, event, guid, id, status_code } of data) {
      const isTaken = status_code >= 200 && status_code < 300;
      found.push({ id, guid, event, isTaken, at: new Date(delivered_at) });
    }
    const last = found.at(-1);
    if (++read === maxPages || !last || last.at < since) break;
  }
  return found.filter(({ at }) => at >= since);
}

/** What was sent. */
export async function readLogged(
  octokit: Octokit,
  repository: GithubRepository,
  hook_id: number,
  delivery_id: number,
): Promise<unknown> {
  const about = { ...repository, hook_id, delivery_id };
  const { data } = await octokit.rest.repos.getWebhookDelivery(about);
  return readPayload(data.request.payload);
}

function readPayload(payload: unknown): unknown {
  return typeof payload === "string" ? JSON.parse(payload) : payload;
}

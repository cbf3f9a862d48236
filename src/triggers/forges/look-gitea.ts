import { z } from "zod";
import { parsePlace } from "../../core/forge/place.ts";
import type { LookDeps } from "../reconcile/reconcile.ts";
import { giteaIssue, giteaPerson, giteaPull, giteaRepository } from "./gitea-shapes.ts";

/** Reads what the API has at a path; null: there is nothing. */
export type AskForge = (path: string) => Promise<unknown>;

const pageSize = 50;
/** A list that is longer is read on in the next round. */
const maxPages = 40;

const item = z.looseObject({ created_at: z.string(), updated_at: z.string() });
const comment = item.extend({
  ...{ id: z.number(), body: z.string().nullish(), user: z.unknown() },
  ...{ issue_url: z.string().nullish(), pull_request_url: z.string().nullish() },
});
const timeline = z.array(
  z.object({
    ...{
      id: z.number(),
      type: z.string(),
      body: z.string().nullish(),
      created_at: z.coerce.date(),
    },
    label: z.object({ name: z.string() }).nullish(),
    user: z.unknown(),
  }),
);

/** The lists of a Gitea or Forgejo, which has no log of deliveries that a token could read. */
export function lookAtGitea(ask: AskForge): LookDeps {
  const at = (repository: string, rest: string) => `/repos/${repository}${rest}`;
  const readAll = async (path: string) => {
    const all: unknown[] = [];
    for (let page = 1; page <= maxPages; page++) {
      const sign = path.includes("?") ? "&" : "?";
      const some = await ask(`${path}${sign}page=${page}&limit=${pageSize}`);
      const list = z.array(z.unknown()).nullable().parse(some) ?? [];
      all.push(...list);
      // A server's own limit may be lower than what is asked for: only an empty page is the last.
      if (list.length === 0) break;
    }
    return all;
  };
  return {
    findHooks: async () => null,
    listLogged: async () => [],
    readLogged: async () => null,
    async poll(repository, what, { since }) {
      const from = `since=${encodeURIComponent(since.toISOString())}`;
      if (what === "issues") {
        const list = await readAll(at(repository, `/issues?state=all&${from}`));
        return { items: list.map(showIssue), etag: null };
      }
      const list = await readAll(at(repository, `/issues/comments?${from}`));
      return { items: list.map(showComment), etag: null };
    },
    async listLabelled(place) {
      const { number, repository } = parsePlace(place) ?? { repository: "", number: 0 };
      const all = timeline.parse(await readAll(at(repository, `/issues/${number}/timeline`)));
      return all.flatMap(({ body, created_at, id, label, type, user }) =>
        type === "label" && body === "1" && label
          ? [{ id, label: label.name, by: giteaPerson(user), at: created_at }]
          : [],
      );
    },
    async read(repository, path) {
      const raw = await ask(at(repository, path.replace(/^\/commits\//, "/git/commits/")));
      if (path === "") return giteaRepository(raw);
      if (path.startsWith("/issues/")) return giteaIssue(raw);
      return path.startsWith("/pulls/")
        ? { ...giteaPull(raw), created_at: item.partial().parse(raw).created_at }
        : raw;
    },
  };
}

function showIssue(raw: unknown) {
  const { created_at, updated_at } = item.parse(raw);
  const { pull_request, ...issue } = giteaIssue(raw);
  return { ...issue, ...(pull_request && { pull_request }), created_at, updated_at };
}

/** One of the two addresses is empty: that of an issue, or that of a pull request. */
function showComment(raw: unknown) {
  const { body, created_at, id, issue_url, pull_request_url, updated_at, user } =
    comment.parse(raw);
  const [number = ""] = /\d+$/.exec(issue_url || pull_request_url || "") ?? [];
  const by = giteaPerson(user);
  return { id, body, user: by, created_at, updated_at, issue_url: `/issues/${number}` };
}

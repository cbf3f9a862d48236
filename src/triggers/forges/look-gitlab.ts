import { z } from "zod";
import { parsePlace } from "../../core/forge/place.ts";
import type { LookDeps } from "../reconcile/reconcile.ts";
import { gitlabIssue, gitlabPerson, gitlabPull, gitlabRepository } from "./gitlab-shapes.ts";
import type { AskForge } from "./look-gitea.ts";

const pageSize = 100;
/** A list that is longer is read on in the next round. */
const maxPages = 50;
const dayMs = 24 * 60 * 60_000;

const item = z.looseObject({ created_at: z.string(), updated_at: z.string() });
const remark = z.object({
  target_type: z.string().nullish(),
  note: z
    .object({
      ...{ id: z.number(), body: z.string(), created_at: z.string() },
      ...{ noteable_type: z.string(), noteable_iid: z.number().nullish() },
      ...{ system: z.boolean().nullish(), internal: z.boolean().nullish(), author: z.unknown() },
    })
    .nullish(),
});
const labelEvents = z.array(
  z.object({
    ...{ id: z.number(), action: z.string(), created_at: z.coerce.date(), user: z.unknown() },
    label: z.object({ name: z.string() }).nullish(),
  }),
);
const commit = z.object({ committed_date: z.string() });

/**
 * The lists of a GitLab: issues and merge requests that changed, and remarks among a project's events,
 * which are asked for by the day and leave out those that begin a discussion on a merge request.
 */
export function lookAtGitlab(ask: AskForge): LookDeps {
  const at = (project: string, rest: string) => `/projects/${encodeURIComponent(project)}${rest}`;
  const readAll = async (path: string) => {
    const all: unknown[] = [];
    for (let page = 1; page <= maxPages; page++) {
      const sign = path.includes("?") ? "&" : "?";
      const some = z
        .array(z.unknown())
        .parse(await ask(`${path}${sign}per_page=${pageSize}&page=${page}`));
      all.push(...some);
      if (some.length < pageSize) break;
    }
    return all;
  };
  return {
    findHooks: async () => null,
    listLogged: async () => [],
    readLogged: async () => null,
    async poll(project, what, { since }) {
      if (what === "comments") {
        const after = new Date(since.getTime() - dayMs).toISOString().slice(0, 10);
        const list = await readAll(at(project, `/events?action=commented&after=${after}&sort=asc`));
        return { items: list.flatMap(showRemark), etag: null };
      }
      const from = `scope=all&order_by=created_at&sort=asc&updated_after=${encodeURIComponent(since.toISOString())}`;
      const issues = await readAll(at(project, `/issues?${from}`));
      const merges = await readAll(at(project, `/merge_requests?${from}`));
      const items = [
        ...issues.flatMap((raw) => showIssue(raw, false)),
        ...merges.flatMap((raw) => showIssue(raw, true)),
      ];
      return { items, etag: null };
    },
    async listLabelled(place) {
      const { isPull, number, repository } = parsePlace(place) ?? {
        ...{ repository: "", number: 0, isPull: false },
      };
      const part = isPull ? "merge_requests" : "issues";
      const path = at(repository, `/${part}/${number}/resource_label_events`);
      return labelEvents
        .parse(await readAll(path))
        .flatMap(({ action, created_at, id, label, user }) =>
          action === "add" && label
            ? [{ id, label: label.name, by: gitlabPerson(user), at: created_at }]
            : [],
        );
    },
    async read(project, path) {
      const [, part = "", id = ""] = /^\/(\w+)\/(\w+)$/.exec(path) ?? [];
      if (part === "commits") {
        const raw = commit.parse(await ask(at(project, `/repository/commits/${id}`)));
        return { commit: { committer: { date: raw.committed_date } } };
      }
      const raw = await ask(at(project, path.replace(/^\/pulls\//, "/merge_requests/")));
      if (path === "") return gitlabRepository(raw);
      if (part !== "pulls") return gitlabIssue(raw, part === "merge_requests");
      return { ...gitlabPull(raw), created_at: item.partial().parse(raw).created_at };
    },
  };
}

function showIssue(raw: unknown, isPull: boolean) {
  const { created_at, updated_at } = item.parse(raw);
  const shown = gitlabIssue(raw, isPull);
  if (shown === null) return [];
  const { pull_request, ...issue } = shown;
  return [{ ...issue, ...(pull_request && { pull_request }), created_at, updated_at }];
}

function showRemark(raw: unknown) {
  const { note } = remark.parse(raw);
  const part = note?.noteable_type === "MergeRequest" ? "merge_requests" : "issues";
  const isOther = note?.noteable_type !== "MergeRequest" && note?.noteable_type !== "Issue";
  if (!note || isOther || note.system || note.internal || note.noteable_iid == null) return [];
  const { author, body, created_at, id, noteable_iid } = note;
  const about = { created_at, updated_at: created_at, issue_url: `/${part}/${noteable_iid}` };
  return [{ id, body, user: gitlabPerson(author), ...about }];
}

import { z } from "zod";
import type { ForgeClient } from "./forge-client.ts";
import { findAccount } from "./gitea.ts";
import type { FoundPull, PullApi } from "./pull-forge.ts";

/** GitLab's merge requests (`/api/v4`), which are numbered within their project. */
const authorSchema = z.object({ id: z.number() });
const mergeSchema = z
  .object({
    iid: z.number(),
    web_url: z.string(),
    title: z.string(),
    description: z.string().nullish(),
    state: z.string(),
    author: authorSchema.nullish(),
    source_project_id: z.number().nullish(),
    target_project_id: z.number().nullish(),
  })
  .transform((merge) => ({
    ...{ number: merge.iid, url: merge.web_url, title: merge.title },
    ...{ body: merge.description ?? "", authorId: merge.author?.id ?? null },
    state: stateOf(merge.state),
    isOfFork: merge.source_project_id !== merge.target_project_id,
  }));
const noteSchema = z
  .object({ id: z.number(), body: z.string(), author: authorSchema.nullish() })
  .transform(({ author, body, id }) => ({ id, body, authorId: author?.id ?? null }));

const pageSize = 100;
const maxPages = 50;

/** "locked" is one that is being merged. */
function stateOf(word: string): FoundPull["state"] {
  return word === "merged" || word === "closed" ? word : "open";
}

export function gitlabApi(ask: ForgeClient): PullApi {
  const at = (project: string, rest = "") => `/projects/${encodeURIComponent(project)}${rest}`;
  const notes = (project: string, number: number) => at(project, `/merge_requests/${number}/notes`);
  return {
    draftPrefix: "Draft: ",
    async defaultBranch(project) {
      const schema = z.object({ default_branch: z.string() });
      return (await ask(`look at ${project}`, { path: at(project) }, schema)).default_branch;
    },
    async findOpen(project, head) {
      const query = `state=opened&source_branch=${encodeURIComponent(head)}&per_page=${pageSize}`;
      const path = at(project, `/merge_requests?${query}`);
      const found = await ask(
        `list the merge requests of ${project}`,
        { path },
        z.array(mergeSchema),
      );
      return found.find(({ isOfFork }) => !isOfFork) ?? null;
    },
    get: (project, number) =>
      ask(
        `look at ${project}!${number}`,
        { path: at(project, `/merge_requests/${number}`) },
        mergeSchema,
      ),
    create: (project, { base, body, head, title }) =>
      ask(
        `open a merge request in ${project}`,
        {
          ...{ method: "POST", path: at(project, "/merge_requests") },
          body: { source_branch: head, target_branch: base, title, description: body },
        },
        mergeSchema,
      ),
    update: (project, number, { body, isClosed, title }) =>
      ask(
        `edit ${project}!${number}`,
        {
          ...{ method: "PUT", path: at(project, `/merge_requests/${number}`) },
          body: {
            ...(title !== undefined && { title }),
            ...(body !== undefined && { description: body }),
            ...(isClosed && { state_event: "close" }),
          },
        },
        mergeSchema,
      ),
    async listComments(project, number) {
      const all = [];
      for (let page = 1; page <= maxPages; page++) {
        const path = `${notes(project, number)}?sort=asc&per_page=${pageSize}&page=${page}`;
        const some = await ask(
          `read the comments of ${project}!${number}`,
          { path },
          z.array(noteSchema),
        );
        all.push(...some);
        if (some.length < pageSize) break;
      }
      return all;
    },
    async createComment(project, number, body) {
      const request = { method: "POST", path: notes(project, number), body: { body } } as const;
      await ask(`comment on ${project}!${number}`, request, z.unknown());
    },
    async updateComment(project, number, id, body) {
      const path = `${notes(project, number)}/${id}`;
      const doing = `edit a comment on ${project}!${number}`;
      await ask(doing, { method: "PUT", path, body: { body } }, z.unknown());
    },
    account: () => findAccount(ask),
  };
}

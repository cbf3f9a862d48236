import { z } from "zod";
import type { ForgeClient } from "./forge-client.ts";
import { findAccount } from "./gitea.ts";
import { gitlabChecks } from "./gitlab-checks.ts";
import type { Commented, EventApi, FoundPull } from "./pull-forge.ts";

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
const noteSchema = z.object({ id: z.number(), body: z.string(), author: authorSchema.nullish() });
const accountSchema = z
  .object({ id: z.number(), username: z.string() })
  .transform(({ id, username }) => ({ id, login: username }));
/** Developer: may push to branches that are not protected. */
const writes = 30;

const pageSize = 100;
const maxPages = 50;

/** "locked" is one that is being merged. */
function stateOf(word: string): FoundPull["state"] {
  return word === "merged" || word === "closed" ? word : "open";
}

/** `webUrl`: where people see it, for the addresses of notes, which the API does not tell. */
export function gitlabApi(ask: ForgeClient, webUrl: string): EventApi {
  const at = (project: string, rest = "") => `/projects/${encodeURIComponent(project)}${rest}`;
  const partOf = ({ isPull, number }: Commented) =>
    `/${isPull ? "merge_requests" : "issues"}/${number}`;
  const notes = (project: string, on: Commented) => at(project, `${partOf(on)}/notes`);
  const nameOf = (project: string, { isPull, number }: Commented) =>
    `${project}${isPull ? "!" : "#"}${number}`;
  const show = (project: string, on: Commented, note: z.infer<typeof noteSchema>) => ({
    ...{ id: note.id, body: note.body, authorId: note.author?.id ?? null },
    url: `${webUrl.replace(/\/+$/, "")}/${project}/-${partOf(on)}#note_${note.id}`,
  });
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
    async listComments(project, on) {
      const all = [];
      for (let page = 1; page <= maxPages; page++) {
        const path = `${notes(project, on)}?sort=asc&per_page=${pageSize}&page=${page}`;
        const some = await ask(
          `read the comments of ${nameOf(project, on)}`,
          { path },
          z.array(noteSchema),
        );
        all.push(...some.map((note) => show(project, on, note)));
        if (some.length < pageSize) break;
      }
      return all;
    },
    async createComment(project, on, body) {
      const request = { method: "POST", path: notes(project, on), body: { body } } as const;
      const note = await ask(`comment on ${nameOf(project, on)}`, request, noteSchema);
      return show(project, on, note);
    },
    async updateComment(project, on, id, body) {
      const path = `${notes(project, on)}/${id}`;
      const doing = `edit a comment on ${nameOf(project, on)}`;
      await ask(doing, { method: "PUT", path, body: { body } }, z.unknown());
    },
    account: () => findAccount(ask, accountSchema),
    async mayWrite(project, { id, login }) {
      const schema = z.object({ access_level: z.number(), state: z.string().nullish() });
      const path = at(project, `/members/all/${id}`);
      const doing = `ask whether ${login} may write to ${project}`;
      const { access_level, state = "active" } = await ask(doing, { path }, schema);
      return access_level >= writes && state === "active";
    },
    async acknowledge(project, on, commentId) {
      const path = `${notes(project, on)}/${commentId}/award_emoji`;
      const request = { method: "POST", path, body: { name: "eyes" } } as const;
      await ask(`react to a comment on ${nameOf(project, on)}`, request, z.unknown());
    },
    readPull: (project, number) =>
      ask(
        `read ${project}!${number}`,
        { path: at(project, `/merge_requests/${number}`) },
        z.unknown(),
      ),
    async tryProject(project) {
      const access = z.object({ access_level: z.number() }).nullish();
      const schema = z.object({
        permissions: z.object({ project_access: access, group_access: access }).nullish(),
      });
      const { permissions } = await ask(`look at ${project}`, { path: at(project) }, schema);
      const levels = [permissions?.project_access, permissions?.group_access].flatMap(
        (one) => one?.access_level ?? [],
      );
      // One inherited from a group above is not shown here, so that no level says nothing.
      return { mayPush: levels.length === 0 || Math.max(...levels) >= writes };
    },
    ...gitlabChecks(ask),
  };
}

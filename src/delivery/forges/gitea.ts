import { z } from "zod";
import { DeputyError } from "../../core/base/error.ts";
import type { ForgeClient } from "./forge-client.ts";
import { giteaChecks } from "./gitea-checks.ts";
import type { EventApi } from "./pull-forge.ts";

/** Gitea, and Forgejo, which has the same API (`/api/v1`, version 1.20 or later). */
const userSchema = z.object({ id: z.number() });
const pullSchema = z
  .object({
    number: z.number(),
    html_url: z.string(),
    title: z.string(),
    body: z.string().nullish(),
    state: z.string(),
    merged: z.boolean().nullish(),
    user: userSchema.nullish(),
    head: z.object({ ref: z.string(), repo_id: z.number().nullish() }).nullish(),
    base: z.object({ repo_id: z.number().nullish() }).nullish(),
  })
  .transform(({ base, body, head, html_url, merged, number, state, title, user }) => ({
    ...{ number, url: html_url, title, body: body ?? "", authorId: user?.id ?? null },
    state: merged
      ? ("merged" as const)
      : state === "open"
        ? ("open" as const)
        : ("closed" as const),
    head: head?.ref ?? "",
    isOfFork: (head?.repo_id ?? null) !== (base?.repo_id ?? null),
  }));
const commentSchema = z
  .object({
    ...{ id: z.number(), html_url: z.string().nullish(), body: z.string().nullish() },
    user: userSchema.nullish(),
  })
  .transform(({ body, html_url, id, user }) => ({
    ...{ id, url: html_url ?? "", body: body ?? "", authorId: user?.id ?? null },
  }));

const pageSize = 50;
/** Of open pull requests; the API does not find one by its branch alone. */
const maxPages = 40;

export function giteaApi(ask: ForgeClient): EventApi {
  const at = (project: string, rest = "") => `/repos/${project}${rest}`;
  return {
    draftPrefix: "WIP: ",
    async defaultBranch(project) {
      const schema = z.object({ default_branch: z.string() });
      return (await ask(`look at ${project}`, { path: at(project) }, schema)).default_branch;
    },
    async findOpen(project, head) {
      for (let page = 1; page <= maxPages; page++) {
        const path = at(
          project,
          `/pulls?state=open&sort=recentupdate&page=${page}&limit=${pageSize}`,
        );
        const pulls = await ask(
          `list the pull requests of ${project}`,
          { path },
          z.array(pullSchema),
        );
        const found = pulls.find((pull) => pull.head === head && !pull.isOfFork);
        if (found) return found;
        // A server's own limit may be lower than what is asked for: only an empty page is the last.
        if (pulls.length === 0) return null;
      }
      throw new DeputyError(
        "unprocessable",
        `${project} has more than ${maxPages * pageSize} open pull requests, and the one from ${head} is not among the newest: close what is not needed.`,
      );
    },
    get: (project, number) =>
      ask(`look at ${project}#${number}`, { path: at(project, `/pulls/${number}`) }, pullSchema),
    create: (project, body) =>
      ask(
        `open a pull request in ${project}`,
        { method: "POST", path: at(project, "/pulls"), body },
        pullSchema,
      ),
    update: (project, number, { isClosed, ...set }) =>
      ask(
        `edit ${project}#${number}`,
        {
          ...{ method: "PATCH", path: at(project, `/pulls/${number}`) },
          body: { ...set, ...(isClosed && { state: "closed" }) },
        },
        pullSchema,
      ),
    // Not in pages: this route has none.
    listComments: (project, { number }) =>
      ask(
        `read the comments of ${project}#${number}`,
        { path: at(project, `/issues/${number}/comments`) },
        z.array(commentSchema),
      ),
    createComment: (project, { number }, body) =>
      ask(
        `comment on ${project}#${number}`,
        { method: "POST", path: at(project, `/issues/${number}/comments`), body: { body } },
        commentSchema,
      ),
    async updateComment(project, { number }, id, body) {
      const path = at(project, `/issues/comments/${id}`);
      const doing = `edit a comment on ${project}#${number}`;
      await ask(doing, { method: "PATCH", path, body: { body } }, z.unknown());
    },
    account: () => findAccount(ask, accountSchema),
    async mayWrite(project, { id, login }) {
      const path = at(project, `/collaborators/${encodeURIComponent(login)}/permission`);
      const schema = z.object({ permission: z.string(), user: userSchema.nullish() });
      const found = await ask(`ask whether ${login} may write to ${project}`, { path }, schema);
      const isWriter = ["write", "admin", "owner"].includes(found.permission);
      // A login that was given up may be another account's by now.
      return isWriter && found.user?.id === id;
    },
    async acknowledge(project, _on, commentId) {
      const path = at(project, `/issues/comments/${commentId}/reactions`);
      const request = { method: "POST", path, body: { content: "eyes" } } as const;
      await ask(`react to a comment in ${project}`, request, z.unknown());
    },
    readPull: (project, number) =>
      ask(`read ${project}#${number}`, { path: at(project, `/pulls/${number}`) }, z.unknown()),
    async tryProject(project) {
      const schema = z.object({ permissions: z.object({ push: z.boolean() }).nullish() });
      const found = await ask(`look at ${project}`, { path: at(project) }, schema);
      return { mayPush: found.permissions?.push !== false };
    },
    ...giteaChecks(ask),
  };
}

const accountSchema = z.object({ id: z.number(), login: z.string() });

/** A token without the right to read its user gets 403; such a one owns what our rows name alone. */
export async function findAccount<Account>(
  ask: ForgeClient,
  schema: z.ZodType<Account>,
): Promise<Account | null> {
  try {
    return await ask("look at the token's account", { path: "/user" }, schema);
  } catch (error) {
    if (error instanceof DeputyError && error.code === "forbidden") return null;
    throw error;
  }
}

import { DeputyError } from "../../core/base/error.ts";
import { numberOfPull } from "../../core/forge/place.ts";
import type { Redact } from "../../core/text/redact.ts";
import { markOf, whole, withMark } from "../github/comments.ts";
import { findOwnWords, signPull } from "../github/keep-edits.ts";
import { findProject } from "./forge-url.ts";
import type { Commented, FoundComment, FoundPull, PullApi, PullForge } from "./pull-forge.ts";

/**
 * Pull requests of a forge beside GitHub, by the rules that hold there: one is found by its branch, a
 * comment by its mark, and each is edited only if it is ours; words that a person changed stay, and a
 * comment has what is new. Outgoing text is redacted.
 */
export function makePullForge(api: PullApi, baseUrl: string, redact: Redact): PullForge {
  const projectOf = (repositoryUrl: string): string => {
    const project = findProject(repositoryUrl, baseUrl);
    if (project !== null) return project;
    throw new DeputyError("unprocessable", `${repositoryUrl} is not a repository on ${baseUrl}.`);
  };
  return {
    async openDraftPullRequest({ base, body, head, known, repositoryUrl, taskId, title }) {
      const project = projectOf(repositoryUrl);
      const words = signPull(taskId, {
        title: `${api.draftPrefix}${whole(redact(title).slice(0, 230))}`,
        body: redact(body),
      });
      const adopt = async () => {
        const found = await api.findOpen(project, head);
        if (found && (await isOurs(api, found, known)))
          await updateWords(api, project, found, words, taskId);
        return found && { url: found.url, number: found.number, adopted: true };
      };
      const adopted = await adopt();
      if (adopted) return adopted;
      const target = isBranchName(base) ? base : await api.defaultBranch(project);
      try {
        const { number, url } = await api.create(project, { ...words, head, base: target });
        return { url, number, adopted: false };
      } catch (error) {
        // Somebody was faster, or the response to our own request was lost: then it exists now.
        const now = await adopt();
        if (now) return now;
        throw error;
      }
    },
    async lookAtPullRequest({ repositoryUrl, url }) {
      return (await api.get(projectOf(repositoryUrl), numberOf(url))).state;
    },
    async closePullRequest({ body, repositoryUrl, taskId, url }) {
      const project = projectOf(repositoryUrl);
      const number = numberOf(url);
      const about = `${taskId}:rollback`;
      const { state } = await api.get(project, number);
      if (state === "merged") return "merged";
      // Closed, and with the comment that precedes it: by us, also where that was not recorded.
      if (state === "closed") {
        const ours = await findComment(api, project, { number, isPull: true }, about);
        return ours ? "closed" : "closed_before";
      }
      await upsertComment(api, project, { number, isPull: true }, about, redact(body));
      const now = await api.update(project, number, { isClosed: true });
      return now.state === "merged" ? "merged" : "closed";
    },
  };
}

async function updateWords(
  api: PullApi,
  project: string,
  now: FoundPull,
  { body, title }: { title: string; body: string },
  taskId: string,
): Promise<void> {
  const own = findOwnWords(now);
  if (own.title || own.body)
    await api.update(project, now.number, {
      ...(own.title && { title }),
      ...(own.body && { body }),
    });
  if (own.body) return;
  const text = body.slice(body.indexOf("\n") + 1);
  const on = { number: now.number, isPull: true };
  await upsertComment(api, project, on, `${taskId}:update`, text);
}

/** Our one comment of that mark, written or edited. `known`: its address in our rows. */
export async function upsertComment(
  api: PullApi,
  project: string,
  on: Commented,
  about: string,
  text: string,
  known: string | null = null,
): Promise<{ url: string; edited: boolean }> {
  const body = withMark(about, text);
  const own = await findComment(api, project, on, about, known);
  if (!own) return { url: (await api.createComment(project, on, body)).url, edited: false };
  if (own.body.trim() !== body.trim()) await api.updateComment(project, on, own.id, body);
  return { url: own.url, edited: true };
}

/** Anybody can write our mark: only the token's account, or our rows, make a comment ours. */
async function findComment(
  api: PullApi,
  project: string,
  on: Commented,
  about: string,
  known: string | null = null,
) {
  const marked = (await api.listComments(project, on)).filter(({ body }) =>
    body.startsWith(markOf(about)),
  );
  if (marked.length === 0) return null;
  const account = await api.account();
  const isOfAccount = ({ authorId }: FoundComment) => account !== null && authorId === account.id;
  return marked.find((one) => isOfAccount(one) || (known !== null && one.url === known)) ?? null;
}

async function isOurs(api: PullApi, { authorId, url }: FoundPull, known: string | null) {
  return url === known || (authorId !== null && authorId === (await api.account())?.id);
}

/** Of a pull request's address, as opening it returned it. */
function numberOf(url: string): number {
  const number = numberOfPull(url);
  if (number !== null) return number;
  throw new DeputyError("unprocessable", `${url} is not the address of a pull request.`);
}

function isBranchName(base: string): boolean {
  return base !== "" && base !== "HEAD" && !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(base);
}

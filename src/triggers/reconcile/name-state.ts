import { z } from "zod";
import { forgeKinds, repositoryWord } from "../../core/forge/place.ts";

/**
 * What a delivery tells of, as one word: a subject and its state. A webhook and a poll that tell of
 * the same have the same name, so that of the two only the first is processed. Null: no poll tells
 * of it.
 */
const shape = z.object({
  action: z.string(),
  repository: z.object({ forge: z.enum(forgeKinds).default("github"), full_name: z.string() }),
  label: z.object({ name: z.string() }).nullish(),
  issue: z.object({ number: z.number() }).nullish(),
  comment: z.object({ id: z.number() }).nullish(),
  pull_request: z
    .object({
      number: z.number(),
      draft: z.boolean().nullish(),
      head: z.object({ sha: z.string() }),
    })
    .nullish(),
});

export function nameState(event: string, payload: unknown): string | null {
  const { data } = shape.safeParse(payload);
  if (!data) return null;
  const { action, comment, issue, label, pull_request: pull, repository } = data;
  const name = repositoryWord(repository.forge, repository.full_name.toLowerCase());
  switch (`${event}.${action}`) {
    case "issues.opened":
      return `${name}#${issue?.number} opened`;
    case "issues.labeled":
      return `${name}#${issue?.number} labeled ${label?.name.toLowerCase().slice(0, 100)}`;
    case "issue_comment.created":
      return `${name} comment ${comment?.id}`;
    case "pull_request.opened":
    case "pull_request.synchronize":
    case "pull_request.ready_for_review":
      // A draft starts nothing, so it is not the same as the pull request that it becomes.
      return pull?.draft ? null : `${name}#${pull?.number} at ${pull?.head.sha.slice(0, 64)}`;
    default:
      return null;
  }
}

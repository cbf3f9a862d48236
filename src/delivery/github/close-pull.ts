import type { GithubClient } from "./access/make-client.ts";
import { findComment, markOf, upsertComment, withMark } from "./comments.ts";
import type { GithubRepository } from "./github-repository.ts";

/**
 * Closes a pull request that is open, and says why in a comment before: so one that is closed and
 * has the comment was closed by us, also when that was not recorded. Its branch stays.
 */
export async function closePull(
  octokit: GithubClient,
  target: GithubRepository & { number: number },
  taskId: string,
  text: string,
): Promise<"closed" | "merged" | "closed_before"> {
  const { number: pull_number, ...repository } = target;
  const of = { ...repository, pull_number };
  const about = `${taskId}:rollback`;
  const { data: pull } = await octokit.rest.pulls.get(of);
  if (pull.merged) return "merged";
  if (pull.state === "closed") {
    const own = await findComment(octokit, target, markOf(about), null);
    return own ? "closed" : "closed_before";
  }
  const body = withMark(about, text);
  await upsertComment(octokit, target, markOf(about), { body, known: null });
  const { data: now } = await octokit.rest.pulls.update({ ...of, state: "closed" });
  return now.merged ? "merged" : "closed";
}

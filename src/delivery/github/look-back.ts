import type { Redact } from "../../core/text/redact.ts";
import { type GithubConfig, openGithub } from "./github-client.ts";
import { parseGithubTarget } from "./github-repository.ts";
import { findHooks, type LoggedDelivery, listLogged, readLogged } from "./hook-log.ts";
import { listLabelled, type Polled, pollChanged } from "./poll.ts";

/** What is asked of GitHub about what happened while nobody listened. Repositories are `owner/name`. */
export type LookBack = {
  /** The hooks that lead to a Deputy; null: the token may not see hooks. */
  findHooks(repository: string): Promise<number[] | null>;
  listLogged(repository: string, hook: number, since: Date): Promise<LoggedDelivery[]>;
  readLogged(repository: string, hook: number, id: number): Promise<unknown>;
  poll(
    repository: string,
    what: "issues" | "comments",
    from: { since: Date; etag: string | null },
  ): Promise<Polled>;
  listLabelled(place: string): ReturnType<typeof listLabelled>;
  /** What the API has at a path below the repository's. */
  read(repository: string, path: string): Promise<unknown>;
};

/** Null without a token. */
export function makeLookBack(config: GithubConfig, redact: Redact): LookBack | null {
  const { token } = config;
  if (token === null) return null;
  const call = openGithub({ ...config, token }, redact);
  const split = (name: string) => {
    const { owner, repo } = parseGithubTarget(`${name}#1`);
    return { owner, repo };
  };
  return {
    findHooks: (name) =>
      call(`read the hooks of ${name}`, (octokit) => findHooks(octokit, split(name))),
    listLogged: (name, hook, since) =>
      call(`read the deliveries of ${name}`, (octokit) =>
        listLogged(octokit, split(name), hook, since),
      ),
    readLogged: (name, hook, id) =>
      call(`read a delivery of ${name}`, (octokit) => readLogged(octokit, split(name), hook, id)),
    poll: (name, what, from) =>
      call(`read the ${what} of ${name}`, (octokit) =>
        pollChanged(octokit, split(name), what, from),
      ),
    listLabelled: (place) =>
      call(`read the labels of ${place}`, (octokit) =>
        listLabelled(octokit, parseGithubTarget(place)),
      ),
    read: (name, path) =>
      call(`read ${name}${path}`, async (octokit) => {
        const { owner, repo } = split(name);
        return (await octokit.request(`GET /repos/${owner}/${repo}${path}`)).data;
      }),
  };
}

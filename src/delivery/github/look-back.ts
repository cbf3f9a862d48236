import type { Octokit } from "octokit";
import type { GithubAccess } from "./access/github-access.ts";
import { type GithubRepository, parseGithubName, parseGithubTarget } from "./github-repository.ts";
import {
  findHooks,
  isAppHeard,
  type LoggedDelivery,
  listAppLogged,
  listLogged,
  readAppLogged,
  readLogged,
} from "./hook-log.ts";
import { listLabelled, type Polled, pollChanged } from "./poll.ts";

/** What is asked of GitHub about what happened while nobody listened. Repositories are `owner/name`. */
export type LookBack = {
  /** The log of our App's own webhook; null: there is no App. */
  app: {
    isHeard(): Promise<boolean>;
    covers(repository: string): Promise<boolean>;
    listLogged(since: Date): Promise<LoggedDelivery[]>;
    readLogged(id: number): Promise<unknown>;
  } | null;
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

/** Null without access. */
export function makeLookBack(access: GithubAccess | null): LookBack | null {
  if (access === null) return null;
  const of = <T>(
    name: string,
    doing: string,
    work: (octokit: Octokit, repository: GithubRepository) => Promise<T>,
  ) => {
    const repository = parseGithubName(name);
    return access.call(repository, doing, (octokit) => work(octokit, repository));
  };
  return {
    app:
      access.appSlug === null
        ? null
        : {
            isHeard: () => access.callApp("read the App's webhook", isAppHeard),
            covers: (name) => access.isByApp(parseGithubName(name)),
            listLogged: (since) =>
              access.callApp("read the App's deliveries", (octokit) =>
                listAppLogged(octokit, since),
              ),
            readLogged: (id) =>
              access.callApp("read a delivery of the App", (octokit) => readAppLogged(octokit, id)),
          },
    findHooks: (name) => of(name, `read the hooks of ${name}`, findHooks),
    listLogged: (name, hook, since) =>
      of(name, `read the deliveries of ${name}`, (octokit, repository) =>
        listLogged(octokit, repository, hook, since),
      ),
    readLogged: (name, hook, id) =>
      of(name, `read a delivery of ${name}`, (octokit, repository) =>
        readLogged(octokit, repository, hook, id),
      ),
    poll: (name, what, from) =>
      of(name, `read the ${what} of ${name}`, (octokit, repository) =>
        pollChanged(octokit, repository, what, from),
      ),
    listLabelled: (place) => {
      const target = parseGithubTarget(place);
      return access.call(target, `read the labels of ${place}`, (octokit) =>
        listLabelled(octokit, target),
      );
    },
    read: (name, path) =>
      of(name, `read ${name}${path}`, async (octokit, { owner, repo }) => {
        return (await octokit.request(`GET /repos/${owner}/${repo}${path}`)).data;
      }),
  };
}

import type { Octokit } from "octokit";
import { DeputyError } from "../../../core/base/error.ts";
import type { GithubRepository } from "../github-repository.ts";
import { type ClientConfig, clientOptions, type GithubClient } from "./make-client.ts";

/**
 * Deputy as a GitHub App. What it does in a repository it does with a token for that repository
 * alone, with the least rights that its purpose needs, which GitHub ends after an hour. Tokens are
 * kept in this process's memory until a while before that.
 */
export type GithubApp = { appId: number; slug: string; privateKey: string };

/** `api`: comments, pull requests, check runs. `read`, `write`: fetching and pushing by git. */
export type Purpose = "api" | "read" | "write";

const rights: Record<Purpose, Rights> = {
  api: {
    ...{ contents: "read", issues: "write", pull_requests: "write", checks: "write" },
    actions: "read",
  },
  read: { contents: "read" },
  write: { contents: "write" },
};
type Rights = Record<string, "read" | "write">;

/** What is asked for when the App is made, which all purposes share. */
export const appRights: Rights = { ...rights.api, ...rights.write, metadata: "read" };

/** By our clock since it was made, because GitHub's may differ from it. */
const longestUseMs = 50 * 60_000;
/** How long an answer counts: anybody may install the App, remove it or grant it more at any time. */
const absentMs = 30_000;
const foundMs = 5 * 60_000;

export type Installation = { id: number; htmlUrl: string; rights: Rights };

export type OpenApp = {
  slug: string;
  /** The client of the App itself, of none of its installations. */
  own(): Promise<Octokit>;
  /** Null: the App is not installed there. Throws a DeputyError where that is suspended. */
  findInstallation(repository: GithubRepository): Promise<Installation | null>;
  /** Null: as above. */
  clientFor(repository: GithubRepository): Promise<GithubClient | null>;
  tokenFor(repository: GithubRepository, purpose: Purpose): Promise<string | null>;
  /** What is known of a repository is asked anew. */
  forget(repository: GithubRepository): void;
};

export function openApp({ appId, privateKey, slug }: GithubApp, config: ClientConfig): OpenApp {
  const known = new Map<string, { installation: Installation | null; askedAt: number }>();
  const tokens = new Map<string, { token: Promise<string>; madeAt: number; basis: string }>();
  const clients = new Map<string, GithubClient>();
  const own = once(async () => {
    const { App, Octokit } = await import("octokit");
    const Client = Octokit.defaults(clientOptions(config));
    return new App({ appId, privateKey, Octokit: Client }).octokit as unknown as Octokit;
  });

  const recall = (repository: GithubRepository) => {
    const found = known.get(nameOf(repository));
    if (!found) return null;
    const ageMs = Date.now() - found.askedAt;
    return ageMs < (found.installation ? foundMs : absentMs) ? found : null;
  };
  const findInstallation: OpenApp["findInstallation"] = async (repository) => {
    const found = recall(repository);
    if (found) return found.installation;
    const installation = await readInstallation(await own(), slug, repository);
    known.set(nameOf(repository), { installation, askedAt: Date.now() });
    return installation;
  };

  const makeToken = async (installation: Installation, repo: string, permissions: Rights) => {
    const octokit = await own();
    const made = (await octokit.auth({
      ...{ type: "installation", installationId: installation.id, permissions },
      ...{ repositoryNames: [repo], refresh: true },
    })) as { token: string };
    return made.token;
  };

  const keepToken: OpenApp["tokenFor"] = async (repository, purpose) => {
    const installation = await findInstallation(repository);
    if (installation === null) return null;
    const permissions = grantedOf(installation.rights, rights[purpose]);
    if (purpose === "write" && permissions.contents !== "write")
      throw new DeputyError(
        "unprocessable",
        `The GitHub App ${slug} may not push to ${repository.owner}/${repository.repo}: grant it "Contents: read and write" at ${installation.htmlUrl}.`,
      );
    const key = `${nameOf(repository)} ${purpose}`;
    // One of an installation that is no more, or with less than was granted since, is made anew.
    const basis = JSON.stringify([installation.id, permissions]);
    const kept = tokens.get(key);
    if (kept?.basis === basis && Date.now() - kept.madeAt < longestUseMs) return kept.token;
    const token = makeToken(installation, repository.repo, permissions);
    tokens.set(key, { token, madeAt: Date.now(), basis });
    token.catch(() => tokens.delete(key));
    return token;
  };
  const tokenFor: OpenApp["tokenFor"] = async (repository, purpose) => {
    const isRecalled = recall(repository) !== null;
    try {
      return await keepToken(repository, purpose);
    } catch (error) {
      forget(repository);
      if (!isRecalled || !mayHaveChanged(error)) throw error;
      return keepToken(repository, purpose);
    }
  };

  const clientFor: OpenApp["clientFor"] = async (repository) => {
    if ((await findInstallation(repository)) === null) return null;
    const name = nameOf(repository);
    const kept = clients.get(name);
    if (kept) return kept;
    const { Octokit } = await import("octokit");
    const octokit = new Octokit(clientOptions(config));
    // A long list of pages may outlive a token, so each request has the one of that moment.
    octokit.hook.wrap("request", async (request, options) => {
      const token = await tokenFor(repository, "api");
      if (token !== null) options.headers.authorization = `token ${token}`;
      return request(options);
    });
    const client = Object.assign(octokit, {
      findSelf: once(async () => {
        const { data } = await octokit.rest.users.getByUsername({ username: botOf(slug) });
        return { id: data.id, login: data.login };
      }),
    });
    clients.set(name, client);
    return client;
  };

  const forget: OpenApp["forget"] = (repository) => {
    const name = nameOf(repository);
    known.delete(name);
    for (const key of tokens.keys()) if (key.startsWith(`${name} `)) tokens.delete(key);
  };
  return { slug, own, findInstallation, clientFor, tokenFor, forget };
}

/** Whether what was known of an installation may be why: it is gone, suspended, or has other rights. */
function mayHaveChanged(error: unknown): boolean {
  const { status } = error as { status?: number };
  return error instanceof DeputyError || [403, 404, 422].includes(status ?? 0);
}

/** The login of an App's account. */
export function botOf(slug: string): string {
  return `${slug}[bot]`;
}

async function readInstallation(
  octokit: Octokit,
  slug: string,
  { owner, repo }: GithubRepository,
): Promise<Installation | null> {
  try {
    const { data } = await octokit.rest.apps.getRepoInstallation({ owner, repo });
    if (data.suspended_at)
      throw new DeputyError(
        "forbidden",
        `The GitHub App ${slug} is suspended on ${owner}/${repo}: an owner can end that at ${data.html_url}.`,
      );
    return { id: data.id, htmlUrl: data.html_url, rights: data.permissions as Rights };
  } catch (error) {
    if ((error as { status?: number }).status === 404) return null;
    throw error;
  }
}

/** What was granted of what is wanted: a right that is missing takes away only what needs it. */
function grantedOf(granted: Rights, wanted: Rights): Rights {
  const both = Object.entries(wanted).flatMap(([name, right]) => {
    const has = granted[name];
    return has === undefined ? [] : [[name, has === "write" ? right : "read"] as const];
  });
  return Object.fromEntries(both);
}

function nameOf({ owner, repo }: GithubRepository): string {
  return `${owner}/${repo}`.toLowerCase();
}

/** What failed is tried again by the next caller. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => {
    made ??= make().catch((error) => {
      made = null;
      throw error;
    });
    return made;
  };
}

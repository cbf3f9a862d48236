import type { Octokit } from "octokit";
import { DeputyError } from "../../../core/base/error.ts";
import type { Redact } from "../../../core/text/redact.ts";
import { explainGithubError } from "../github-errors.ts";
import type { GithubRepository } from "../github-repository.ts";
import { type ClientConfig, type GithubClient, makeTokenClient } from "./make-client.ts";
import { botOf, type GithubApp, openApp } from "./open-app.ts";

/**
 * The one way to GitHub, for the API and for git: as Deputy's App where that is installed, else with
 * the token that a person gave. What it throws is a DeputyError with one redacted sentence. Opened
 * once for a process; no agent gets hold of it.
 */
export type GithubConfig = ClientConfig & { token: string | null; app: GithubApp | null };

/** `doing` completes "Could not …". */
export type CallGithub = <T>(
  repository: GithubRepository,
  doing: string,
  work: (client: GithubClient) => Promise<T>,
) => Promise<T>;

export type GithubAccess = {
  apiUrl: string;
  /** The App's name in addresses; null: there is none. */
  appSlug: string | null;
  call: CallGithub;
  /** As the App itself. */
  callApp: <T>(doing: string, work: (octokit: Octokit) => Promise<T>) => Promise<T>;
  /** Whether the App acts there. */
  isByApp: (repository: GithubRepository) => Promise<boolean>;
  /**
   * What git sends as a password; null: nothing allows it. `write` throws then, because it is known to
   * be refused.
   */
  gitToken: (repository: GithubRepository, purpose: "read" | "write") => Promise<string | null>;
};

/** Null without App and token. */
export function openGithub(config: GithubConfig, redact: Redact): GithubAccess | null {
  const { apiUrl, token } = config;
  const app = config.app && openApp(config.app, config);
  if (app === null && token === null) return null;
  let byToken: Promise<GithubClient> | null = null;
  const who = app === null ? null : botOf(app.slug);
  const explaining = async <T>(doing: string, work: () => Promise<T>, by = who): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      // The server's message is stored and shown, so it is redacted like outgoing text.
      const { code, message, retryAt } = explainGithubError(error, doing, { apiUrl, app: by });
      throw new DeputyError(code, redact(message), { retryAt });
    }
  };
  const findClient = async (repository: GithubRepository) => {
    const client = await app?.clientFor(repository);
    if (client) return client;
    if (token === null) throw notInstalled(app?.slug ?? "", repository, config);
    byToken ??= makeTokenClient(config, token);
    return byToken;
  };
  return {
    apiUrl,
    appSlug: app?.slug ?? null,
    call: async (repository, doing, work) => {
      const isByApp = app !== null && (await explaining(doing, () => isInstalled(app, repository)));
      const ask = async () => work(await findClient(repository));
      const run = async () => {
        try {
          return await ask();
        } catch (error) {
          if (!isByApp || (error as { status?: number }).status !== 401) throw error;
          // The App was removed, suspended or changed meanwhile: what holds now is asked, and said.
          app.forget(repository);
          return ask();
        }
      };
      return explaining(doing, run, isByApp ? who : null);
    },
    callApp: (doing, work) =>
      explaining(doing, async () => {
        if (app === null) throw new DeputyError("unprocessable", "Deputy has no GitHub App.");
        return work(await app.own());
      }),
    isByApp: async (repository) =>
      app !== null && explaining("ask for the installation", () => isInstalled(app, repository)),
    gitToken: (repository, purpose) =>
      explaining(`get access to ${repository.owner}/${repository.repo}`, async () => {
        const ofApp = app && (await app.tokenFor(repository, purpose));
        if (ofApp !== null || token !== null) return ofApp ?? token;
        if (purpose === "write") throw notInstalled(app?.slug ?? "", repository, config);
        return null;
      }),
  };
}

async function isInstalled(
  app: ReturnType<typeof openApp>,
  repository: GithubRepository,
): Promise<boolean> {
  return (await app.findInstallation(repository)) !== null;
}

function notInstalled(
  slug: string,
  { owner, repo }: GithubRepository,
  { apiUrl }: ClientConfig,
): DeputyError {
  return new DeputyError(
    "not_found",
    `The GitHub App ${slug} is not installed on ${owner}/${repo}: install it at ${installUrl(slug, apiUrl)}.`,
  );
}

/** Where an App is installed on more repositories. */
export function installUrl(slug: string, apiUrl: string): string {
  const web = webUrl(apiUrl);
  // A GitHub of one's own has Apps below another path.
  const folder = web === "https://github.com" ? "apps" : "github-apps";
  return `${web}/${folder}/${slug}/installations/new`;
}

/** The address of a GitHub's pages. */
export function webUrl(apiUrl: string): string {
  const { origin } = new URL(apiUrl);
  return origin === "https://api.github.com" ? "https://github.com" : origin;
}

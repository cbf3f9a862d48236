import { rm } from "node:fs/promises";
import { loadConfig } from "../../config/config.ts";
import { pathOfApp } from "../../config/github-app.ts";
import { DeputyError } from "../../core/base/error.ts";
import { makeRedact } from "../../core/text/redact.ts";
import { namedRepositories, tryGithub } from "../../daemon/try-github.ts";
import { type InstallationStatus, tryApp } from "../../delivery/github/app/try-app.ts";
import { readRules } from "../../triggers/watch-rules.ts";

/** `deputy github status`: as whom Deputy works on GitHub, where, and what is missing. */
export type GithubStatus = {
  /** Null: there is none. */
  app: { slug: string; url: string; installations: InstallationStatus[] } | null;
  /** Whether a person's token is set, which stands in where the App is not installed. */
  token: boolean;
  lacks: string[];
};

export async function githubStatus(env: NodeJS.ProcessEnv): Promise<GithubStatus> {
  const config = loadConfig(env);
  const { apiUrl, app, appProblem, token } = config.github;
  const read = await readRules(config.paths.triggers);
  const rules = "rules" in read ? read.rules : null;
  const lacks = appProblem === null ? [] : [appProblem.replace(/\.$/, "")];
  const tried =
    app && (await tryApp({ apiUrl, app }, namedRepositories(rules), makeRedact(config.secrets)));
  const ofToken = app === null ? ((await tryGithub(config, rules)) ?? []) : [];
  return {
    app: app && { slug: app.slug, url: app.htmlUrl, installations: tried?.installations ?? [] },
    token: token !== null,
    lacks: [...lacks, ...(tried?.lacks ?? []), ...ofToken],
  };
}

/** For people. */
export function describeStatus({ app, lacks, token }: GithubStatus): string {
  const standsIn = app === null ? "Deputy works with" : "Where it is not installed, with";
  const lines = [
    app === null
      ? "There is no GitHub App: deputy github connect makes one."
      : `Deputy is the GitHub App ${app.slug}: ${app.url}`,
    ...(app?.installations ?? []).map(describeInstallation),
    ...(token ? [`${standsIn} the token in GITHUB_TOKEN.`] : []),
    ...(app === null && !token ? ["GITHUB_TOKEN is not set either: no pull requests."] : []),
    ...lacks.map((lack) => `– ${lack}`),
  ];
  return lines.join("\n");
}

function describeInstallation({ account, isSuspended, repositories, url }: InstallationStatus) {
  const which = isSuspended ? "suspended" : (repositories?.join(", ") ?? "");
  return `  ${account}: ${which} (${url})`;
}

/** `deputy github disconnect`: forgets the App's key; GitHub keeps the App. Returns where that is. */
export async function disconnectGithub(env: NodeJS.ProcessEnv): Promise<string | null> {
  const { github, home } = loadConfig(env);
  if (github.app === null && github.appProblem === null)
    throw new DeputyError("conflict", "Deputy has no GitHub App.");
  await rm(pathOfApp(home), { force: true });
  return github.app?.htmlUrl ?? null;
}

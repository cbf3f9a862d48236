import { DeputyError } from "../../core/base/error.ts";
import type { OtherForge } from "../../core/forge/place.ts";
import type { Redact } from "../../core/text/redact.ts";
import type { GithubConfig } from "../github/access/github-access.ts";
import { requirePullRequests } from "../github/github-repository.ts";
import { type ForgeClient, makeForgeClient } from "./forge-client.ts";
import { findProject } from "./forge-url.ts";
import { giteaApi } from "./gitea.ts";
import { gitlabApi } from "./gitlab.ts";
import { makePullForge } from "./make-pull-forge.ts";
import type { EventApi, FindForge, PullForge } from "./pull-forge.ts";

/** A forge beside GitHub: its address as a browser has it, and the token for it. */
export type ForgeSettings = { kind: OtherForge; url: string; token: string | null };

type ForgesConfig = { github: GithubConfig; forges: readonly ForgeSettings[] };

/** Finds the forge of a repository by its URL; what is on no other one is GitHub's to refuse. */
export function openForges(
  forges: readonly ForgeSettings[],
  onGithub: PullForge | null,
  redact: Redact,
): FindForge {
  const others = forges.map((settings) => {
    const { url } = settings;
    const api = openApi(settings, redact);
    return { url, forge: api && makePullForge(api, url, redact) };
  });
  return (repositoryUrl) => {
    const other = others.find(({ url }) => findProject(repositoryUrl, url) !== null);
    return other ? other.forge : onGithub;
  };
}

/**
 * Throws if no pull request could be opened for the repository, so that this is known before the
 * work instead of after it.
 */
export function requireForge({ forges, github }: ForgesConfig, repositoryUrl: string): void {
  const other = forges.find(({ url }) => findProject(repositoryUrl, url) !== null);
  if (!other) requirePullRequests(github, repositoryUrl);
  if (!other || other.token !== null) return;
  throw new DeputyError(
    "unprocessable",
    `A pull request on ${new URL(other.url).host} needs a token: set ${tokenVariable(other.kind)} for the daemon, or use --deliver branch.`,
    { field: "deliver" },
  );
}

/** For `deputy doctor`: what is wrong with a forge's token, by reading alone; null: nothing that shows. */
export async function tryForge(
  settings: ForgeSettings,
  /** Those that rules name. */
  projects: readonly string[],
  redact: Redact,
): Promise<string | null> {
  const api = openApi(settings, redact);
  if (!api)
    return `${tokenVariable(settings.kind)} is not set: no pull requests on ${settings.url}`;
  const lacks: string[] = [];
  try {
    await api.account();
    for (const project of projects.slice(0, maxProjects)) {
      const { mayPush } = await api.tryProject(project).catch((error: unknown) => {
        // One that is not there says nothing of the others.
        if (!(error instanceof DeputyError) || error.code !== "not_found") throw error;
        lacks.push(error.message.replace(/\.$/, ""));
        return { mayPush: true };
      });
      if (!mayPush) lacks.push(`the token may not push to ${project}`);
    }
    return lacks.length === 0 ? null : lacks.join("; ");
  } catch (error) {
    if (error instanceof DeputyError) return error.message.replace(/\.$/, "");
    throw error;
  }
}

const maxProjects = 5;

/** Null: without a token. */
export function openApi(settings: ForgeSettings, redact: Redact): EventApi | null {
  const client = openClient(settings, redact);
  return client && apis[settings.kind].api(client, settings.url);
}

/** The API of a forge, for what has no method of its own; null: without a token. */
export function openClient(
  { kind, token, url }: ForgeSettings,
  redact: Redact,
): ForgeClient | null {
  if (token === null) return null;
  const { authorization, name, path } = apis[kind];
  return makeForgeClient({
    ...{ name, redact, apiUrl: `${url.replace(/\/+$/, "")}${path}` },
    ...{ headers: { authorization: authorization(token) }, variable: tokenVariable(kind) },
  });
}

const apis = {
  gitea: {
    ...{ name: "Gitea", path: "/api/v1", api: giteaApi },
    authorization: (token: string) => `token ${token}`,
  },
  gitlab: {
    ...{ name: "GitLab", path: "/api/v4", api: gitlabApi },
    authorization: (token: string) => `Bearer ${token}`,
  },
};

function tokenVariable(kind: ForgeSettings["kind"]): string {
  return `${kind.toUpperCase()}_TOKEN`;
}

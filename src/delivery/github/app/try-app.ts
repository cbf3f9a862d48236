import { DeputyError } from "../../../core/base/error.ts";
import type { Redact } from "../../../core/text/redact.ts";
import { type GithubAccess, installUrl, openGithub } from "../access/github-access.ts";
import { type ClientConfig, clientOptions } from "../access/make-client.ts";
import { appRights, type GithubApp } from "../access/open-app.ts";
import { parseGithubName } from "../github-repository.ts";

/**
 * Tries an App as `deputy doctor` and `deputy github status` do, by reading alone: whether GitHub
 * knows its key, where it is installed, and which rights it lacks.
 */
export type AppStatus = {
  installations: InstallationStatus[];
  /** In sentences; empty: nothing that can be known without writing. */
  lacks: string[];
};
export type InstallationStatus = {
  account: string;
  url: string;
  isSuspended: boolean;
  /** Some of them; null: they could not be listed. */
  repositories: string[] | null;
};

const maxRepositories = 5;
const maxInstallations = 20;
const maxClockMs = 60_000;

export async function tryApp(
  { app, ...config }: ClientConfig & { app: GithubApp },
  /** `owner/name`, those that rules name. */
  named: readonly string[],
  redact: Redact,
): Promise<AppStatus> {
  const access = openGithub({ ...config, app, token: null, patient: false }, redact);
  if (access === null) throw new Error("an App is access");
  try {
    const lacks = await lookAtApp(access);
    const installations = await listInstallations(access, config);
    if (installations.length === 0) {
      const url = installUrl(app.slug, config.apiUrl);
      return { installations, lacks: [...lacks, `it is installed nowhere: install it at ${url}`] };
    }
    for (const { account, isSuspended, url } of installations)
      if (isSuspended) lacks.push(`it is suspended at ${account}: an owner can end that at ${url}`);
    for (const name of named.slice(0, maxRepositories)) {
      const lack = await tryRepository(access, app.slug, config.apiUrl, name);
      if (lack !== null) lacks.push(lack);
    }
    return { installations, lacks: [...new Set(lacks)] };
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    return { installations: [], lacks: [plain(error)] };
  }
}

async function lookAtApp(access: GithubAccess): Promise<string[]> {
  const { data, headers } = await access.callApp("look at the App", (octokit) =>
    octokit.rest.apps.getAuthenticated(),
  );
  const aheadMs = Date.now() - Date.parse(headers.date ?? "");
  const lacks =
    Math.abs(aheadMs) > maxClockMs
      ? [
          `the clock of this machine is ${Math.round(Math.abs(aheadMs) / 60_000)} minutes ${aheadMs > 0 ? "ahead of" : "behind"} GitHub's: set it right`,
        ]
      : [];
  const rights = data?.permissions as Record<string, string> | undefined;
  for (const [name, right] of Object.entries(appRights)) {
    const has = rights?.[name];
    if (has !== right && has !== "write")
      lacks.push(`it lacks the right ${name}: ${right}: add it at ${data?.html_url}/permissions`);
  }
  return lacks;
}

async function listInstallations(
  access: GithubAccess,
  config: ClientConfig,
): Promise<InstallationStatus[]> {
  const { Octokit } = await import("octokit");
  return access.callApp("list where the App is installed", async (octokit) => {
    const { data } = await octokit.rest.apps.listInstallations({ per_page: maxInstallations });
    return Promise.all(
      data.map(async ({ account, html_url: url, id: installationId, suspended_at }) => {
        const name = account !== null && "login" in account ? account.login : "an enterprise";
        const about = { account: name, url, isSuspended: suspended_at !== null };
        if (suspended_at !== null) return { ...about, repositories: null };
        const permissions = { metadata: "read" };
        const { token } = (await octokit.auth({
          ...{ type: "installation", installationId, permissions },
        })) as { token: string };
        const there = new Octokit({ ...clientOptions({ ...config, patient: false }), auth: token });
        const { data } = await there.rest.apps.listReposAccessibleToInstallation({ per_page: 100 });
        return { ...about, repositories: data.repositories.map((one) => one.full_name) };
      }),
    );
  });
}

async function tryRepository(
  access: GithubAccess,
  slug: string,
  apiUrl: string,
  name: string,
): Promise<string | null> {
  try {
    if (await access.isByApp(parseGithubName(name))) return null;
    return `it is not installed on ${name}: install it at ${installUrl(slug, apiUrl)}`;
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    return plain(error);
  }
}

function plain({ message }: DeputyError): string {
  return message.replace(/\.$/, "");
}

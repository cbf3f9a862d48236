import { z } from "zod";
import { DeputyError } from "../../../core/base/error.ts";
import type { Redact } from "../../../core/text/redact.ts";
import { webUrl } from "../access/github-access.ts";
import { type ClientConfig, clientOptions } from "../access/make-client.ts";
import { appRights } from "../access/open-app.ts";
import { explainGithubError } from "../github-errors.ts";

/**
 * An App is made by a manifest: a page of ours posts it to GitHub, where a person agrees, and GitHub
 * leads their browser back to us with a code. The code is good for one hour and once, and gives out
 * the App's key and secrets.
 */
const events = [
  ...["issues", "issue_comment", "pull_request", "pull_request_review"],
  ...["check_run", "workflow_run", "push"],
];

/** GitHub wants an address in any case. */
const nowhere = "https://example.com/no-public-address";

/** What a person is asked to agree to. `hookUrl` null: nothing is delivered, and lists are polled. */
export function writeManifest(about: {
  name: string;
  homepage: string;
  redirectUrl: string;
  hookUrl: string | null;
}) {
  const { homepage, hookUrl, name, redirectUrl } = about;
  return {
    ...{ name, url: homepage, redirect_url: redirectUrl, public: false },
    description: "Hands off tasks to coding agents, and brings back verified branches.",
    hook_attributes: { url: hookUrl ?? nowhere, active: hookUrl !== null },
    ...{ default_permissions: appRights, default_events: events },
  };
}

/** The page of GitHub that takes a manifest. */
export function manifestUrl(apiUrl: string, org: string | null, state: string): string {
  const owner = org === null ? "" : `/organizations/${encodeURIComponent(org)}`;
  return `${webUrl(apiUrl)}${owner}/settings/apps/new?state=${encodeURIComponent(state)}`;
}

const converted = z.object({
  ...{ id: z.number(), slug: z.string(), html_url: z.url(), pem: z.string() },
  ...{ client_id: z.string(), client_secret: z.string(), webhook_secret: z.string().nullish() },
});

/** The App that the code stands for, with its secrets. Throws a DeputyError. */
export async function createApp(
  config: ClientConfig,
  code: string,
  redact: Redact,
): Promise<z.infer<typeof converted>> {
  const { Octokit } = await import("octokit");
  const octokit = new Octokit(clientOptions(config));
  try {
    // Not retried: the code is good once.
    const request = { request: { retries: 0 } };
    const { data } = await octokit.rest.apps.createFromManifest({ code, ...request });
    return converted.parse(data);
  } catch (error) {
    const about = { apiUrl: config.apiUrl, app: "the new App" };
    const { code, message } = explainGithubError(error, "get the App's key", about);
    throw new DeputyError(code, redact(message));
  }
}

import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { type Config, loadConfig } from "../../config/config.ts";
import { pathOfApp, writeGithubApp } from "../../config/github-app.ts";
import { DeputyError } from "../../core/base/error.ts";
import { makeRedact } from "../../core/text/redact.ts";
import { installUrl, webUrl } from "../../delivery/github/access/github-access.ts";
import { createApp, manifestUrl, writeManifest } from "../../delivery/github/app/create-app.ts";
import { isLoopback } from "../../worktree/mirror/repository-url.ts";
import { openManifestPage } from "./manifest-page.ts";

/**
 * `deputy github connect`: makes a GitHub App that belongs to this Deputy alone, in two clicks, and
 * keeps its key in the home. The daemon acts as it from its next start.
 */
export type Connected = {
  slug: string;
  installUrl: string;
  /** Null: nothing is delivered, because no public address is set. */
  hookUrl: string | null;
};

export async function connectGithub(options: {
  /** Null: the App belongs to the person who agrees. */
  org: string | null;
  /** Null: one that is most likely free. */
  name: string | null;
  waitMinutes: number;
  env: NodeJS.ProcessEnv;
  onPage: (url: string) => void;
}): Promise<Connected> {
  const config = loadConfig(options.env);
  const { apiUrl, app, appProblem } = config.github;
  if (app !== null || appProblem !== null) {
    const there = appProblem ?? `Deputy is the GitHub App ${app?.slug} already.`;
    const why = `${there} To make another one: deputy github disconnect.`;
    throw new DeputyError("conflict", why);
  }
  await mkdir(config.home, { recursive: true, mode: 0o700 });
  const hookUrl = findHookUrl(config);
  const homepage = config.publicUrl ?? `${webUrl(apiUrl)}/${options.org ?? ""}`;
  const name = options.name ?? `deputy-${options.org ?? randomBytes(3).toString("hex")}`;
  let connected: Connected | null = null;
  const page = await openManifestPage({
    target: (state) => manifestUrl(apiUrl, options.org, state),
    manifest: (redirectUrl) =>
      writeManifest({ name: name.slice(0, maxName), homepage, redirectUrl, hookUrl }),
    onCode: async (code) => {
      const made = await createApp({ apiUrl }, code, makeRedact([...config.secrets, code]));
      await writeGithubApp(config.home, {
        ...{ app_id: made.id, slug: made.slug, html_url: made.html_url, api_url: apiUrl },
        ...{ client_id: made.client_id, client_secret: made.client_secret },
        ...{ webhook_secret: made.webhook_secret ?? null, private_key: made.pem },
      });
      const url = installUrl(made.slug, apiUrl);
      connected = { slug: made.slug, installUrl: url, hookUrl };
      return url;
    },
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    options.onPage(page.url);
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const why = `Nobody made the App within ${options.waitMinutes} minutes: nothing was changed.`;
        reject(new DeputyError("conflict", why));
      }, options.waitMinutes * 60_000);
    });
    await Promise.race([page.done, late]);
  } finally {
    clearTimeout(timer);
    page.close();
  }
  if (connected === null) throw new Error(`${pathOfApp(config.home)} was not written`);
  return connected;
}

/** GitHub's limit. */
const maxName = 34;

/** Null: GitHub could not reach it. */
function findHookUrl({ publicUrl }: Pick<Config, "publicUrl">): string | null {
  if (publicUrl === null) return null;
  const { hostname, protocol } = new URL(publicUrl);
  if (protocol !== "https:" || isLoopback(hostname)) return null;
  return `${publicUrl.replace(/\/+$/, "")}/hooks/github`;
}

/** For people. `repositories`: where they mean to have it work. */
export function describeConnected(
  { hookUrl, installUrl, slug }: Connected,
  repositories: readonly string[],
): string {
  const where = repositories.length === 0 ? "where it is to work" : `on ${repositories.join(", ")}`;
  return [
    `Deputy has the key of the GitHub App ${slug}. Now:`,
    `1. Install it ${where}: ${installUrl}`,
    "2. Start the daemon again, if it runs: deputy down, then deputy up --detach",
    "3. See what is missing: deputy github status",
    hookUrl === null
      ? "GitHub can deliver nothing, because no public https address is set (DEPUTY_PUBLIC_URL): issues, comments and pull requests are looked up every ten minutes instead."
      : `GitHub delivers to ${hookUrl}.`,
  ].join("\n");
}

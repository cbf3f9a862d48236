import type { Config } from "../config/config.ts";
import { makeRedact } from "../core/text/redact.ts";
import { tryForge } from "../delivery/forges/open-forges.ts";
import { tryApp } from "../delivery/github/app/try-app.ts";
import { tryToken } from "../delivery/github/try-token.ts";
import { findWanted } from "../triggers/reconcile/wanted-events.ts";
import type { TriggerRules } from "../triggers/rules.ts";

/** What the daemon's token lacks, in sentences; null: none is set. */
export async function tryGithub(
  { github }: Pick<Config, "github">,
  rules: TriggerRules | null,
): Promise<string[] | null> {
  const { apiUrl, token } = github;
  return token === null ? null : tryToken({ apiUrl, token }, namedRepositories(rules));
}

/** What the daemon's GitHub App lacks, in sentences; null: there is none. */
export async function tryGithubApp(
  { github, secrets }: Pick<Config, "github" | "secrets">,
  rules: TriggerRules | null,
): Promise<string[] | null> {
  const { apiUrl, app, appProblem } = github;
  if (appProblem !== null) return [appProblem.replace(/\.$/, "")];
  if (app === null) return null;
  return (await tryApp({ apiUrl, app }, namedRepositories(rules), makeRedact(secrets))).lacks;
}

/** The repositories that rules name, and not by a pattern. */
export function namedRepositories(rules: TriggerRules | null): string[] {
  const named = (rules?.github ?? []).map(({ repository }) => repository);
  return [...new Set(named)].filter((name) => /^[\w.-]+\/[\w.-]+$/.test(name));
}

/** The same for the forges beside GitHub: each with what is wrong with its token; null: nothing that shows. */
export async function tryForges(config: Config, rules: TriggerRules | null) {
  const redact = makeRedact(config.secrets);
  return Promise.all(
    config.forges.map(async (forge) => {
      const { kind, url, webhookSecrets } = forge;
      const named = rules === null ? [] : [...findWanted(rules, kind).repositories.keys()];
      const problem = await tryForge(forge, named, redact);
      return { kind, url, problem, hasSecret: webhookSecrets.length > 0 };
    }),
  );
}

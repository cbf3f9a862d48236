import type { Config } from "../config/config.ts";
import { makeRedact } from "../core/text/redact.ts";
import { tryForge } from "../delivery/forges/open-forges.ts";
import { tryToken } from "../delivery/github/try-token.ts";
import type { TriggerRules } from "../triggers/rules.ts";

/** What the daemon's token lacks, in sentences; null: none is set. */
export async function tryGithub(
  { github }: Pick<Config, "github">,
  rules: TriggerRules | null,
): Promise<string[] | null> {
  const { apiUrl, token } = github;
  if (token === null) return null;
  const named = (rules?.github ?? []).map(({ repository }) => repository);
  const repositories = [...new Set(named)].filter((name) => /^[\w.-]+\/[\w.-]+$/.test(name));
  return tryToken({ apiUrl, token }, repositories);
}

/** The same for the forges beside GitHub: each with what is wrong with its token; null: nothing that shows. */
export async function tryForges(
  config: Config,
): Promise<{ kind: "gitea" | "gitlab"; url: string; problem: string | null }[]> {
  const redact = makeRedact(config.secrets);
  return Promise.all(
    config.forges.map(async (forge) => {
      const { kind, url } = forge;
      return { kind, url, problem: await tryForge(forge, redact) };
    }),
  );
}

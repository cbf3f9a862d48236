import type { Config } from "../config/config.ts";
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

import type { Config } from "../../config/config.ts";
import { makeRedact } from "../../core/text/redact.ts";
import { openGithub } from "../../delivery/github/access/github-access.ts";
import { makeLookBack } from "../../delivery/github/look-back.ts";
import { findWanted } from "../../triggers/reconcile/wanted-events.ts";
import type { TriggerRules } from "../../triggers/rules.ts";

const maxRepositories = 5;

/**
 * Of which repositories that rules name deliveries are found again that nobody took, in a sentence
 * each. Null: without access to GitHub none are. `isWhole`: of all of them, and of all events.
 */
export async function describeCoverage(
  { github, secrets }: Pick<Config, "github" | "secrets">,
  rules: TriggerRules,
): Promise<{ sentences: string[]; isWhole: boolean } | null> {
  const look = makeLookBack(openGithub(github, makeRedact(secrets)));
  if (look === null) return null;
  const { patterns, repositories } = findWanted(rules, "github");
  const app = await look.app?.isHeard().catch(() => false); // the App has a finding of its own
  if (app) {
    const all = "all, where the GitHub App is installed, from the log of its webhook";
    return { sentences: [all], isWhole: true };
  }
  const sentences = patterns.map(
    (pattern) =>
      `${pattern}: none, because it is a pattern; name its repositories in rules of theirs`,
  );
  let isWhole = patterns.length === 0;
  for (const name of [...repositories.keys()].slice(0, maxRepositories)) {
    const hooks = await look.findHooks(name).catch((error: Error) => error.message);
    if (Array.isArray(hooks) && hooks.length > 0) {
      sentences.push(`${name}: all, from the log of its webhook`);
      continue;
    }
    isWhole = false;
    const why =
      hooks === null
        ? "the token may not read its webhooks (webhooks: read)"
        : "none of its webhooks leads to /hooks/github";
    sentences.push(
      typeof hooks === "string"
        ? `${name}: ${hooks}`
        : `${name}: opened and labelled issues, comments and heads of pull requests, from lists, because ${why}`,
    );
  }
  const more = repositories.size - maxRepositories;
  return { sentences: more > 0 ? [...sentences, `and ${more} more`] : sentences, isWhole };
}

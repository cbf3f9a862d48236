import type { Config } from "../../config/config.ts";
import { makeLookBack } from "../../delivery/github/look-back.ts";
import { findWanted } from "../../triggers/reconcile/wanted-events.ts";
import type { TriggerRules } from "../../triggers/rules.ts";

const maxRepositories = 5;

/**
 * Of which repositories that rules name deliveries are found again that nobody took, in a sentence
 * each. Null: without a token none are. `isWhole`: of all of them, and of all events.
 */
export async function describeCoverage(
  { github }: Pick<Config, "github">,
  rules: TriggerRules,
): Promise<{ sentences: string[]; isWhole: boolean } | null> {
  const look = makeLookBack(github, (text) => text.replaceAll(github.token ?? "", "…"));
  if (look === null) return null;
  const { patterns, repositories } = findWanted(rules);
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

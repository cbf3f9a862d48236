import { DeputyError } from "../../core/base/error.ts";
import { maxWatched } from "../../triggers/watch/open-watch.ts";
import { scopeOf, type WatchRule } from "../../triggers/watch/watch-rule.ts";
import { surveyCheckout } from "../../worktree/checkout/survey-checkout.ts";

/** A sentence for each watch that has no checkout, nothing to watch, or too much. For `doctor`. */
export async function findWatchProblems(rules: readonly WatchRule[]): Promise<string[]> {
  const problems: string[] = [];
  for (const rule of rules) {
    const { name, repository } = rule;
    try {
      const { files } = await surveyCheckout(repository);
      const count = files.filter(scopeOf(rule).holds).length;
      if (count === 0) problems.push(`The watch ${name}: no file of ${repository} fits it.`);
      if (count > maxWatched)
        problems.push(
          `The watch ${name}: ${repository} has ${count} files, and at most ${maxWatched} are watched; name fewer in \`paths\`.`,
        );
    } catch (error) {
      if (!(error instanceof DeputyError)) throw error;
      problems.push(`The watch ${name}: ${error.message}`);
    }
  }
  return problems;
}

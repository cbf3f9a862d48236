import { matchPaths } from "./diff-policy.ts";
import { listSome } from "./list-some.ts";

/**
 * Protected paths that a task is about by its own words, known before anybody works on it: a change to
 * one fails every attempt, so a person is asked at the plan. Pure. A guess in one direction: what the
 * words do not name, or forbid, is not asked about, and the verdict finds it.
 */
export function findProtected(
  goal: string,
  writes: readonly string[],
  { protectedPaths }: { protectedPaths: readonly string[] },
): string[] {
  const isProtected = matchPaths(protectedPaths);
  const named = [...writes, ...namesIn(goal)].map((path) => path.replace(/^\.\//, ""));
  return [...new Set(named.filter((path) => isProtected(path.replace(/\/+$/, ""))))];
}

/** Words that look like paths, but for those that a sentence forbids. */
function namesIn(goal: string): string[] {
  return goal.split(/\n|[.;!?](?=\s|$)/).flatMap((sentence) => {
    const isForbidding = /\b(not|never|without|except|avoid|leave)\b|n't\b/i.test(sentence);
    return isForbidding
      ? []
      : sentence.split(/[\s"'`,:;()<>[\]]+/).filter((word) => /[/.]/.test(word));
  });
}

/** By these words the question is found again among those that were answered. */
export const aboutProtected = "This work is about protected files";

export function askAboutProtected(paths: readonly string[]): string {
  return `${aboutProtected} (${listSome(paths)}), and a change to one of them fails every attempt: \`.deputy/\` and \`.github/workflows/\` are a person's to change, and so is what \`protected\` in \`.deputy/config.yaml\` names. Answer with what is to be done instead, or cancel the task and change them yourself.`;
}

import { checkRepository, parseRepository } from "../worktree/mirror/repository-url.ts";

/**
 * Caches the intake's check of a repository for a moment: a burst of tasks for one repository asks
 * git once. Refusals are not cached. The base commit is fixed later, when the task is planned.
 */
export function checkedRepositories(
  rememberMs = 2_000,
): (repository: string, base: string | null) => Promise<string> {
  const known = new Map<string, { until: number; answer: Promise<string> }>();
  return (repository, base) => {
    const key = JSON.stringify([repository, base]);
    const now = Date.now();
    const hit = known.get(key);
    if (hit && hit.until > now) return hit.answer;
    if (known.size > 1_000) known.clear();
    const answer = check(repository, base);
    known.set(key, { until: now + rememberMs, answer });
    answer.catch(() => known.delete(key)); // the caller gets the error itself
    return answer;
  };
}

async function check(repository: string, base: string | null): Promise<string> {
  const checked = await checkRepository(parseRepository(repository), base);
  return checked.topLevel;
}

import { inject } from "vitest";

/**
 * The run's Redis, or null when none is installed (the run has said so loudly, and failed in CI):
 * `describe.skipIf(redisUrl() === null)`. It is shared: use a key prefix of your own, and start your
 * own with startRedisServer before you flush, stop or kill one.
 */
export function redisUrl(): string | null {
  return inject("redisUrl");
}

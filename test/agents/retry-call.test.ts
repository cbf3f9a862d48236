import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readRetryAfter } from "../../src/agents/builtin/model/model-error.ts";
import { backoff, defaultRetryLimits } from "../../src/agents/builtin/model/retry-call.ts";

describe("Retry-After", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  test.each([
    [{ "retry-after": "3" }, 3_000],
    [{ "retry-after": "0" }, 0],
    [{ "retry-after": "1.5" }, 1_500],
    [{ "retry-after-ms": "250", "retry-after": "3" }, 250],
    [{ "retry-after": "Thu, 01 Jan 2026 00:00:10 GMT" }, 10_000],
    [{ "retry-after": "Wed, 31 Dec 2025 00:00:00 GMT" }, 0],
    [{ "retry-after": "-5" }, null],
    [{ "retry-after": "soon" }, null],
    [{ "retry-after-ms": "" }, null],
    [{}, null],
  ])("%j → %s", (headers, expected) => {
    expect(readRetryAfter(new Headers(headers as Record<string, string>), now)).toBe(expected);
  });
});

test("pauses grow, are jittered, and are never longer than the longest wait", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (n, chance) => {
        const pause = backoff(n, defaultRetryLimits, chance);
        const whole = Math.min(60_000, 1_000 * 2 ** (n - 1));
        expect(pause).toBeGreaterThanOrEqual(whole / 2);
        expect(pause).toBeLessThanOrEqual(whole);
      },
    ),
  );
});

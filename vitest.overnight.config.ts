import { defineConfig } from "vitest/config";

/** `npm run bench:overnight`: every fault of the suite against the real program. */
export default defineConfig({
  test: {
    include: ["test/overnight/*.bench.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    maxConcurrency: Number(process.env.DEPUTY_OVERNIGHT_WORKERS ?? 2),
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});

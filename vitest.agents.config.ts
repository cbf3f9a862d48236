import { defineConfig } from "vitest/config";

/** `npm run test:agents`: the real programs of others, against a scripted model. */
export default defineConfig({
  test: {
    include: ["test/agents-real/**/*.real.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

import { defineConfig } from "vitest/config";

/** `npm run bench:proof`: the whole corpus of cheats and honest changes, with figures. */
export default defineConfig({
  test: {
    include: ["test/verifier/corpus/*.proof.ts"],
    pool: "forks",
    maxConcurrency: Number(process.env.DEPUTY_CORPUS_WORKERS ?? 2),
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});

import { defineConfig } from "vitest/config";

/** `npm run bench:simulation`: as many steps as are asked for, in memory, without a database. */
export default defineConfig({
  test: { include: ["test/simulation/*.bench.ts"], testTimeout: 3_600_000 },
});

import { defineConfig } from "vitest/config";
import { LongOnesFirst } from "./test/support/sequencer.ts";

/** Set by .ci/run: where the results also go, as JSON. */
const report = process.env.DEPUTY_TEST_REPORT;

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    pool: "forks",
    maxWorkers: 3,
    fileParallelism: true,
    // Nothing here has state in a module, so files need no process of their own: starting one and
    // loading the program into it takes longer than many a file.
    isolate: false,
    sequence: { sequencer: LongOnesFirst },
    // For what hangs; what is only slow, on a machine with much to do, may finish.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    reporters: report ? ["default", ["json", { outputFile: report }]] : ["default"],
  },
});

import { spawnSync } from "node:child_process";

/**
 * `npm run bench:proof [FIGURES.json]`: the whole corpus of cheats and honest changes through the real
 * verifier, and what became of them. With DEPUTY_CORPUS_ONLY a part of it: a pattern for the names; with
 * DEPUTY_CORPUS_PROOF (quick, standard, full) at another level of proof.
 */
const [figures = "proof.json"] = process.argv.slice(2);
const { status } = spawnSync("npx", ["vitest", "run", "--config", "vitest.proof.config.ts"], {
  stdio: "inherit",
  env: { ...process.env, DEPUTY_CORPUS_REPORT: figures },
});
process.exit(status ?? 1);

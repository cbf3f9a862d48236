#!/usr/bin/env node
// `npm run test:agents`: the programs of others, installed once into folders that are nobody's
// dependency, then the tests that drive them. 1 GB; half a minute the first time.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

const agents = {
  "@openai/codex": "0.169.0",
  "@anthropic-ai/claude-code": "2.1.197",
  "opencode-ai": "1.18.33",
};
const sandbox = { "@anthropic-ai/sandbox-runtime": "0.0.83" };

const cache = resolve(
  process.env.DEPUTY_AGENTS_CACHE || join(homedir(), ".cache", "deputy-agents"),
);

/** Into a folder beside it, then into place: what is there is whole. Returns the folder. */
function install(wanted, name) {
  const folder = join(cache, name);
  if (existsSync(join(folder, "package.json"))) return folder;
  const started = Date.now();
  const half = join(cache, `${name}.${process.pid}`);
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  // Their own install scripts put the binary of this machine in place.
  const allowScripts = Object.fromEntries(Object.keys(wanted).map((key) => [key, true]));
  const own = { name: "deputy-agents", private: true, dependencies: wanted, allowScripts };
  writeFileSync(join(half, "package.json"), JSON.stringify(own));
  const { status } = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: half,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (status !== 0) {
    rmSync(half, { recursive: true, force: true });
    console.error(`${name} could not be installed into ${cache} (npm install: exit ${status}).`);
    process.exit(1);
  }
  try {
    renameSync(half, folder);
  } catch {
    rmSync(half, { recursive: true, force: true }); // another run was faster
  }
  console.log(`installed into ${folder} in ${Math.round((Date.now() - started) / 1000)} s`);
  return folder;
}

const folder = install(agents, Object.values(agents).join("-"));
const srt = install(sandbox, `sandbox-runtime-${Object.values(sandbox)[0]}`);
const bin = join(folder, "node_modules", ".bin");
for (const program of ["codex", "claude", "opencode"]) {
  const { status, stdout } = spawnSync(join(bin, program), ["--version"], { encoding: "utf8" });
  if (status !== 0) {
    console.error(
      `${join(bin, program)} does not run (exit ${status}); remove ${folder} and try again.`,
    );
    process.exit(1);
  }
  console.log(`${program}: ${stdout.trim()}`);
}
const vitest = resolve(import.meta.dirname, "../../node_modules/vitest/vitest.mjs");
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", "--config", "vitest.agents.config.ts", ...process.argv.slice(2)],
  { stdio: "inherit", env: { ...process.env, DEPUTY_AGENTS_BIN: bin, DEPUTY_SRT: srt } },
);
process.exit(status ?? 1);

import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../src/config/config.ts";
import { findFallbacks, findUnusableFallbacks } from "../src/roles/fallbacks.ts";

/** Who takes over from an agent that failed: the configured ones, else another that can work here. */
let home: string;
const path = process.env.PATH;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "deputy-fallbacks-"));
  await writeFile(join(home, "codex"), "#!/bin/sh\n");
  await chmod(join(home, "codex"), 0o755);
  process.env.PATH = home;
});
afterEach(async () => {
  process.env.PATH = path;
  await rm(home, { recursive: true });
});

const task = {
  ...{ agent: "builtin", agentNamed: false, budget: null, expectsChange: true },
  repository: "/here",
};
const own = { agent: "builtin" };

async function load(yaml: string) {
  await writeFile(join(home, "config.yaml"), yaml);
  return loadConfig({ DEPUTY_HOME: home, OPENAI_API_KEY: "sk-none", DEPUTY_MODEL: "unheard-of" });
}

test("without a word about it: the first other agent that can work here", async () => {
  const config = await load("");
  expect(findFallbacks(config, task, own)).toEqual([{ agent: "codex", model: null }]);
  const byCodex = { ...task, agent: "codex" };
  expect(findFallbacks(config, byCodex, { agent: "codex" })).toEqual([
    { agent: "builtin", model: null },
  ]);
});

test("nobody takes over from an agent that a person or a plan chose, or in a review", async () => {
  const config = await load("");
  expect(findFallbacks(config, { ...task, agentNamed: true }, own)).toEqual([]);
  expect(findFallbacks(config, task, { agent: "command:make it" })).toEqual([]);
  expect(findFallbacks(config, { ...task, expectsChange: false }, own)).toEqual([]);
});

test("the configured ones in their order, for a chosen agent as well; none is an answer, too", async () => {
  const config = await load(`roles:
  coder:
    fallbacks: [{ agent: builtin, model: larger }, { agent: codex }, { agent: claude }]
repositories:
  /there: { roles: { coder: { fallbacks: [] } } }
`);
  const named = { ...task, agentNamed: true };
  const larger = { agent: "builtin", model: "larger" };
  const codex = { agent: "codex", model: null };
  // claude is not installed, which is said where a person looks for what is missing.
  expect(findFallbacks(config, named, own)).toEqual([larger, codex]);
  expect(findUnusableFallbacks(config)).toEqual([
    expect.stringMatching(/^claude, of roles\.coder\.fallbacks, cannot take over: not installed: /),
  ]);
  expect(findFallbacks(config, { ...named, repository: "/there" }, own)).toEqual([]);
  // A cap in dollars could not hold a model without a price.
  expect(findFallbacks(config, { ...named, budget: { usd: 1 } }, own)).toEqual([codex]);
});

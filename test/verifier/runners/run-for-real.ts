import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { scrubbedEnvironment } from "../../../src/core/base/child-environment.ts";
import type { TestResults } from "../../../src/core/proof/verdict.ts";
import { runCommand } from "../../../src/sandbox/process/run-command.ts";
import { clearTreeReports, readReports } from "../../../src/verifier/runners/read-reports.ts";
import type { Canary, CheckText, Runner } from "../../../src/verifier/runners/runner.ts";
import { plainPython } from "../plain-python.ts";

/** Runs a command with a runner made to name its tests, and with tests that must fail, for real. */
export type Tree = Record<string, string>;
export type Reading = { exitCode: number | null; output: string; tests: TestResults | null };
export const token = "q7w2e5r9t1";

export async function isInstalled(...argv: [string, ...string[]]): Promise<boolean> {
  const result = await runCommand({
    argv,
    cwd: tmpdir(),
    env: scrubbedEnvironment({}),
    timeoutMs: 60_000,
  });
  return result.exitCode === 0;
}

/** Run `command` in a folder of its own with these files. */
export async function readRun(
  runner: Runner,
  tree: Tree,
  command: string,
  texts = command,
): Promise<Reading> {
  const root = await mkdtemp(join(tmpdir(), "deputy-runner-"));
  try {
    const worktree = join(root, "tree");
    const folder = join(root, "report");
    await mkdir(folder);
    await writeTree(worktree, tree);
    const naming = runner.nameTests({ command, texts }, { folder });
    if (naming) await clearTreeReports(naming, worktree);
    for (const { name, text } of naming?.files ?? []) await writeTree(folder, { [name]: text });
    const result = await runCommand({
      argv: ["sh", "-c", naming?.command ?? command],
      cwd: worktree,
      env: scrubbedEnvironment({ ...plainPython, CI: "1", ...naming?.env }),
      timeoutMs: 300_000,
    });
    const tests = naming && (await readReports(naming, { folder, worktree }, result.output));
    const read = runner.readOutput(result.output.replaceAll(`${worktree}/`, ""));
    return { exitCode: result.exitCode, output: result.output, tests: tests ?? read };
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Run it with a canary made from what was seen on the base: `silent` are the names that do not fail. */
export async function tryCanary(
  runner: Runner,
  tree: Tree,
  command: string,
  options: { texts?: string; tests?: TestResults | null } = {},
): Promise<{ canary: Canary; red: Reading; silent: string[] }> {
  const about: CheckText = { command, texts: options.texts ?? command };
  const canary = await runner.placeCanary({
    about,
    tests: options.tests ?? null,
    prefer: [],
    token,
    files: Object.keys(tree),
    read: async (path) => tree[path] ?? null,
  });
  if (!canary) throw new Error("no canary could be placed");
  const files = Object.fromEntries(canary.files.map(({ path, text }) => [path, text]));
  const red = await readRun(runner, { ...tree, ...files }, command, about.texts);
  const failing = Object.entries(red.tests?.tests ?? {}).flatMap(([name, state]) =>
    state === "failed" ? [name] : [],
  );
  const isNamed = (name: string) =>
    red.tests ? failing.some((test) => test.includes(name)) : red.output.includes(name);
  const silent = red.exitCode === 0 ? canary.names : canary.names.filter((name) => !isNamed(name));
  return { canary, red, silent };
}

async function writeTree(root: string, tree: Tree): Promise<void> {
  for (const [path, text] of Object.entries(tree)) {
    const full = join(root, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, text, { mode: 0o755 });
  }
}

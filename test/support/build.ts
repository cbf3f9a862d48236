import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import { type CommandResult, runCommand } from "../../src/sandbox/process/run-command.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const program = join(root, "dist", "program", "deputy.cjs");

/**
 * `npm run build`, unless the program is newer than every source. A type error does not stop the
 * tests (the compiler writes its output all the same, and `npm run check` fails on it); a build
 * without a program to run does.
 */
export async function buildDist(): Promise<void> {
  const builtAt = (await stat(program).catch(() => null))?.mtimeMs ?? 0; // not built yet
  const sources = ["src", "scripts", "package.json", "package-lock.json", "tsconfig.build.json"];
  if (builtAt > (await newestChange(sources))) return;
  const compiled = await run(
    join(root, "node_modules", ".bin", "tsc"),
    "-p",
    "tsconfig.build.json",
  );
  if (compiled.exitCode !== 0) console.warn(explain("tsc", compiled));
  const bundled = await run(process.execPath, join("scripts", "bundle.mjs"));
  if (bundled.exitCode !== 0) throw new Error(explain("scripts/bundle.mjs", bundled));
}

function run(...argv: [string, ...string[]]): Promise<CommandResult> {
  return runCommand({ argv, cwd: root, env: scrubbedEnvironment(), timeoutMs: 300_000 });
}

function explain(what: string, { output, error }: CommandResult): string {
  return `The build failed (${what}):\n${output}${error ?? ""}`;
}

async function newestChange(names: string[]): Promise<number> {
  let newest = 0;
  for (const name of names) {
    const path = join(root, name);
    const found = await stat(path);
    newest = Math.max(newest, found.mtimeMs);
    if (!found.isDirectory()) continue;
    const inside = (await readdir(path)).filter((entry) => entry !== "node_modules");
    newest = Math.max(newest, await newestChange(inside.map((entry) => join(name, entry))));
  }
  return newest;
}

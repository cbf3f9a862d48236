import { readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import { type CommandResult, runCommand } from "../../src/sandbox/process/run-command.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const program = join(root, "dist", "program", "deputy.cjs");
const page = join(root, "dist", "web", "index.html");

/**
 * `npm run build`: the program and the page, each unless it is newer than every source of it. A type
 * error does not stop the tests (the compiler writes its output all the same, and `npm run check` fails
 * on it); a build without a program or a page does.
 */
export async function buildDist(): Promise<void> {
  await Promise.all([buildPage(), buildProgram()]);
}

async function buildPage(): Promise<void> {
  if (await isNewer(page, ["web", "package-lock.json"])) return;
  const argv = [
    join("node_modules", ".bin", "vite"),
    "build",
    "web",
    "--logLevel",
    "warn",
  ] as const;
  const built = await run(...argv);
  if (built.exitCode !== 0) throw new Error(explain("vite", built));
}

async function buildProgram(): Promise<void> {
  const sources = ["src", "scripts", "package.json", "package-lock.json", "tsconfig.build.json"];
  if (await isNewer(program, sources)) return;
  const compiled = await run(
    join(root, "node_modules", ".bin", "tsc"),
    "-p",
    "tsconfig.build.json",
  );
  if (compiled.exitCode !== 0) console.warn(explain("tsc", compiled));
  const bundled = await run(process.execPath, join("scripts", "bundle.mjs"));
  if (bundled.exitCode !== 0) throw new Error(explain("scripts/bundle.mjs", bundled));
}

async function isNewer(built: string, sources: string[]): Promise<boolean> {
  const builtAt = (await stat(built).catch(() => null))?.mtimeMs ?? 0; // not built yet
  return builtAt > (await newestChange(sources));
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

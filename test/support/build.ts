import { existsSync } from "node:fs";
import { chmod, readdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import { runCommand } from "../../src/sandbox/process/run-command.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const main = join(root, "dist", "main.js");

/**
 * Build what the tests run, unless dist is newer than every source. A type error does not stop the
 * tests (the compiler writes its output all the same, and `npm run check` fails on it); a build
 * without a program to run does.
 */
export async function buildDist(): Promise<void> {
  const builtAt = existsSync(main) ? (await stat(main)).mtimeMs : 0;
  if (builtAt > (await newestChange(["src", "web", "package.json", "tsconfig.build.json"]))) return;
  const built = await runCommand({
    argv: ["npm", "run", "build"],
    cwd: root,
    env: scrubbedEnvironment(),
    timeoutMs: 300_000,
  });
  if (existsSync(main)) await chmod(main, 0o755);
  if (built.exitCode === 0) return;
  const words = `\`npm run build\` failed:\n${built.output}${built.error ?? ""}`;
  if (existsSync(join(root, "src", "main.ts")) && !existsSync(main)) throw new Error(words);
  console.warn(words);
}

async function newestChange(names: string[]): Promise<number> {
  let newest = 0;
  for (const name of names) {
    const path = join(root, name);
    const found = await stat(path).catch(() => null); // some parts do not exist everywhere
    if (!found) continue;
    newest = Math.max(newest, found.mtimeMs);
    if (!found.isDirectory()) continue;
    const inside = (await readdir(path)).filter((entry) => entry !== "node_modules");
    newest = Math.max(newest, await newestChange(inside.map((entry) => join(name, entry))));
  }
  return newest;
}

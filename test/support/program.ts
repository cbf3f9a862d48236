import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * The program that tests start: dist, put together into few files and with the code that V8 compiled
 * of them beside (see launch.cjs). It is the same code in the same order; a daemon is up after a third
 * of the processor time. What a module finds beside itself it finds in dist, as before: paths stay
 * those of the module it came from. It is made once for a build of dist and kept in .cache.
 */
const root = resolve(import.meta.dirname, "../..");
const mainOfDist = join(root, "dist", "main.js");
const cache = join(root, ".cache");
const madeOf = [
  mainOfDist,
  join(root, "package-lock.json"),
  import.meta.filename,
  join(import.meta.dirname, "launch.cjs"),
];

/**
 * Where `node` finds it. `warmUp` runs it once to its end, so that there is compiled code. Callers see
 * to it that only one of them is in here at a time.
 */
export async function openProgram(warmUp: (main: string) => Promise<void>): Promise<string> {
  const times = await Promise.all(madeOf.map(async (path) => (await stat(path)).mtimeMs));
  const key = createHash("sha256")
    .update(JSON.stringify([process.version, times]))
    .digest("hex");
  const name = `program-${key.slice(0, 12)}`;
  const main = join(cache, name, "launch.cjs");
  if (existsSync(join(cache, name))) return main;
  await mkdir(cache, { recursive: true });
  for (const old of await readdir(cache))
    if (old.startsWith("program-")) await rm(join(cache, old), { recursive: true, force: true });
  const draft = join(cache, `draft-${process.pid}`);
  await bundle(draft);
  await copyFile(join(import.meta.dirname, "launch.cjs"), join(draft, "launch.cjs"));
  await warmUp(join(draft, "launch.cjs"));
  await rename(draft, join(cache, name)).catch(async (error) => {
    if (!existsSync(join(cache, name))) throw error;
    await rm(draft, { recursive: true, force: true }); // another run was first
  });
  return main;
}

async function bundle(folder: string): Promise<void> {
  const { rolldown } = await import("rolldown"); // loading it pays only where dist is new
  const made = await rolldown({
    input: mainOfDist,
    platform: "node",
    logLevel: "silent",
    plugins: [{ name: "paths", transform: (code, id) => keepPaths(code, id) }],
  });
  await made.write({
    ...{ dir: folder, format: "cjs", strict: true },
    ...{ entryFileNames: "[name].js", chunkFileNames: "[name].js" },
  });
  await made.close();
}

function keepPaths(code: string, id: string): string {
  const kept = code.replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href));
  if (id === mainOfDist) return wrapAwait(kept);
  if (!id.includes("/node_modules/")) return kept;
  return kept
    .replace(/\b__dirname\b/g, JSON.stringify(dirname(id)))
    .replace(/\b__filename\b/g, JSON.stringify(id));
}

/** The entry awaits outside of functions, which only modules may; compiled code is kept of scripts only. */
function wrapAwait(code: string): string {
  const imports = /^import .*;$/gm;
  const rest = code.replace(/^#!.*\n/, "").replace(imports, "");
  return `${code.match(imports)?.join("\n")}\n(async () => {\n${rest}\n})();\n`;
}

import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The scripted model of the tests, compiled for a bench: Node runs no TypeScript of it. */
export async function loadModelServer() {
  const folder = await mkdtemp(join(tmpdir(), "deputy-bench-server-"));
  const root = fileURLToPath(new URL("..", import.meta.url));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const flags = ["--ignoreConfig", "--outDir", folder, "--target", "es2023"];
  const module = ["--module", "nodenext", "--noCheck", "--rewriteRelativeImportExtensions"];
  execFileSync(
    join(root, "node_modules", ".bin", "tsc"),
    [...flags, ...module, "test/support/model-server/start.ts"],
    { cwd: root, stdio: ["ignore", "inherit", "inherit"] },
  );
  const { startModelServer } = await import(pathToFileURL(join(folder, "start.js")).href);
  await rm(folder, { recursive: true });
  return startModelServer;
}

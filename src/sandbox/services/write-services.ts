import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Service } from "../../core/settings/service.ts";
import type { ServicesConfig } from "./run-services.ts";

/**
 * Puts the program that runs commands beside services into a folder that a box shows, with what it is
 * to start. `run-services.ts` says what it does.
 */
export type ServicesAt = {
  /** What comes before the command's own argv. */
  argv: readonly [string, ...string[]];
  /** A file to start, with a command as its arguments. */
  script: string;
};

/** `check`: variables of the command alone, and logs and outcome go to the folder. */
export async function writeServices(
  folder: string,
  services: readonly Service[],
  check?: { env: Record<string, string> },
): Promise<ServicesAt> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const [program, config] = [join(folder, "run-services.mjs"), join(folder, "services.json")];
  const told: ServicesConfig = {
    ...{ services, env: check?.env ?? {}, folder: check ? folder : null },
  };
  await copyFile(programPath(), program);
  await writeFile(config, JSON.stringify(told));
  const argv = [process.execPath, program, config, "--"] as const;
  const script = join(folder, "with-services");
  const quoted = argv.map((part) => `'${part.replaceAll("'", "'\\''")}'`).join(" ");
  await writeFile(script, `#!/bin/sh\nexec ${quoted} "$@"\n`);
  await chmod(script, 0o755);
  return { argv, script };
}

/** Keeps what a service printed, as a log of the daemon's. */
export async function keepLog(path: string, content: Buffer): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content, { mode: 0o600 });
}

/** Path of the compiled `run-services.ts`. When run from source, only the built one exists. */
function programPath(): string {
  const beside = fileURLToPath(new URL("./run-services.js", import.meta.url));
  return existsSync(beside)
    ? beside
    : fileURLToPath(new URL("../../../dist/sandbox/services/run-services.js", import.meta.url));
}

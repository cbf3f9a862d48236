import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Path of the compiled `forward.ts`. When run from source, only the built one exists. */
export function forwarderPath(): string {
  const beside = fileURLToPath(new URL("./forward.js", import.meta.url));
  return existsSync(beside)
    ? beside
    : fileURLToPath(new URL("../../../dist/sandbox/network/forward.js", import.meta.url));
}

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Where the program `forward.ts` lies. Run from source there is only the built one. */
export function forwarderPath(): string {
  const beside = fileURLToPath(new URL("./forward.js", import.meta.url));
  return existsSync(beside)
    ? beside
    : fileURLToPath(new URL("../../dist/sandbox/forward.js", import.meta.url));
}

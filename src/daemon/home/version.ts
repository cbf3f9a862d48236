import { readFileSync } from "node:fs";

/** The package's version, for people and for /healthz. */
export const version: string = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
).version;

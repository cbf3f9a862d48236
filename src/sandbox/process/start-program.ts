import { closeSync, openSync, readSync } from "node:fs";
import { findProgram } from "./find-program.ts";

/**
 * Returns how to start an installed agent. A first line such as `#!/usr/bin/env node` leaves the choice
 * to PATH, which in a run leads to the versions that the task's repository asks for: an old one may be
 * none that the agent works with. So its interpreter is the first on `path`, the daemon's own PATH.
 */
export function startProgram(file: string, path: string): [string, ...string[]] {
  const [, name] =
    /^#![ \t]*\/usr\/bin\/env[ \t]+([\w.+-]+)[ \t]*\r?\n/.exec(readStart(file)) ?? [];
  const interpreter = name === undefined ? null : findProgram(name, path);
  return interpreter === null ? [file] : [interpreter, file];
}

function readStart(file: string): string {
  let open: number | null = null;
  try {
    open = openSync(file, "r");
    const start = Buffer.alloc(256);
    return start.toString("utf8", 0, readSync(open, start));
  } catch {
    return ""; // a program that may be run but not read is no script
  } finally {
    if (open !== null) closeSync(open);
  }
}

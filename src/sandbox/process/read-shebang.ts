import { closeSync, openSync, readSync } from "node:fs";

/**
 * Returns the words of a script's first line behind `#!`: its interpreter and what follows. Empty: no
 * script, or one that cannot be read.
 */
export function readShebang(file: string): string[] {
  const [, line = ""] = /^#![ \t]*([^\r\n]*)\r?\n/.exec(readStart(file)) ?? [];
  return line.split(/[ \t]+/).filter(Boolean);
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

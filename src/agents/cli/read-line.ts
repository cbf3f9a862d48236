import type { Said } from "./cli.ts";

/** Parses a line of JSON. Other lines, and broken ones, mean nothing. */
export function readLine(read: (line: unknown) => Said[], line: string): Said[] {
  if (!line.startsWith("{")) return [];
  try {
    return read(JSON.parse(line));
  } catch {
    return [];
  }
}

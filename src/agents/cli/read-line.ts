import type { Said } from "./cli.ts";

/** What a line of JSON means. What is none, or breaks off, is nothing: it stays where it was read. */
export function readLine(read: (line: unknown) => Said[], line: string): Said[] {
  if (!line.startsWith("{")) return [];
  try {
    return read(JSON.parse(line));
  } catch {
    return [];
  }
}

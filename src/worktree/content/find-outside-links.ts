import { posix } from "node:path";
import { cleanText, cutText } from "../../core/text/clean-text.ts";
import type { Mirror } from "../mirror/open-mirror.ts";
import { diffTrees } from "../read/diff-trees.ts";
import { readTexts } from "../read/read-change.ts";

/**
 * Symbolic links that a change adds or points elsewhere, and whose target is outside the repository:
 * absolute, or further up than its root. A program that follows one in a checkout leaves it. Read from git
 * alone; no link is followed. One entry each, `path → target`; at most twenty, and the number of others.
 */
export async function findOutsideLinks(
  mirror: Mirror,
  base: string,
  commit: string,
): Promise<string[]> {
  const entries = await diffTrees(mirror, base, commit);
  const links = [...entries].filter(([, { mode }]) => mode === "120000");
  const targets = await readTexts(mirror, [...new Set(links.map(([, { id }]) => id))]);
  const found = links.flatMap(([name, { id }]) => {
    const path = Buffer.from(name, "latin1").toString("utf8");
    // No text: nobody can say where it leads.
    const target = targets.get(id) ?? null;
    if (target !== null && !leadsOutside(path, target)) return [];
    return [`${show(path)} → ${target === null ? "(not text)" : show(target)}`];
  });
  const more = found.length - maxNamed;
  return more > 0 ? [...found.slice(0, maxNamed), `and ${more} more`] : found;
}

const maxNamed = 20;

/** By its words alone: where a folder on the way is itself a link, that one is judged for itself. */
export function leadsOutside(path: string, target: string): boolean {
  if (posix.isAbsolute(target)) return true;
  const led = posix.normalize(posix.join(posix.dirname(path), target));
  return led === ".." || led.startsWith("../");
}

function show(text: string): string {
  return cutText(cleanText(text).replace(/\s+/g, " "), 200);
}

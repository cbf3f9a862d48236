import { z } from "zod";

/**
 * What every agent looks for first: the top of the tree and the scripts of its package.json, in some
 * twenty short lines. Pure. The names are from the base commit; an odd one is left out, because what
 * the brief says outside of data blocks must not be a sentence of somebody's.
 */
const maxEntries = 40;
const maxScripts = 12;
const plain = /^[\w@.+-]{1,60}$/;

/** `files`: all of the base commit; empty where there are none. */
export function writeOverview(files: readonly string[], packageJson: string | null): string {
  if (files.length === 0) return "";
  const scripts = readScripts(packageJson);
  return [
    `Files in the base: ${files.length}; at its top: ${listTop(files)}.`,
    scripts.length > 0 ? `Scripts of package.json: ${scripts.join(", ")}.` : "",
  ]
    .filter((part) => part !== "")
    .join("\n");
}

/** Folders with the number of files in them, then files. */
function listTop(files: readonly string[]): string {
  const folders = new Map<string, number>();
  const names: string[] = [];
  for (const file of files) {
    const [top = "", ...rest] = file.split("/");
    if (!plain.test(top)) continue;
    if (rest.length === 0) names.push(top);
    else folders.set(top, (folders.get(top) ?? 0) + 1);
  }
  const all = [...[...folders].map(([name, count]) => `${name}/ (${count})`), ...names];
  const more = all.length - maxEntries;
  return all.slice(0, maxEntries).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

const packageSchema = z.object({ scripts: z.record(z.string(), z.unknown()) });

function readScripts(packageJson: string | null): string[] {
  try {
    const { scripts } = packageSchema.parse(JSON.parse(packageJson ?? "{}"));
    const names = Object.keys(scripts).filter((name) => /^[\w@.:+-]{1,60}$/.test(name));
    return names.slice(0, maxScripts).map((name) => `\`${name}\``);
  } catch {
    return []; // no package.json, or one without scripts
  }
}

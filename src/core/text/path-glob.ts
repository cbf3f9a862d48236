import { z } from "zod";

/**
 * Globs over paths of a repository: `*` and `?` stay within a folder, `**` does not, `{a,b}` is either. All
 * else is itself, brackets too (a folder may be called `[id]`). Callers, plans and models write them, so
 * matching takes no regular expression, and a time that grows with the lengths alone.
 */
export const maxGlobLength = 500;
const maxAlternatives = 64;

/** A glob that a caller may give: from the root of the repository, and inside it. */
export const allowedPathSchema = z
  .string()
  .min(1)
  .max(maxGlobLength)
  .refine((text) => text.trim() === text && text !== ".", {
    error: "must be a path or a glob, like test/app.test.ts or snapshots/**",
  })
  .refine((text) => !text.startsWith("/") && !/^[A-Za-z]:/.test(text), {
    error: "must be relative to the root of the repository",
  })
  .refine((text) => !text.split("/").includes(".."), {
    error: "must not lead out of the repository",
  });

/** Whether the glob means this path, or a folder that it lies in. */
export function coversPath(glob: string, path: string): boolean {
  const wanted = path.split("/");
  return expandBraces(tidy(glob)).some((one) => {
    const parts = one.split("/");
    return wanted.some((_, at) => matchParts(parts, wanted.slice(0, wanted.length - at)));
  });
}

/** Whether the glob means this very path. */
export function matchesPath(glob: string, path: string): boolean {
  return expandBraces(tidy(glob)).some((one) => matchParts(one.split("/"), path.split("/")));
}

/** Whether its last part is a name, so that its author had a file in mind. */
export function namesFile(glob: string): boolean {
  const last = tidy(glob).split("/").at(-1) ?? "";
  return !glob.endsWith("/") && last !== "" && !/[*?{]/.test(last);
}

function tidy(glob: string): string {
  return glob.replace(/^(?:\.\/)+/, "").replace(/\/$/, "");
}

/** `a{b,c}` → `ab`, `ac`. What has no partner, or would become too many, is taken as it stands. */
function expandBraces(glob: string): string[] {
  const done: string[] = [];
  const open = [glob];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const found = /\{([^{}]*,[^{}]*)\}/.exec(next);
    if (!found || open.length + done.length > maxAlternatives) {
      done.push(next);
      continue;
    }
    const [whole, inner = ""] = found;
    const [before, after] = [next.slice(0, found.index), next.slice(found.index + whole.length)];
    for (const part of inner.split(",")) open.push(`${before}${part}${after}`);
  }
  return done;
}

/** Wildcards over a list: the last `**` takes one more whenever what follows it does not fit. */
function matchParts(parts: readonly string[], names: readonly string[]): boolean {
  return matchWild(parts, names, "**", (part, name) =>
    matchWild([...part], [...name], "*", (sign, letter) => sign === "?" || sign === letter),
  );
}

function matchWild(
  pattern: readonly string[],
  items: readonly string[],
  any: string,
  fits: (part: string, item: string) => boolean,
): boolean {
  let at = 0;
  let position = 0;
  let star = -1;
  let mark = 0;
  while (position < items.length) {
    const part = pattern[at];
    if (part === any) {
      star = at++;
      mark = position;
    } else if (part !== undefined && fits(part, items[position] ?? "")) {
      at++;
      position++;
    } else if (star >= 0) {
      at = star + 1;
      position = ++mark;
    } else {
      return false;
    }
  }
  while (pattern[at] === any) at++;
  return at === pattern.length;
}

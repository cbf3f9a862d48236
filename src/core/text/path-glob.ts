import { z } from "zod";

/**
 * Globs over repository paths: `*` and `?` stay within a folder, `**` does not, `{a,b}` is either.
 * Everything else is literal, brackets too (a folder may be called `[id]`). Callers, plans and
 * models write them, so matching uses no regular expression and cannot blow up.
 */
export const maxGlobLength = 500;
const maxAlternatives = 64;

/** A glob that a caller may give: relative to the root of the repository, and inside it. */
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

/** Whether the glob matches this path or a folder that contains it. */
export function coversPath(glob: string, path: string): boolean {
  const wanted = path.split("/");
  return expandBraces(tidy(glob)).some((one) => {
    const parts = one.split("/");
    return wanted.some((_, at) => matchParts(parts, wanted.slice(0, wanted.length - at)));
  });
}

/** Whether the glob matches exactly this path. */
export function matchesPath(glob: string, path: string): boolean {
  return expandBraces(tidy(glob)).some((one) => matchParts(one.split("/"), path.split("/")));
}

/** Whether the last part is literal, so that its author had a file in mind. */
export function namesFile(glob: string): boolean {
  const last = tidy(glob).split("/").at(-1) ?? "";
  return !glob.endsWith("/") && last !== "" && !/[*?{]/.test(last);
}

function tidy(glob: string): string {
  return glob.replace(/^(?:\.\/)+/, "").replace(/\/$/, "");
}

/** `a{b,c}` → `ab`, `ac`. An unmatched brace, or one with too many alternatives, is literal. */
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

/** Wildcard matching over lists: when the rest does not fit, the last `**` takes one more item. */
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

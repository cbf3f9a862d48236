import { posix } from "node:path";
import type { TestResults, TestState } from "../../core/proof/verdict.ts";
import type { SidedFile } from "../sides/sides.ts";

/**
 * Finds the same test under another name. The renames come from the files. A listed name is matched
 * only where there is no doubt: the old name is gone, and the new one is there and was not before.
 * Pure.
 */
export type Rename = {
  from: readonly string[];
  to: readonly string[];
  /** The parts are folders with which a name's first part ends: a Go test's package. */
  isFolder?: true;
};

const separator = / > |::/;
const maxRenames = 2_000;
/** Maximum number of names times renames to try. */
const maxTries = 200_000;

/** The change's renames: files, as paths and as Python's and Java's dotted modules, and tests. */
export function renamesOf(
  files: readonly Pick<SidedFile, "from" | "path" | "renamed">[],
): Rename[] {
  const renames: Rename[] = [];
  for (const { from, path, renamed } of files) {
    if (from !== null && from !== path) {
      renames.push(
        { from: [from], to: [path] },
        ...modulesOf(from, path),
        ...packageOf(from, path),
      );
    }
    for (const each of renamed) {
      renames.push({ from: each.from.split(separator), to: each.to.split(separator) });
    }
  }
  return renames
    .filter(({ from, to }) => from.join() !== to.join() && from.join() !== "")
    .slice(0, maxRenames);
}

/** Returns the base's list under the names that its tests have now. */
export function renameTests(
  before: TestResults,
  now: TestResults,
  renames: readonly Rename[],
): TestResults {
  if (renames.length === 0) return before;
  const taken = new Set(Object.keys(before.tests));
  let left = maxTries;
  const tests = Object.entries(before.tests).map(([name, state]): [string, TestState] => {
    if (Object.hasOwn(now.tests, name) || left <= 0) return [name, state];
    left -= renames.length;
    const isFree = (other: string) => Object.hasOwn(now.tests, other) && !taken.has(other);
    const to = findName(name, renames, isFree);
    if (to === null) return [name, state];
    taken.add(to);
    return [to, state];
  });
  return { ...before, tests: Object.fromEntries(tests) };
}

/** Finds the new name after one rename or two: the file's and the test's own. */
function findName(
  name: string,
  renames: readonly Rename[],
  isFree: (name: string) => boolean,
): string | null {
  const once = renames.flatMap((rename) => replaceIn(name, rename) ?? []);
  for (const each of once) if (isFree(each)) return each;
  for (const each of once) {
    for (const rename of renames) {
      const twice = replaceIn(each, rename);
      if (twice !== null && isFree(twice)) return twice;
    }
  }
  return null;
}

/** Replaces the parts `from` of the name; a number or parameters after a part stay. */
function replaceIn(name: string, { from, isFolder, to }: Rename): string | null {
  if (isFolder) return replaceFolder(name, from[0] ?? "", to[0] ?? "");
  const parts = name.split(separator);
  const marks = [...name.matchAll(new RegExp(separator, "g"))].map(([mark]) => mark);
  for (let at = 0; at + from.length <= parts.length; at++) {
    const last = parts[at + from.length - 1] ?? "";
    const wanted = from.at(-1) ?? "";
    const isHead = from.slice(0, -1).every((part, index) => parts[at + index] === part);
    const rest = last.startsWith(wanted) ? last.slice(wanted.length) : null;
    if (!isHead || rest === null || !/^(| \(\d+\)| \(whole file\)|\[.*\])$/s.test(rest)) continue;
    const put = [...to];
    put[put.length - 1] += rest;
    const mark = marks[0] ?? " > ";
    const all = [
      ...parts.slice(0, at).map((part, index) => part + (marks[index] ?? mark)),
      put.join(mark) + (marks[at + from.length - 1] ?? ""),
      ...parts
        .slice(at + from.length)
        .map((part, index) => part + (marks[at + from.length + index] ?? "")),
    ];
    return all.join("");
  }
  return null;
}

function replaceFolder(name: string, from: string, to: string): string | null {
  const [first = ""] = name.split(separator);
  if (!first.endsWith(`/${from}`)) return null;
  return `${first.slice(0, -from.length)}${to}${name.slice(first.length)}`;
}

function packageOf(from: string, to: string): Rename[] {
  const [old, fresh] = [posix.dirname(from), posix.dirname(to)];
  const isMoved = /\.go$/.test(from) && old !== fresh && old !== "." && fresh !== ".";
  return isMoved ? [{ from: [old], to: [fresh], isFolder: true }] : [];
}

/** Dotted module names of both paths, from each folder that they have in common. */
function modulesOf(from: string, to: string): Rename[] {
  const [old, fresh] = [from, to].map((path) => path.replace(/\.[A-Za-z]+$/, "").split("/"));
  const modules: Rename[] = [];
  for (let at = 0; old && fresh && at < Math.min(old.length, fresh.length); at++) {
    modules.push({ from: [old.slice(at).join(".")], to: [fresh.slice(at).join(".")] });
    if (old[at] !== fresh[at]) break;
  }
  return modules;
}

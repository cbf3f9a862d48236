import { posix } from "node:path";
import type { Parts } from "./parts.ts";
import { isCheckTool } from "./parts-package-json.ts";

/**
 * Lock files and lists of requirements. What they bring from a registry is the change's own
 * business. Packages from a folder, an address or git under a taken name, and a known version with
 * other contents, are not. Pure.
 */
const lockNames =
  /^(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|Cargo\.lock|poetry\.lock|uv\.lock|pdm\.lock|Pipfile(\.lock)?|Gemfile\.lock|composer\.lock|go\.sum|requirements[\w.-]*\.(txt|in)|constraints[\w.-]*\.txt|gradle\.lockfile|cpanfile(\.snapshot)?|environment\.ya?ml|mix\.lock|pubspec\.lock|Package\.resolved)$/;

export function isLock(path: string): boolean {
  return (
    lockNames.test(posix.basename(path)) || /(^|\/)requirements\/[\w.-]+\.(txt|in)$/.test(path)
  );
}

const foreign =
  /\bgit\+|\bgit:|\bgit@|github:|codeload\.|\bfile:|\blink:|\bportal:|\bworkspace:|\bpatch:|\btarball:|directory:|editable|source = \{ (?:git|url|path|directory|virtual)|source = "git|^-e\s|^\s*(-f|-i|--(index-url|extra-index-url|find-links|no-index|trusted-host))\b|^\.{0,2}\/|\s@\s*(file|https?|git)|^(PATH|GIT)$|\bremote: \.|"type": "path"|\breplace\b/;

/** Null where all additions come from a registry. */
export function partLock(path: string, base: string | null, now: string | null): Parts | null {
  const name = posix.basename(path);
  if (now === null) return null;
  if (/^(package-lock|npm-shrinkwrap)\.json$/.test(name)) return partPackageLock(base, now);
  const known = new Set(base?.split("\n").map((line) => line.trim()));
  const added = now
    .split("\n")
    .map((line) => line.trim())
    .filter(
      (line) => !known.has(line) && foreign.test(line.slice(0, 2_000)) && !line.startsWith("#"),
    );
  if (added.length === 0) return null;
  return {
    changes: added.slice(0, 5).map((line) => line.slice(0, 200)),
    ...{
      kind: "dependencies",
      oldJudges: null,
      oldSource: null,
      needsAcceptance: true,
      weaker: null,
    },
  };
}

type Entry = Record<string, unknown>;

function partPackageLock(base: string | null, now: string): Parts | null {
  const [before, after] = [parse(base), parse(now)];
  if (!after) return null; // npm refuses it
  const [was, is] = [packagesOf(before), packagesOf(after)];
  const hosts = new Set(Object.values(was).map((entry) => hostOf(entry.resolved)));
  const changes: string[] = [];
  const [withOld, withNew] = [{ ...is }, { ...was }];
  for (const [place, entry] of Object.entries(is)) {
    const old = own(was, place);
    const why = isForeign(place, entry, old, hosts);
    if (why === null) continue;
    changes.push(`${place}: ${why}`);
    if (old === undefined) delete withOld[place];
    else withOld[place] = old;
    withNew[place] = entry;
  }
  if (changes.length === 0) return null;
  const write = (value: Entry, packages: Record<string, Entry>) =>
    `${JSON.stringify({ ...value, packages }, null, 2)}\n`;
  return {
    changes: changes.slice(0, 10),
    kind: "dependencies",
    oldJudges: write(after, withOld),
    oldSource: before && base !== null ? write(before, withNew) : null,
    needsAcceptance: true,
    weaker: null,
  };
}

function isForeign(
  place: string,
  entry: Entry,
  old: Entry | undefined,
  hosts: ReadonlySet<string>,
): string | null {
  const name = place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
  const source = String(entry.resolved ?? "");
  const isInstalled = place.includes("node_modules/");
  const isTaken = old !== undefined || isCheckTool(name);
  if (isInstalled && entry.link === true && isTaken && old?.link !== true)
    return `a link to ${source}`;
  const isAddress = source !== "" && !/^https:\/\//.test(source);
  if (isInstalled && isAddress && entry.link !== true && source !== old?.resolved && isTaken) {
    return `it comes from ${source.slice(0, 200)}`;
  }
  if (hosts.size > 0 && /^https:/.test(source) && !hosts.has(hostOf(source)) && isTaken) {
    return `it comes from ${hostOf(source)}`;
  }
  if (
    old &&
    old.version === entry.version &&
    old.integrity !== undefined &&
    old.integrity !== entry.integrity
  ) {
    return "the same version has other contents";
  }
  const programs =
    typeof entry.bin === "object" && entry.bin !== null ? Object.keys(entry.bin) : [];
  const taken = programs.find((each) => isCheckTool(each) && each !== name && !isCheckTool(name));
  return taken && JSON.stringify(old?.bin) !== JSON.stringify(entry.bin)
    ? `it brings a program called ${taken}`
    : null;
}

function packagesOf(lock: Entry | null): Record<string, Entry> {
  const packages = lock?.packages;
  if (typeof packages !== "object" || packages === null) return {};
  return Object.fromEntries(
    Object.entries(packages).filter(
      (each): each is [string, Entry] =>
        each[0] !== "" &&
        each[0] !== "__proto__" &&
        typeof each[1] === "object" &&
        each[1] !== null,
    ),
  );
}

function own(entries: Record<string, Entry>, key: string): Entry | undefined {
  return Object.hasOwn(entries, key) ? entries[key] : undefined;
}

function hostOf(address: unknown): string {
  return /^\w+:\/\/([^/]+)/.exec(String(address ?? "").slice(0, 500))?.[1] ?? "";
}

function parse(text: string | null): Entry | null {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return typeof value === "object" && value !== null ? (value as Entry) : null;
  } catch {
    return null;
  }
}

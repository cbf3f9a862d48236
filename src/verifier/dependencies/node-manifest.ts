import { type DependencyFormat, type Source, sourceOfSpec } from "./packages.ts";

/** Reads package.json: the package's dependencies, its name and its install scripts. */
type Json = Record<string, unknown>;

const groups = [
  "dependencies",
  "devDependencies",
  "optionalDependencies",
  "peerDependencies",
] as const;
const replacing = ["overrides", "resolutions"] as const;
const installScripts = ["preinstall", "install", "postinstall", "prepare", "prepublish"];
const maxDepth = 8;

export const nodeManifest: DependencyFormat = {
  isOne: (path) => /(^|\/)package\.json$/.test(path),
  read: (text) => {
    const json = parseJson(text);
    if (!json) return [];
    const asked = groups.flatMap((group) =>
      strings(json[group]).map(([name, spec]) => ({ name, spec, from: sourceOfSpec(spec) })),
    );
    const pnpm = record(json.pnpm);
    const replaced = [json.overrides, json.resolutions, pnpm.overrides].flatMap((each) =>
      readOverrides(each, 0),
    );
    const patched = strings(pnpm.patchedDependencies).map(([name, spec]) => ({
      name: bareName(name),
      spec,
      from: "patch" as const,
    }));
    return [...asked, ...replaced, ...patched, ...readManager(json), ...readSelf(json)];
  },
  putBack: (base, change, names) => {
    const [before, after] = [parseJson(base), parseJson(change)];
    if (!before || !after) return null;
    const restored: Json = { ...after };
    for (const group of groups) restoreGroup(restored, before, group, (name) => names.has(name));
    const isReplaced = (key: string) => names.has(bareName(key));
    for (const group of replacing) restoreGroup(restored, before, group, isReplaced);
    if ("pnpm" in before || "pnpm" in after) {
      const pnpm: Json = { ...record(after.pnpm) };
      for (const group of ["overrides", "patchedDependencies"])
        restoreGroup(pnpm, record(before.pnpm), group, isReplaced);
      restored.pnpm = pnpm;
      if (!("pnpm" in before) && Object.keys(pnpm).length === 0) delete restored.pnpm;
    }
    restoreGroup(restored, before, "scripts", (name) => installScripts.includes(name));
    const indent = /^([ \t]+)"/m.exec(change)?.[1] ?? 2;
    return JSON.stringify(restored, null, indent) + (change.endsWith("\n") ? "\n" : "");
  },
};

/** The package itself: Node finds a package by its own name, and a workspace is linked by it. */
function readSelf(json: Json): Source[] {
  const name = typeof json.name === "string" ? json.name : "";
  const bins =
    typeof json.bin === "string" ? [bareBin(name)] : strings(json.bin).map(([bin]) => bareBin(bin));
  const scripts = strings(json.scripts).filter(([script]) => installScripts.includes(script));
  if (name === "" && bins.length === 0 && scripts.length === 0) return [];
  return [
    {
      name,
      spec: scripts.map(([script, text]) => `${script}: ${text}`).join("; "),
      from: "own",
      bins,
      runsScript: scripts.length > 0,
    },
  ];
}

/** `packageManager` may name an address from which the package manager itself is fetched. */
function readManager({ packageManager }: Json): Source[] {
  if (typeof packageManager !== "string") return [];
  const [, name, spec] = /^([a-z]+)@(.*)$/.exec(packageManager) ?? [];
  return name && spec ? [{ name, spec, from: sourceOfSpec(spec) }] : [];
}

function readOverrides(value: unknown, depth: number): Source[] {
  if (depth > maxDepth) return [];
  return Object.entries(record(value)).flatMap(([key, spec]) => {
    if (typeof spec !== "string") return readOverrides(spec, depth + 1);
    const name = key === "." ? "" : bareName(key);
    return [{ name, spec, from: sourceOfSpec(spec) }];
  });
}

/** The last package of a path of packages: a/b, **\/b, a>b@1, @scope/b. */
function bareName(key: string): string {
  const last = key.split(">").at(-1)?.trim() ?? "";
  const found = /(?:^|\/)((?:@[^/@]+\/)?[^/@]+)(?:@[^/]*)?$/.exec(last);
  return found?.[1] ?? last;
}

function bareBin(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

function restoreGroup(
  target: Json,
  before: Json,
  group: string,
  isIt: (name: string) => boolean,
): void {
  const [was, is] = [record(before[group]), record(target[group])];
  const kept = Object.entries(is).filter(([name]) => !isIt(name));
  const back = Object.entries(was).filter(([name]) => isIt(name));
  const names = [...Object.keys(is), ...Object.keys(was)];
  const all = new Map([...kept, ...back]);
  const entries = [...new Set(names)].flatMap((name) =>
    all.has(name) ? [[name, all.get(name)] as const] : [],
  );
  if (entries.length > 0) target[group] = Object.fromEntries(entries);
  else if (!(group in before)) delete target[group];
  else target[group] = {};
}

export function parseJson(text: string): Json | null {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, ""));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Json)
      : null;
  } catch {
    return null; // not JSON, so no package manager reads it
  }
}

export function record(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Json)
    : {};
}

export function strings(value: unknown): [string, string][] {
  return Object.entries(record(value)).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
}

import { parseJson, record, strings } from "./node-manifest.ts";
import { type DependencyFormat, hostOf, type Source, sourceOfSpec } from "./packages.ts";

/** The lock files of npm, yarn and pnpm, with each package's origin and hash. */
const maxLines = 400_000;

export const npmLock: DependencyFormat = {
  isOne: (path) => /(^|\/)(package-lock|npm-shrinkwrap)\.json$/.test(path),
  read: (text) =>
    Object.entries(record(parseJson(text)?.packages)).flatMap(([path, value]) => {
      const entry = record(value);
      const at = path.lastIndexOf("node_modules/");
      if (at < 0) return [];
      const name = path.slice(at + "node_modules/".length);
      const resolved = typeof entry.resolved === "string" ? entry.resolved : "";
      const real = typeof entry.name === "string" && entry.name !== name;
      const from = entry.link === true ? "local" : real ? "alias" : fromResolved(resolved);
      const source: Source = {
        name,
        spec: real ? `npm:${String(entry.name)}` : resolved,
        from,
        bins: strings(entry.bin).map(([bin]) => bin),
        runsScript: entry.hasInstallScript === true,
        needs: ["dependencies", "optionalDependencies", "peerDependencies"].flatMap((group) =>
          Object.keys(record(entry[group])),
        ),
      };
      if (typeof entry.version === "string") source.version = entry.version;
      if (typeof entry.integrity === "string") source.integrity = entry.integrity;
      if (from === "registry" && resolved !== "") source.host = hostOf(resolved);
      return [source];
    }),
  putBack: putBackNpm,
};

/** `https://…/-/name-1.0.0.tgz` is a registry's; `file:x.tgz` and `git+ssh://…` are not. */
function fromResolved(resolved: string): Source["from"] {
  if (/^https?:\/\//.test(resolved))
    return /\/-\/|\/download\/|\.git(#|$)/.test(resolved) && !/\.git(#|$)/.test(resolved)
      ? "registry"
      : sourceOfSpec(resolved);
  return resolved === "" ? "registry" : sourceOfSpec(resolved);
}

/** Restores the tools' entries and those below them; null where the change affects these too. */
function putBackNpm(base: string, change: string, names: ReadonlySet<string>): string | null {
  const [before, after] = [parseJson(base), parseJson(change)];
  if (!before || !after) return null;
  const [was, is] = [record(before.packages), record(after.packages)];
  if (Object.keys(was).length === 0 || Object.keys(is).length === 0) return null;
  const packages = { ...is };
  const isTheirs = (path: string) => {
    const [, first] = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
    return first !== undefined && names.has(first);
  };
  for (const path of Object.keys(is)) if (isTheirs(path)) delete packages[path];
  // A link leads to an entry of its own, which nothing uses once the link is gone.
  for (const entry of Object.entries(is).filter(([path]) => isTheirs(path))) {
    const { link, resolved } = record(entry[1]);
    if (link === true && typeof resolved === "string" && !(resolved in was))
      delete packages[resolved];
  }
  for (const [path, entry] of Object.entries(was)) if (isTheirs(path)) packages[path] = entry;
  // The tools' dependencies must still be there in the same version.
  for (const name of neededBy(was, names)) {
    const path = `node_modules/${name}`;
    if (path in was && !(path in packages)) packages[path] = was[path];
    else if (versionOf(packages[path]) !== versionOf(was[path])) return null;
  }
  const [rootWas, root] = [record(was[""]), { ...record(is[""]) }];
  for (const group of ["dependencies", "devDependencies", "optionalDependencies"]) {
    const merged = new Map(Object.entries(record(root[group])));
    for (const name of names) merged.delete(name);
    for (const [name, spec] of Object.entries(record(rootWas[group])))
      if (names.has(name)) merged.set(name, spec);
    if (merged.size > 0) root[group] = Object.fromEntries(merged);
    else delete root[group];
  }
  packages[""] = root;
  return `${JSON.stringify({ ...after, packages }, null, 2)}\n`;
}

function neededBy(packages: Record<string, unknown>, names: ReadonlySet<string>): Set<string> {
  const found = new Set<string>();
  const queue = [...names];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    const entry = record(packages[`node_modules/${name}`]);
    for (const group of ["dependencies", "optionalDependencies"])
      for (const need of Object.keys(record(entry[group])))
        if (!found.has(need) && !names.has(need)) {
          found.add(need);
          queue.push(need);
        }
  }
  return found;
}

function versionOf(entry: unknown): unknown {
  return record(entry).version;
}

export const yarnLock: DependencyFormat = {
  isOne: (path) => /(^|\/)yarn\.lock$/.test(path),
  read: (text) => {
    const sources: Source[] = [];
    let current: Source | null = null;
    for (const line of text.split("\n", maxLines)) {
      if (/^\S/.test(line)) {
        const key = line.startsWith("#") ? "" : line.replace(/:\s*$/, "").replaceAll('"', "");
        current = readYarnKey(key);
        if (current) sources.push(current);
        continue;
      }
      const [, key, value] = /^ {2}"?(\w+)"?:? "?([^"]*)"?\s*$/.exec(line) ?? [];
      if (!current || value === undefined) continue;
      if (key === "version") current.version = value;
      if (key === "integrity" || key === "checksum") current.integrity = value;
      if (key === "resolved") {
        const from = current.from === "registry" ? fromResolved(value) : current.from;
        // Yarn's own registry addresses have the same form as npm's.
        current.from = from;
        if (from === "registry") current.host = hostOf(value);
        else current.spec = value;
      }
    }
    return sources;
  },
  putBack: () => null,
};

/** `vitest@^1.0.0, vitest@^1.2.0`, `chai@npm:other@1`, `vitest@workspace:packages/vitest`. */
function readYarnKey(key: string): Source | null {
  const [, name, range = ""] = /^((?:@[^/@\s]+\/)?[^@\s]+)@([^,]*)/.exec(key) ?? [];
  if (name === undefined) return null;
  // The newer format writes `npm:` before every registry package; an alias has a name after it.
  const plain = range.replace(/^npm:(?!@?[\w./-]+@)/, "");
  return { name, spec: plain, from: sourceOfSpec(plain) };
}

export const pnpmLock: DependencyFormat = {
  isOne: (path) => /(^|\/)pnpm-lock\.yaml$/.test(path),
  read: (text) => {
    const sources: Source[] = [];
    let name = "";
    for (const line of text.split("\n", maxLines)) {
      const [, indent = "", key, value = ""] =
        /^( +)'?(\/?@?[^\s:'][^\s']*?)'?:(?: (.*))?$/.exec(line) ?? [];
      if (key === undefined) continue;
      if (/^(specifier|version)$/.test(key) && indent.length >= 6) {
        addPnpm(sources, name, value);
      } else if (key === "resolution") {
        const [, integrity] = /integrity: ([^,}\s]+)/.exec(value) ?? [];
        const [, address] = /(?:tarball|directory|repo): '?([^,}\s']+)/.exec(value) ?? [];
        const [, plain, version = ""] = /^\/?((?:@[^/@]+\/)?[^@/(]+)[@/]([^(]+)/.exec(name) ?? [];
        if (plain) {
          const from = address
            ? /^https?:.*\/-\//.test(address)
              ? "registry"
              : pnpmFrom(address)
            : "registry";
          sources.push({
            ...{ name: plain, spec: address ?? version, from, version },
            ...(integrity && { integrity }),
            ...(address && from === "registry" && { host: hostOf(address) }),
          });
        }
      } else if (value === "" || value.startsWith("{")) name = key;
      // Older formats: `vitest: link:packages/vitest` in a list of dependencies; and `overrides`.
      else addPnpm(sources, bareKey(key), value);
    }
    return sources;
  },
  putBack: () => null,
};

function pnpmFrom(address: string): Source["from"] {
  const from = sourceOfSpec(address);
  return from === "registry" ? "local" : from;
}

function addPnpm(sources: Source[], name: string, value: string): void {
  const spec = value.replace(/^'(.*)'$/, "$1");
  const from = sourceOfSpec(spec);
  if (from !== "registry") sources.push({ name, spec, from });
}

function bareKey(key: string): string {
  return (
    key
      .split(">")
      .at(-1)
      ?.replace(/(.)@.*$/, "$1") ?? key
  );
}

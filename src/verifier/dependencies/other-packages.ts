import { type DependencyFormat, hostOf, type Source } from "./packages.ts";
import { putBackEntries, readToml, type TomlEntry } from "./toml-entries.ts";

/** Reads where a package comes from in the files of Cargo, Go and Bundler. */
const maxLines = 200_000;

const cargoTable =
  /^(?:workspace\.|target\..+\.)?(?:dependencies|dev-dependencies|build-dependencies)(?:\.(.+))?$/;
const cargoPatch = /^(?:patch\.[^.]+|patch\.(?:https?:.*)|replace)(?:\.(.+))?$/;

export const cargoManifest: DependencyFormat = {
  isOne: (path) => /(^|\/)Cargo\.toml$|(^|\/)\.cargo\/config(\.toml)?$/.test(path),
  read: (text) => readToml(text).flatMap(readCargo),
  putBack: (base, change, names) =>
    putBackEntries(base, change, (entry) => readCargo(entry).some(({ name }) => names.has(name))),
};

function readCargo(entry: TomlEntry): Source[] {
  const { key, section, value } = entry;
  if (key === "") return [];
  const [isDependency, dependency] = cargoTable.exec(section) ?? [];
  const [isPatch, patched] = cargoPatch.exec(section) ?? [];
  if (isDependency === undefined && isPatch === undefined) {
    // A source that replaces the registry: all packages come from elsewhere.
    return /^source\./.test(section) &&
      /^(replace-with|directory|registry|local-registry)$/.test(key)
      ? [{ name: "", spec: value, from: "registry", host: value }]
      : [];
  }
  const name = (dependency ?? patched ?? key).replace(/:.*$/, "").replace(/\..*$/, "");
  const spec = dependency || patched ? `${key} = ${value}` : value;
  const from = /\bpath\s*=/.test(spec)
    ? "local"
    : /\bgit\s*=/.test(spec)
      ? "git"
      : /\bpackage\s*=/.test(spec)
        ? "alias"
        : "registry";
  // In the table of one dependency only some keys name its origin.
  if ((dependency || patched) && from === "registry" && key !== "version") return [];
  return [{ name, spec, from: isPatch === undefined || from !== "registry" ? from : "patch" }];
}

export const cargoLock: DependencyFormat = {
  isOne: (path) => /(^|\/)Cargo\.lock$/.test(path),
  read: (text) => {
    const sources: Source[] = [];
    let current: Source | null = null;
    for (const { key, section, value } of readToml(text)) {
      if (section !== "package") continue;
      const plain = value.replace(/^"|"$/g, "");
      if (key === "name") {
        current = { name: plain, spec: "", from: "local" };
        sources.push(current);
      }
      if (!current) continue;
      if (key === "version") current.version = plain;
      if (key === "checksum") current.integrity = plain;
      if (key === "source") {
        current.spec = plain;
        current.from = plain.startsWith("git+") ? "git" : "registry";
        if (current.from === "registry") current.host = hostOf(plain.replace(/^[a-z]+\+/, ""));
      }
    }
    return sources;
  },
  putBack: () => null,
};

export const goModule: DependencyFormat = {
  isOne: (path) => /(^|\/)go\.(mod|work)$/.test(path),
  read: (text) => goLines(text).flatMap(({ source }) => source ?? []),
  putBack: (base, change, names) => {
    const isTheirs = ({ source }: GoLine) => source !== null && names.has(source.name);
    const kept = goLines(change.trimEnd()).filter((line) => !isTheirs(line));
    const back = goLines(base).filter(isTheirs);
    const said = back.map(({ verb, raw }) =>
      /^\s*(replace|require|use)\b/.test(raw) ? raw : `${verb} ${raw.trim()}`,
    );
    return `${[...kept.map(({ raw }) => raw), ...said].join("\n").replace(/\n+$/, "")}\n`;
  },
};

type GoLine = { raw: string; verb: string; source: Source | null };

/** `require m v1`, `replace m => ./fork`, and both in parentheses over several lines. */
function goLines(text: string): GoLine[] {
  let verb = "";
  return text.split("\n", maxLines).map((raw) => {
    const line = raw.replace(/\/\/.*$/, "").trim();
    const [, opened] = /^(\w+)\s*\($/.exec(line) ?? [];
    if (opened !== undefined) verb = opened;
    else if (line === ")") verb = "";
    const inBlock = opened === undefined && verb !== "";
    const [, own = "", rest = ""] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    const said = inBlock ? verb : own;
    return {
      raw,
      verb: said,
      source: opened === undefined ? goSource(said, inBlock ? line : rest) : null,
    };
  });
}

function goSource(verb: string, text: string): Source | null {
  if (verb === "replace") {
    const [, name, to] = /^(\S+)(?:\s+v\S+)?\s*=>\s*(\S+)/.exec(text) ?? [];
    if (name === undefined || to === undefined) return null;
    return { name, spec: to, from: /^\.{0,2}\//.test(to) ? "local" : "alias" };
  }
  const [, name, version] = /^(\S+)\s+(v\S+)$/.exec(text) ?? [];
  return verb === "require" && name !== undefined && version !== undefined
    ? { name, spec: version, from: "registry", version }
    : null;
}

export const goSum: DependencyFormat = {
  isOne: (path) => /(^|\/)go(\.work)?\.sum$/.test(path),
  read: (text) =>
    text.split("\n", maxLines).flatMap((line) => {
      const [name, version, integrity] = line.trim().split(/\s+/);
      return name && version && integrity
        ? [{ name, spec: version, from: "registry" as const, version, integrity }]
        : [];
    }),
  putBack: () => null,
};

export const gemfile: DependencyFormat = {
  isOne: (path) => /(^|\/)(Gemfile|gems\.rb|[\w.-]+\.gemspec)$/.test(path),
  read: (text) => text.split("\n", maxLines).flatMap((line) => readGem(line) ?? []),
  putBack: (base, change, names) => {
    const isTheirs = (line: string) => names.has(readGem(line)?.name ?? "\0");
    const kept = change
      .trimEnd()
      .split("\n")
      .filter((line) => !isTheirs(line));
    const back = base.split("\n").filter(isTheirs);
    return `${[...kept, ...back].join("\n").replace(/\n+$/, "")}\n`;
  },
};

function readGem(line: string): Source | null {
  const [, registry] = /^\s*source\s*\(?\s*["']([^"']+)["']/.exec(line) ?? [];
  if (registry !== undefined)
    return { name: "", spec: registry, from: "registry", host: hostOf(registry) };
  const [, name, rest = ""] = /^\s*gem\s*\(?\s*["']([^"']+)["'](.*)$/.exec(line) ?? [];
  if (name === undefined) return null;
  const from = /\bpath\b/.test(rest)
    ? "local"
    : /\b(git|github|gist|bitbucket)\b/.test(rest)
      ? "git"
      : "registry";
  return { name, spec: rest.replace(/^,\s*/, ""), from };
}

export const gemLock: DependencyFormat = {
  isOne: (path) => /(^|\/)(Gemfile\.lock|gems\.locked)$/.test(path),
  read: (text) => {
    let from: Source["from"] = "registry";
    let where = "";
    return text.split("\n", maxLines).flatMap((line) => {
      if (/^\S/.test(line))
        from = line.startsWith("PATH") ? "local" : line.startsWith("GIT") ? "git" : "registry";
      const [, remote] = /^ {2}remote: (\S+)/.exec(line) ?? [];
      if (remote !== undefined) where = remote;
      const [, name, version] = /^ {4}(\S+) \(([^)]+)\)$/.exec(line) ?? [];
      if (name === undefined || version === undefined) return [];
      return [
        { name, spec: where, from, version, ...(from === "registry" && { host: hostOf(where) }) },
      ];
    });
  },
  putBack: () => null,
};

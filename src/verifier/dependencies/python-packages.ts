import { type DependencyFormat, hostOf, type Source } from "./packages.ts";
import { putBackEntries, readToml, type TomlEntry } from "./toml-entries.ts";

/** Python: pyproject.toml, requirements files, setup.cfg, and the locks of uv and poetry. */
const maxLines = 200_000;
const tools =
  /^(pytest|pluggy|tox|nox|coverage|hypothesis|nose|nose2|mypy|ruff|flake8)([-_.].*)?$/i;
const pluginName = /^pytest[-_]|[-_]pytest$/;

/** Normalizes a name like package indexes do. */
export function normalize(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-");
}

/** Parses `pytest>=8`, `pytest @ git+https://…`, `./vendor/pytest`; null for other text. */
function readRequirement(text: string): Source | null {
  const plain = text.trim().replace(/^(-e|--editable)[ =]+/, "");
  const [, name, rest = ""] = /^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*(.*)$/s.exec(plain) ?? [];
  const [, address] = /^@\s*(\S+)/.exec(rest) ?? [];
  if (name !== undefined && address !== undefined) return named(name, address, fromOf(address));
  if (plain !== text.trim() || /^(\.{0,2}\/|[a-z+]+:)|\.(whl|tar\.gz|zip)$/.test(plain)) {
    const egg = /[#&]egg=([\w.-]+)/.exec(plain)?.[1];
    const file = /([A-Za-z][\w.]*?)(?:-\d[^/]*)?\/?$/.exec(plain.replace(/[#?].*$/, ""))?.[1];
    return named(egg ?? file ?? plain, plain, fromOf(plain));
  }
  return name === undefined ? null : named(name, rest, "registry");
}

function fromOf(address: string): Source["from"] {
  if (/^(git|hg|svn|bzr)\+|\.git(@|#|$)/.test(address)) return "git";
  return /^https?:/.test(address) ? "address" : "local";
}

function named(name: string, spec: string, from: Source["from"]): Source {
  return { name: normalize(name), spec, from, isPlugin: pluginName.test(name) };
}

export const requirements: DependencyFormat = {
  isOne: (path) =>
    /(^|\/)([\w.-]*(requirements|constraints)[\w.-]*|requirements\/[\w.-]+)\.(txt|in)$/.test(path),
  read: (text) =>
    joinLines(text).flatMap(({ text: line }) => {
      const [, index] =
        /^(?:-i|--index-url|--extra-index-url|-f|--find-links)[ =]+(\S+)/.exec(line) ?? [];
      if (index !== undefined)
        return [{ name: "", spec: index, from: "registry", host: hostOf(index) || index }];
      if (/^(#|$|-[rc]\b|--(?!editable))/.test(line)) return [];
      const source = readRequirement(bare(line));
      const hash = line
        .match(/--hash=\S+/g)
        ?.sort()
        .join(" ");
      const version = /==\s*([^\s;,]+)/.exec(line)?.[1];
      return source
        ? [{ ...source, ...(hash && { integrity: hash }), ...(version && { version }) }]
        : [];
    }),
  putBack: (base, change, names) => {
    const isTheirs = ({ text }: { text: string }) => {
      if (/^(-i|--index-url|--extra-index-url|-f|--find-links)/.test(text)) return names.has("");
      const source = /^(#|$)/.test(text) ? null : readRequirement(bare(text));
      return source !== null && names.has(source.name);
    };
    const kept = joinLines(change.trimEnd()).filter((line) => !isTheirs(line));
    const back = joinLines(base).filter(isTheirs);
    return `${[...kept.map(({ raw }) => raw), ...back.map(({ raw }) => raw)].join("\n").replace(/\n+$/, "")}\n`;
  },
};

/** The line without its comment and hashes. */
function bare(line: string): string {
  const ends = [" #", "\t#", " --hash="].map((mark) => line.indexOf(mark)).filter((at) => at >= 0);
  return line.slice(0, Math.min(line.length, ...ends));
}

/** Joins lines that end with a backslash to the next line. */
function joinLines(text: string): { text: string; raw: string }[] {
  const joined: { text: string; raw: string }[] = [];
  let goesOn = false;
  for (const raw of text.split("\n", maxLines)) {
    const last = joined.at(-1);
    const piece = raw.replace(/\\\s*$/, " ").trim();
    if (goesOn && last) {
      last.text = `${last.text} ${piece}`.trim();
      last.raw += `\n${raw}`;
    } else joined.push({ text: piece, raw });
    goesOn = /\\\s*$/.test(raw);
  }
  return joined;
}

const tables =
  /^(tool\.poetry\.((dev-)?dependencies|group\.[\w-]+\.dependencies)|tool\.pdm\.dev-dependencies)$/;
const lists = /^(project|project\.optional-dependencies|dependency-groups|build-system|tool\.uv)$/;
const plugins = /^(project\.entry-points\.pytest11|tool\.poetry\.plugins\.pytest11)$/;
const programs = /^(project\.scripts|project\.gui-scripts|tool\.poetry\.scripts)$/;

export const pyproject: DependencyFormat = {
  isOne: (path) => /(^|\/)pyproject\.toml$/.test(path),
  read: (text) => readToml(text).flatMap(readEntry),
  putBack: (base, change, names) =>
    putBackEntries(base, change, (entry) => {
      if (
        plugins.test(entry.section) ||
        /^tool\.uv\.(sources|index)$|^tool\.poetry\.source$/.test(entry.section)
      )
        return true;
      return readEntry(entry).some(({ bins, name }) =>
        [name, ...(bins ?? [])].some((each) => names.has(each)),
      );
    }),
};

function readEntry(entry: TomlEntry): Source[] {
  const { key, section, value } = entry;
  if (key === "") return [];
  const text = value.replace(/^["']|["']$/g, "");
  if (plugins.test(section))
    return [{ name: normalize(key), spec: text, from: "own", isPlugin: true }];
  if (programs.test(section)) return [{ name: "", spec: text, from: "own", bins: [key] }];
  if (/^(project|tool\.poetry)$/.test(section) && key === "name")
    return tools.test(text) ? [{ name: normalize(text), spec: "", from: "own" }] : [];
  if (/^tool\.uv\.sources$/.test(section) || tables.test(section)) {
    const [, where] = /\b(?:path|git|url|workspace)\s*=\s*["']?([^"',}]+)/.exec(value) ?? [];
    const kind = /\b(path|workspace)\s*=/.test(value)
      ? "local"
      : /\bgit\s*=/.test(value)
        ? "git"
        : "address";
    return [named(key, where ?? text, where === undefined ? "registry" : kind)];
  }
  if (/^tool\.uv\.index$|^tool\.poetry\.source$/.test(section) && key === "url")
    return [{ name: "", spec: text, from: "registry", host: hostOf(text) || text }];
  const isList =
    lists.test(section) &&
    (section === "project" ? key === "dependencies" : !/^(index-url|build-backend)$/.test(key));
  if (!isList) return [];
  return [...value.matchAll(/"([^"\n]+)"|'([^'\n]+)'/g)].flatMap(([, double, single]) => {
    const source = readRequirement(double ?? single ?? "");
    return source ? [source] : [];
  });
}

export const pythonLock: DependencyFormat = {
  isOne: (path) => /(^|\/)(uv|poetry|pdm)\.lock$/.test(path),
  read: (text) => {
    const sources: Source[] = [];
    let current: Source | null = null;
    for (const { key, section, value } of readToml(text)) {
      const plain = value.replace(/^["']|["']$/g, "");
      if (key === "" && section === "package") current = null;
      if (section === "package" && key === "name") {
        current = named(plain, "", "registry");
        sources.push(current);
      }
      if (!current || !section.startsWith("package")) continue;
      if (section === "package" && key === "version") current.version = plain;
      if (section === "package" && key === "source") readSource(current, value);
      if (section === "package.source" && (key === "type" || key === "url"))
        readSource(current, `${key} = ${value}`);
      if ((key === "files" || key === "wheels" || key === "sdist") && /sha256:/.test(value))
        current.integrity = [
          ...(current.integrity?.split(" ") ?? []),
          ...(value.match(/sha256:[0-9a-f]+/g) ?? []),
        ]
          .sort()
          .join(" ");
    }
    return sources;
  },
  putBack: () => null,
};

function readSource(source: Source, value: string): void {
  const [, registry] = /\bregistry\s*=\s*"([^"]+)"/.exec(value) ?? [];
  if (registry !== undefined) source.host = hostOf(registry) || registry;
  else if (/\b(editable|virtual|directory|path|workspace)\b/.test(value)) source.from = "local";
  else if (/\bgit\b/.test(value)) source.from = "git";
  else if (/^url/.test(value) && source.from === "registry") source.from = "address";
  else if (/"(file)"/.test(value)) source.from = "local";
  source.spec = value;
}

export const setupCfg: DependencyFormat = {
  isOne: (path) => /(^|\/)setup\.(cfg|py)$/.test(path),
  read: (text) => {
    const found: Source[] = [];
    if (/\bpytest11\b/.test(text))
      found.push({ name: "pytest11", spec: "pytest11", from: "own", isPlugin: true });
    for (const line of text.split("\n", maxLines)) {
      const [, program] =
        /^\s*["']?(pytest|py\.test|tox|nox|coverage)\s*=\s*[\w.]+\s*:/.exec(line) ?? [];
      if (program) found.push({ name: "", spec: line.trim(), from: "own", bins: [program] });
      const [, name, address] = /^\s*["']?([A-Za-z][\w.-]*)\s*@\s*([a-z+]+:\S+)/.exec(line) ?? [];
      if (name && address) found.push(named(name, address, fromOf(address)));
    }
    return found;
  },
  putBack: () => null,
};

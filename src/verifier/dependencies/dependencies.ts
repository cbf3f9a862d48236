import { npmLock, pnpmLock, yarnLock } from "./node-locks.ts";
import { nodeManifest } from "./node-manifest.ts";
import { cargoLock, cargoManifest, gemfile, gemLock, goModule, goSum } from "./other-packages.ts";
import type { DependencyFormat, Source } from "./packages.ts";
import { pyproject, pythonLock, requirements, setupCfg } from "./python-packages.ts";

/**
 * Finds packages that judge the work and come from elsewhere in a change: a test runner out of a
 * folder of the change, an assertion library under a false name, a plugin that loads itself. Pure,
 * from the texts of manifests and lock files on both sides. A registry package that is added,
 * removed or gets another version is the change's own business; canaries find out whether the
 * checks still work.
 */
export type DependencyInput = {
  /** The base's and the change's manifests and lock files, as `isDependencyFile` names them. */
  base: ReadonlyMap<string, string>;
  change: ReadonlyMap<string, string>;
  /** The commands of checks and setup, with the text of every script that they lead to. */
  texts: string;
  /** The concatenated texts of the base's test files: what they import is a tool, too. */
  tests: string;
};

export type ToolChange = {
  /** The manifest or lock file with the change. */
  path: string;
  package: string;
  /** One clause: "vitest, which the checks use, comes from file:tools/vitest". */
  why: string;
};

export type DependencyChanges = {
  /** Used by the checks, brought from elsewhere by the change: judge-side, kind `dependencies`. */
  tools: ToolChange[];
  /** Used by the checks, from the registry in another version: no acceptance needed. */
  otherVersions: ToolChange[];
};

const formats: readonly DependencyFormat[] = [
  nodeManifest,
  npmLock,
  yarnLock,
  pnpmLock,
  requirements,
  pyproject,
  pythonLock,
  setupCfg,
  cargoManifest,
  cargoLock,
  goModule,
  goSum,
  gemfile,
  gemLock,
];
const maxText = 10 * 1024 * 1024;

export function isDependencyFile(path: string): boolean {
  return !/(^|\/)node_modules\//.test(path) && formats.some((format) => format.isOne(path));
}

/** Packages that judge wherever they are used. */
const runners =
  /^(vitest|@vitest\/.+|jest|jest-.+|@jest\/.+|ts-jest|babel-jest|mocha|chai|chai-.+|expect|should|sinon|sinon-chai|ava|tap|tape|@tapjs\/.+|uvu|qunit|jasmine|jasmine-.+|karma|karma-.+|c8|nyc|supertest|nock|@playwright\/test|playwright|cypress|typescript|eslint|tsx|ts-node|@swc\/jest|@testing-library\/.+|power-assert|node|npm|npx|pytest|pluggy|iniconfig|hypothesis|nose2?|unittest2|tox|nox|coverage|mypy|ruff|flake8|assert-cmd|assert_cmd|assert_fs|proptest|quickcheck|rstest|insta|pretty_assertions|trybuild|libtest-mimic|criterion|rspec|rspec-.+|minitest|test-unit|rake|github\.com\/(stretchr\/testify|onsi\/(gomega|ginkgo)|google\/go-cmp|smartystreets\/goconvey|matryer\/is|frankban\/quicktest).*|gotest\.tools.*|gopkg\.in\/check\.v1|std|core|alloc)$/;
/** Programs that start the program named after them. */
const starters =
  /^(npx|npm|pnpm|yarn|bun|bunx|exec|dlx|x|run|env|cross-env|dotenv|time|nice|timeout|sudo|uv|poetry|pipenv|hatch|bundle|c8|nyc|coverage|-m|--|-[a-z-]+|[A-Z_]\w*=.*|\d+)$/;
/** Public registries, which serve the same packages. */
const publicHosts = ["registry.npmjs.org", "registry.yarnpkg.com", "pypi.org", "rubygems.org"];

export function findToolChanges(input: DependencyInput): DependencyChanges {
  const files = readAll(input);
  const { isProgram, isTool } = findTools(input, files);
  const tools: ToolChange[] = [];
  const otherVersions: ToolChange[] = [];
  for (const { path, base, change } of files) {
    const known = group(base);
    const hosts = new Set([...publicHosts, ...base.map(({ host }) => host ?? "")]);
    const seen = new Set(base.map(identify));
    const said = new Set<string>();
    const say = (list: ToolChange[], name: string, why: string) => {
      if (said.has(`${name}\n${why}`)) return;
      said.add(`${name}\n${why}`);
      list.push({ path, package: name, why });
    };
    for (const source of change) {
      if (seen.has(identify(source))) continue;
      const before = known.get(source.name) ?? [];
      const why = explainTool(source, before, { hosts, isProgram, isTool });
      if (why !== null) say(tools, source.name || (source.bins?.[0] ?? ""), why);
      else if (
        source.from === "registry" &&
        source.name !== "" &&
        isTool(source.name) &&
        before.length > 0
      )
        say(
          otherVersions,
          source.name,
          `${source.name}, which the checks use, has another version`,
        );
    }
  }
  return { tools, otherVersions };
}

/** Explains why a source that the base lacks is a checks' tool from elsewhere, or null. */
function explainTool(
  source: Source,
  before: readonly Source[],
  { hosts, isProgram, isTool }: Tools & { hosts: ReadonlySet<string> },
): string | null {
  const { from, host = "", name, spec } = source;
  const program = source.bins?.find(
    (bin) => isProgram(bin) && !before.some(({ bins }) => bins?.includes(bin)),
  );
  if (name === "" && from === "registry")
    return hosts.has(host) ? null : `packages come from ${show(spec)}`;
  if (from === "own") {
    if (source.isPlugin) return `it loads ${show(spec)} into pytest`;
    if (isTool(name) && !before.some((each) => each.from === "own"))
      return `it calls itself ${name}, which the checks use`;
    if (program !== undefined) return `it brings a program called ${program}, which the checks use`;
    if (source.runsScript && spec !== "" && !before.some((each) => each.spec === spec))
      return `it runs a program while it is installed: ${show(spec)}`;
    return null;
  }
  const where = {
    local: "",
    git: "",
    address: "",
    patch: "",
    alias: "",
    registry: null,
    own: null,
  }[from];
  if (where !== null) {
    if (isTool(name) || source.isPlugin)
      return `${name}, which the checks use, comes from ${show(spec)}`;
    if (program !== undefined)
      return `${name} from ${show(spec)} brings a program called ${program}`;
    if (source.runsScript) return `${name} from ${show(spec)} runs a program while it is installed`;
    return null;
  }
  if (program !== undefined && !isTool(name))
    return `${name} brings a program called ${program}, which the checks use`;
  if (!isTool(name)) return null;
  if (host !== "" && !hosts.has(host)) return `${name}, which the checks use, comes from ${host}`;
  const same = before.find(({ version }) => version !== undefined && version === source.version);
  return same?.integrity !== undefined &&
    source.integrity !== undefined &&
    !overlaps(same.integrity, source.integrity)
    ? `${name} ${source.version}, which the checks use, has another content than on the base`
    : null;
}

/** A Python lock lists a hash for each archive; one shared hash means the same release. */
function overlaps(one: string, other: string): boolean {
  const known = new Set(one.split(" "));
  return (
    other.split(" ").some((hash) => known.has(hash)) || !one.includes("-") !== !other.includes("-")
  );
}

type Tools = { isTool(name: string): boolean; isProgram(name: string): boolean };

/** The names that the checks use: programs, runners, test imports and their dependencies. */
function findTools(input: DependencyInput, files: readonly ReadFile[]): Tools {
  const programs = findPrograms(input.texts);
  const isProgram = (bin: string) => programs.has(bin) || runners.test(bin);
  const base = files.flatMap((file) => file.base);
  const imported = new Set(readImports(input.tests));
  // The tests may wait for a package that the base does not have yet, so it is no tool.
  const names = new Set(base.flatMap(({ name }) => (imported.has(name) ? [name] : [])));
  for (const { bins, name } of base)
    if (programs.has(name) || bins?.some((bin) => programs.has(bin))) names.add(name);
  const isNamed = (name: string) => runners.test(name) || names.has(name);
  const needs = new Map<string, readonly string[]>();
  for (const { name, needs: list } of base) if (list) needs.set(name, list);
  const queue = [...needs.keys()].filter((name) => isNamed(name));
  for (let name = queue.pop(); name !== undefined; name = queue.pop())
    for (const need of needs.get(name) ?? [])
      if (!names.has(need)) {
        names.add(need);
        queue.push(need);
      }
  return { isProgram, isTool: (name) => name !== "" && isNamed(name) };
}

/** Returns the first word of each command, and the words after programs that only start another. */
function findPrograms(texts: string): Set<string> {
  const found = new Set<string>();
  for (const line of texts.slice(0, maxTexts).split(/[\n;&|()`]+/)) {
    for (const word of line.split(/[\s"']+/).slice(0, 30)) {
      if (word === "") continue;
      found.add(word.slice(word.lastIndexOf("/") + 1));
      if (!starters.test(word)) break;
    }
  }
  return found;
}

const importing =
  /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire\s*\(?\s*)["']([^"'.\n][^"'\n]{0,200})["']|^\s*(?:from|import|use)\s+([A-Za-z_]\w*)|^\s*(?:\w+\s+)?"([\w.-]+\.[a-z]+\/[^"\n]{1,200})"/gm;
/** Limits, because a hostile file can be of any length. */
const maxTexts = 4 * 1024 * 1024;
const maxTests = 4 * 1024 * 1024;

/** Names of the packages that tests import: `chai/register` is chai, `@a/b/c` is @a/b. */
function readImports(tests: string): string[] {
  return [...tests.slice(0, maxTests).matchAll(importing)].flatMap(([, js, word, go]) => {
    if (word !== undefined) return [word, word.replaceAll("_", "-")];
    if (go !== undefined) return [go, go.split("/").slice(0, 3).join("/")];
    const [, name] = /^(?:node:)?((?:@[^/]+\/)?[^/]+)/.exec(js ?? "") ?? [];
    return name === undefined ? [] : [name];
  });
}

type ReadFile = { path: string; base: Source[]; change: Source[]; format: DependencyFormat };

function readAll({ base, change }: DependencyInput): ReadFile[] {
  return [...new Set([...base.keys(), ...change.keys()])].flatMap((path) => {
    const format = formats.find((each) => each.isOne(path));
    if (!format || !isDependencyFile(path)) return [];
    const read = (text: string | undefined) =>
      text === undefined || text.length > maxText ? [] : format.read(text);
    return [{ path, format, base: read(base.get(path)), change: read(change.get(path)) }];
  });
}

function group(sources: readonly Source[]): Map<string, Source[]> {
  const groups = new Map<string, Source[]>();
  for (const source of sources) {
    const known = groups.get(source.name);
    if (known) known.push(source);
    else groups.set(source.name, [source]);
  }
  return groups;
}

function identify({
  bins = [],
  from,
  host,
  integrity,
  name,
  spec,
  version,
  runsScript,
}: Source): string {
  return JSON.stringify([name, from, spec, version, integrity, host, bins, runsScript]);
}

function show(spec: string): string {
  const text = spec.replace(/\s+/g, " ").trim();
  return `\`${text.length > 120 ? `${text.slice(0, 120)}…` : text}\``;
}

/**
 * Returns the change's manifests and lock files with the checks' tools as on the base, for runs
 * with the old judges. Files in which the tools cannot be separated from the rest are left out; the
 * base's file is used for them.
 */
export function withOldTools(input: DependencyInput): { path: string; text: string }[] {
  const { otherVersions, tools } = findToolChanges(input);
  if (tools.length + otherVersions.length === 0) return [];
  const names = new Set([...tools, ...otherVersions].map((change) => change.package));
  return readAll(input).flatMap(({ base: before, change: after, format, path }) => {
    const [was, is] = [input.base.get(path), input.change.get(path)];
    if (was === undefined || is === undefined || was === is) return [];
    const keyed = (sources: readonly Source[]) =>
      JSON.stringify(
        sources
          .filter(({ name }) => !names.has(name))
          .map(identify)
          .sort(),
      );
    // In a lock where only tools differ, the base's text is the answer.
    const text = format.putBack(was, is, names) ?? (keyed(before) === keyed(after) ? was : null);
    return text === null || text === is ? [] : [{ path, text }];
  });
}

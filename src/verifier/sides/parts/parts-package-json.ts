import type { Parts, Uses } from "./parts.ts";

/**
 * The part of a package.json that decides how checks run: the scripts that they use, embedded
 * runner configuration, and the origin of known packages. Dependencies and the rest are the
 * change's own business. Pure.
 */
const configKeys: Readonly<Record<string, RegExp | null>> = {
  jest: null,
  mocha: null,
  ava: null,
  vitest: null,
  tap: null,
  jasmine: null,
  c8: null,
  nyc: null,
  config: null,
  "ts-node": null,
  cucumber: null,
  cypress: null,
  uvu: null,
  lab: null,
  workspaces: null,
  overrides: null,
  resolutions: null,
  pnpm: null,
  packageManager: null,
  volta: null,
  dependenciesMeta: null,
  wireit: null,
  "simple-git-hooks": null,
  "lint-staged": null,
  babel: /\b(jest|mocha|ava|babel)\b/,
  eslintConfig: /\b(eslint|lint)\b/,
  prettier: /\bprettier\b/,
  xo: /\bxo\b/,
};
/** These also change for honest reasons: a package becomes a module, gains an entry. */
const loadingKeys = ["imports", "exports", "type", "main"];
const runners =
  /^(vitest|@vitest\/.+|jest|jest-.+|@jest\/.+|mocha|chai|ava|tap|tape|uvu|c8|nyc|jasmine|jasmine-.+|@playwright\/.+|cypress|typescript|eslint|tsx|ts-node|ts-jest|@swc\/.+|esbuild|vite|sinon|nock|supertest|expect|should|power-assert|assert|cross-env|npm-run-all2?|c8|@testing-library\/.+|jsdom|happy-dom|fast-check|borp|xo|@types\/node)$/;
const notFromRegistry =
  /^(file|link|portal|patch|workspace|git|git\+.*|https?|npm|github|gitlab|bitbucket|exec)\b|^[^@^~<>=*]*\/|^\.|^~\//;
const dependencyGroups = [
  "dependencies",
  "devDependencies",
  "optionalDependencies",
  "peerDependencies",
];

type Json = Record<string, unknown>;

/** Splits the deciding part from the rest. Null where the deciding parts are the same. */
export function partPackageJson(base: string | null, now: string, uses: Uses): Parts | null {
  const before = parse(base) ?? {};
  const after = parse(now);
  if (!after) {
    return {
      ...{ changes: ["is no valid JSON"], kind: "runner", oldJudges: null, oldSource: null },
      ...{ needsAcceptance: true, weaker: null },
    };
  }
  const changes: string[] = [];
  const oldJudges: Json = { ...after };
  const oldSource: Json = { ...before };
  let isSerious = false;
  let kind: Parts["kind"] = "configuration";
  const swap = (key: string, was: unknown, is: unknown) => {
    set(oldJudges, key, was);
    set(oldSource, key, is);
  };

  const [scriptsBefore, scriptsAfter] = [record(before.scripts), record(after.scripts)];
  const used = [...uses.scripts].filter(
    (name) => own(scriptsBefore, name) !== own(scriptsAfter, name),
  );
  if (used.length > 0) {
    const [withOld, withNew] = [{ ...scriptsAfter }, { ...scriptsBefore }];
    for (const name of used) {
      const [was, is] = [own(scriptsBefore, name), own(scriptsAfter, name)];
      changes.push(`scripts.${name}: ${show(was)} → ${show(is)}`);
      set(withOld, name, was);
      set(withNew, name, is);
    }
    swap("scripts", withOld, withNew);
    isSerious = true;
    kind = "runner";
  }
  for (const [key, tool] of Object.entries(configKeys)) {
    if (tool && !tool.test(uses.texts)) continue;
    const [was, is] = [own(before, key), own(after, key)];
    if (same(was, is)) continue;
    changes.push(`${key}: ${show(was)} → ${show(is)}`);
    swap(key, was, is);
    isSerious = true;
  }
  for (const key of base === null ? [] : loadingKeys) {
    const [was, is] = [own(before, key), own(after, key)];
    // Added entries take nothing away from importers of the old ones.
    if (same(was, is) || isExtended(was, is)) continue;
    changes.push(`${key}: ${show(was)} → ${show(is)}`);
    swap(key, was, is);
    isSerious ||= key === "imports" && was !== undefined;
  }
  for (const group of dependencyGroups) {
    const [was, is] = [record(before[group]), record(after[group])];
    const replaced = Object.keys(is).filter((name) =>
      isReplaced(name, before, is[name], was[name]),
    );
    if (replaced.length === 0) continue;
    const [withOld, withNew] = [{ ...is }, { ...was }];
    for (const name of replaced) {
      changes.push(`${group}.${name}: ${show(own(was, name))} → ${show(is[name])}`);
      set(withOld, name, own(was, name));
      set(withNew, name, is[name]);
    }
    swap(group, withOld, withNew);
    isSerious = true;
    kind = "dependencies";
  }
  if (changes.length === 0) return null;
  return {
    changes,
    kind,
    oldJudges: base === null && !isSerious ? null : format(oldJudges, now),
    oldSource: base === null ? null : format(oldSource, base),
    needsAcceptance: isSerious,
    weaker: findSilenced(changes),
  };
}

/** A package from elsewhere under a known name, or under the name of a checks' tool. */
function isReplaced(name: string, before: Json, spec: unknown, was: unknown): boolean {
  if (same(was, spec)) return false;
  const text = typeof spec === "string" ? spec : JSON.stringify(spec);
  if (!notFromRegistry.test(text)) return false;
  const isKnown = dependencyGroups.some((group) => own(record(before[group]), name) !== undefined);
  return isKnown || runners.test(name);
}

/** Whether this is the name of a tool that checks use. */
export function isCheckTool(name: string): boolean {
  return runners.test(name) || /^(node|npm|npx|pytest|mocha|jest|vitest|tsc|eslint)$/.test(name);
}

function findSilenced(changes: readonly string[]): string | null {
  const bad = changes.find((change) => {
    const is = change.slice(change.indexOf(" → "));
    return (
      /\|\| *true|\|\| *:|; *true|; *exit 0|passWithNoTests|--pass-with-no-tests|→ "(true|:|exit 0|echo [^"&|;]*)"/i.test(
        is,
      ) && !/\|\| *true/.test(change.slice(0, change.indexOf(" → ")))
    );
  });
  return bad ? `the script cannot fail any more: \`${bad}\`` : null;
}

function isExtended(was: unknown, is: unknown): boolean {
  if (was === undefined) return true;
  if (typeof was !== "object" || typeof is !== "object" || was === null || is === null)
    return false;
  return Object.entries(was).every(([key, value]) => same(value, own(is as Json, key)));
}

function parse(text: string | null): Json | null {
  try {
    const value: unknown = JSON.parse((text ?? "null").replace(/^\ufeff/, ""));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Json)
      : null;
  } catch {
    return null; // not JSON
  }
}

function record(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function own(object: Json, key: string): unknown {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function set(object: Json, key: string, value: unknown): void {
  if (value === undefined) delete object[key];
  else if (key !== "__proto__") object[key] = value;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** With the file's own indentation, so that a formatter among the checks sees no difference. */
function format(value: Json, like: string): string {
  const indent = /^([ \t]+)"/m.exec(like)?.[1] ?? 2;
  return JSON.stringify(value, null, indent) + (like.endsWith("\n") ? "\n" : "");
}

function show(value: unknown): string {
  if (value === undefined) return "(none)";
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

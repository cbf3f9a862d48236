import type { Deciding } from "./deciding-files.ts";

/**
 * The part of a package.json that decides how checks run: the scripts that they use, the test
 * runners' configuration in it, and where a runner itself comes from. Dependencies and the rest
 * are the change's own business.
 */
export type PartialChange = {
  /** What changed, for people: `scripts.test: "node --test" → "true"`. */
  changes: string[];
  /**
   * The file as the checks shall see it: the change's file with the base's deciding part. Null where
   * the parts cannot be told apart: then the whole file has to be the base's.
   */
  restored: string | null;
};

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
  babel: /\b(jest|mocha|ava|babel)\b/,
  eslintConfig: /\beslint\b/,
  prettier: /\bprettier\b/,
  xo: /\bxo\b/,
};
const runners =
  /^(vitest|@vitest\/.+|jest|jest-.+|@jest\/.+|mocha|chai|ava|tap|c8|nyc|jasmine|@playwright\/test|cypress|typescript|eslint|tsx|ts-node)$/;
const notFromRegistry = /^(file|link|portal|patch|git|https?|npm|github)\b|\/|^\./;

type Json = Record<string, unknown>;

/** Compare the deciding parts. Null when they are the same, or there is nothing to compare. */
export function comparePackageJson(
  base: string | null,
  now: string,
  deciding: Deciding,
): PartialChange | null {
  const before = parse(base) ?? {};
  const after = parse(now);
  if (!after) return { changes: ["is no valid JSON"], restored: null };
  const changes: string[] = [];
  const restored: Json = { ...after };

  const scriptsBefore = record(before.scripts);
  const scriptsAfter = { ...record(after.scripts) };
  for (const name of deciding.scripts) {
    const [was, is] = [own(scriptsBefore, name), own(scriptsAfter, name)];
    if (was === is) continue;
    changes.push(`scripts.${name}: ${show(was)} → ${show(is)}`);
    if (was === undefined) delete scriptsAfter[name];
    else scriptsAfter[name] = was;
    restored.scripts = scriptsAfter;
  }
  for (const [key, tool] of Object.entries(configKeys)) {
    if (tool && !tool.test(deciding.texts)) continue;
    const [was, is] = [own(before, key), own(after, key)];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    changes.push(`${key}: ${show(was)} → ${show(is)}`);
    if (was === undefined) delete restored[key];
    else restored[key] = was;
  }
  changes.push(...findReplacedRunners(before, after));
  return changes.length === 0 ? null : { changes, restored: format(restored, now) };
}

/** A test runner from a folder or an address of the change's choice is a different runner. */
function findReplacedRunners(before: Json, after: Json): string[] {
  const groups = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "overrides",
    "resolutions",
  ];
  return groups.flatMap((group) =>
    Object.entries(record(after[group])).flatMap(([name, spec]) => {
      const was = own(record(before[group]), name);
      const text = typeof spec === "string" ? spec : JSON.stringify(spec);
      if (!runners.test(name) || was === spec || !notFromRegistry.test(text)) return [];
      return [`${group}.${name}: ${show(was)} → ${show(spec)}`];
    }),
  );
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

/** In the file's own indentation, so that a formatter among the checks sees no difference. */
function format(value: Json, like: string): string {
  const indent = /^([ \t]+)"/m.exec(like)?.[1] ?? 2;
  return JSON.stringify(value, null, indent) + (like.endsWith("\n") ? "\n" : "");
}

function show(value: unknown): string {
  if (value === undefined) return "(none)";
  const text = JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

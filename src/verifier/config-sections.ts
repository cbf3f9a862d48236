import type { Deciding } from "./deciding-files.ts";
import type { PartialChange } from "./package-json.ts";

/**
 * Configuration files in sections (pyproject.toml, setup.cfg), of which some decide how checks
 * run and others are metadata. Sections are told by their header lines, without a TOML parser:
 * where the deciding settings could hide outside their sections, the whole file comes from the base.
 */
const always = /^(tool\.(pytest|coverage|tox|nox|hatch\.envs|poe)|tool:pytest|coverage:)/;
const byTool: readonly (readonly [RegExp, RegExp])[] = [
  [/^(tool\.)?mypy/, /\bmypy\b/],
  [/^(tool\.ruff|flake8)/, /\b(ruff|flake8)\b/],
  [/^tool\.(black|isort|pylint|pyright)/, /\b(black|isort|pylint|pyright)\b/],
];
const header = /^\s*\[\[?\s*([^[\],]+?)\s*\]\]?\s*(#.*)?$/;
const hidden =
  /\b(ini_options|addopts|testpaths|python_files|python_functions)\b|\btool["'\s]*\.["'\s]*pytest|^[^=#]*\\[uU][0-9a-fA-F]{4}/;

type Section = { name: string; lines: string[] };

/** Compare the deciding sections. Null when they are the same. */
export function compareSections(
  base: string | null,
  now: string,
  deciding: Deciding,
): PartialChange | null {
  const isDeciding = ({ name }: Section) =>
    always.test(name) ||
    byTool.some(([section, tool]) => section.test(name) && tool.test(deciding.texts));
  const before = split(base ?? "").filter(isDeciding);
  const after = split(now);
  const rest = after.filter((section) => !isDeciding(section));

  const known = new Set(base?.split("\n"));
  const smuggled = rest
    .flatMap(({ lines }) => lines)
    .find((line) => hidden.test(line) && !known.has(line));
  if (smuggled !== undefined) {
    return {
      changes: [`outside its section: ${smuggled.trim().slice(0, 200)}`],
      restored: null,
    };
  }
  const names = new Set([...before, ...after.filter(isDeciding)].map(({ name }) => name));
  const changes = [...names].filter((name) => meaning(before, name) !== meaning(after, name));
  if (changes.length === 0) return null;
  return {
    changes: changes.map((name) => `section [${name}]`),
    restored: [...rest, ...before].flatMap(({ lines }) => lines).join("\n"),
  };
}

const cargoSwitch = /^\s*(test|harness|autotests|doctest)\s*=\s*false\b/gm;

/** Cargo.toml can switch tests off. There is no part to put back, so this is said, not mended. */
export function findCargoSwitches(base: string | null, now: string | null): string[] {
  const count = (text: string | null) => text?.match(cargoSwitch)?.length ?? 0;
  if (count(now) <= count(base)) return [];
  return [...new Set(now?.match(cargoSwitch)?.map((line) => line.trim()))];
}

function split(text: string): Section[] {
  const sections: Section[] = [{ name: "", lines: [] }];
  for (const line of text.split("\n")) {
    const name = header.exec(line)?.[1];
    // "tool" . "pytest" is the same header as tool.pytest.
    if (name !== undefined) sections.push({ name: name.replace(/["'\s]/g, ""), lines: [] });
    sections.at(-1)?.lines.push(line);
  }
  return sections;
}

function meaning(sections: readonly Section[], name: string): string {
  return sections
    .filter((section) => section.name === name)
    .flatMap(({ lines }) => lines.slice(1).map((line) => line.trim()))
    .filter((line) => line !== "" && !line.startsWith("#"))
    .join("\n");
}

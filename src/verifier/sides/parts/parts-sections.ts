import type { Kind } from "../judge-names.ts";
import type { Parts, Uses } from "./parts.ts";

/**
 * Configuration files with sections (pyproject.toml, setup.cfg, Cargo.toml), some of which decide
 * how checks run. Sections are found by their header lines, without a TOML parser. Where deciding
 * settings could hide outside their sections, the whole file counts. Pure.
 */
const always =
  /^(tool\.(pytest|coverage|tox|nox|hatch\.envs|poe|taskipy|pdm\.scripts|pytest_env|ward|uv\.sources|doit|hypothesis)|tool:pytest|coverage:|aliases$|testenv|unittest|nosetests)/;
const byTool: readonly (readonly [RegExp, RegExp])[] = [
  [/^(tool\.)?mypy/, /\bmypy\b/],
  [/^(tool\.ruff|flake8)/, /\b(ruff|flake8)\b/],
  [/^tool\.(black|isort|pylint|pyright)/, /\b(black|isort|pylint|pyright)\b/],
  [/^(project\.entry-points\.["']?pytest11|options\.entry_points|entry_points)/, /pytest/],
];
const header = /^\s*\[\[?\s*([^[\],]+?)\s*\]\]?\s*(#.*)?$/;
const hidden =
  /\b(ini_options|addopts|testpaths|python_files|python_functions|pytest11)\b|\btool["'\s]*\.["'\s]*pytest|^[^=#]*\\[uU][0-9a-fA-F]{4}/;

type Section = { name: string; lines: string[] };

/** pyproject.toml and setup.cfg. Null where the deciding sections are the same. */
export function partPythonSections(base: string | null, now: string, uses: Uses): Parts | null {
  const isDeciding = ({ name }: Section) =>
    always.test(name) ||
    byTool.some(([section, tool]) => section.test(name) && tool.test(uses.texts));
  return partSections(base, now, isDeciding, hidden, () => false, "configuration");
}

const cargoSection =
  /^(patch\b|replace$|profile\.(test|dev|bench)|test$|lints?\b|target\..*\.(runner|rustflags)|workspace\.metadata\.nextest)/;
const cargoSwitch =
  /^\s*(test|harness|autotests|autobenches|autobins|autoexamples|doctest|bench|build|links|default-run)\s*=/;

/** Cargo.toml: patches, profiles and test targets, and lines elsewhere that switch tests off. */
export function partCargo(base: string | null, now: string): Parts | null {
  const isSwitch = (line: string) => cargoSwitch.test(line.slice(0, 300));
  return partSections(
    base,
    now,
    ({ name }) => cargoSection.test(name),
    null,
    isSwitch,
    "configuration",
  );
}

function partSections(
  base: string | null,
  now: string,
  isDeciding: (section: Section) => boolean,
  smuggling: RegExp | null,
  isSwitch: (line: string) => boolean,
  kind: NonNullable<Kind>,
): Parts | null {
  const [before, after] = [split(base ?? ""), split(now)];
  const [decidingBefore, decidingAfter] = [before.filter(isDeciding), after.filter(isDeciding)];
  const rest = (sections: Section[]) => sections.filter((section) => !isDeciding(section));
  const known = new Set(base?.split("\n"));
  const smuggled = rest(after)
    .flatMap(({ lines }) => lines)
    .find((line) => smuggling?.test(line.slice(0, 1_000)) && !known.has(line));
  if (smuggled !== undefined) {
    const changes = [`outside its section: ${smuggled.trim().slice(0, 200)}`];
    return { changes, kind, oldJudges: null, oldSource: null, needsAcceptance: true, weaker: null };
  }
  const names = new Set([...decidingBefore, ...decidingAfter].map(({ name }) => name));
  const changes = [...names]
    .filter((name) => meaning(decidingBefore, name) !== meaning(decidingAfter, name))
    .map((name) => describe(name, decidingBefore, decidingAfter));
  const switches = (sections: Section[]) =>
    rest(sections).flatMap(({ name, lines }) =>
      lines.filter(isSwitch).map((line) => ({ name, line: line.trim() })),
    );
  const [switchesBefore, switchesAfter] = [switches(before), switches(after)];
  const keyOf = ({ name, line }: { name: string; line: string }) => `[${name}] ${line}`;
  const had = new Set(switchesBefore.map(keyOf));
  const has = new Set(switchesAfter.map(keyOf));
  const switched = switchesAfter.filter((each) => !had.has(keyOf(each)));
  const dropped = switchesBefore.filter((each) => !has.has(keyOf(each)));
  changes.push(...switched.map(keyOf), ...dropped.map((each) => `${keyOf(each)} is gone`));
  if (changes.length === 0) return null;
  const compose = (whole: Section[], deciding: Section[], bring: typeof switched) =>
    [
      ...rest(whole).flatMap(({ name, lines }) => [
        ...lines.filter((line) => !isSwitch(line)),
        ...(bring.length > 0 && lines.length > 0 && isHeaderOf(lines[0] ?? "", name)
          ? bring.filter((each) => each.name === name).map(({ line }) => line)
          : []),
      ]),
      ...deciding.flatMap(({ lines }) => lines),
    ].join("\n");
  const off = switched.find(({ line }) => /=\s*false/.test(line));
  return {
    changes,
    kind,
    oldJudges: compose(after, decidingBefore, switchesBefore),
    oldSource: base === null ? null : compose(before, decidingAfter, switchesAfter),
    needsAcceptance: true,
    weaker: off ? `it switches tests off: \`${off.line}\`` : null,
  };
}

function isHeaderOf(line: string, name: string): boolean {
  return header.exec(line)?.[1]?.replace(/["'\s]/g, "") === name;
}

function describe(name: string, before: Section[], after: Section[]): string {
  const [was, is] = [meaning(before, name).split("\n"), meaning(after, name).split("\n")];
  const line =
    is.find((each) => !was.includes(each)) ?? was.find((each) => !is.includes(each)) ?? "";
  return `section [${name}]${line ? `: ${line.slice(0, 150)}` : ""}`;
}

function split(text: string): Section[] {
  const sections: Section[] = [{ name: "", lines: [] }];
  for (const line of text.split("\n")) {
    const name = header.exec(line.slice(0, 500))?.[1];
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

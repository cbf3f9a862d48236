import type { Language } from "../languages.ts";
import { meaningOf, type Token, tokenize } from "./tokens.ts";
import { readUnits, testsOf, type Unit } from "./units.ts";

/** A parsed test file: its tests with their names and bodies, and their surroundings. Pure. */
export type TestFile = {
  path: string;
  text: string;
  language: Language;
  tokens: readonly Token[];
  tests: readonly Test[];
  imports: readonly Unit[];
  suites: readonly Unit[];
  /** Everything but tests and imports, in order: hooks, helpers, the frames of suites. */
  rest: readonly Rest[];
  words: ReadonlySet<string>;
};

export type Test = {
  path: string;
  /** The names of its suites, then its own. */
  names: readonly string[];
  /** The tokens of its body, without its name. */
  body: readonly string[];
  unit: Unit;
  within: readonly Unit[];
};

export type Rest = {
  unit: Unit;
  name: string;
  kind: Unit["kind"];
  says: readonly string[];
  within: readonly Unit[];
};

export function readTestFile(path: string, text: string, language: Language): TestFile {
  const tokens = tokenize(text, language);
  const units = readUnits(text, tokens, language);
  const says = (from: number, to: number, without: number | null) => {
    const kept = tokens.slice(from, to).filter((_, at) => from + at !== without);
    return withoutLevel(meaningOf(kept, language));
  };
  const tests = testsOf(units).map(({ unit, within }) => ({
    path,
    names: [...within, unit].map(({ name }) => name),
    body: says(unit.start, unit.end, unit.title).map((text, at) =>
      at === 0 && /^(it|specify)$/.test(text) ? "test" : text,
    ),
    unit,
    within,
  }));
  const imports: Unit[] = [];
  const rest: Rest[] = [];
  const suites: Unit[] = [];
  const walk = (unit: Unit, within: readonly Unit[]) => {
    if (unit.kind === "test") return;
    if (unit.kind === "import") imports.push(unit);
    else if (unit.kind === "suite") {
      suites.push(unit);
      const first = unit.children[0]?.start ?? unit.end;
      const last = unit.children.at(-1)?.end ?? unit.end;
      const frame = [...says(unit.start, first, unit.title), ...says(last, unit.end, unit.title)];
      if (!isPlainFrame(frame))
        rest.push({ unit, name: unit.name, kind: "suite", says: frame, within });
      for (const child of unit.children) walk(child, [...within, unit]);
    } else {
      const spoken = says(unit.start, unit.end, null);
      if (spoken.some((text) => !/^(;|\n\d+)$/.test(text)))
        rest.push({ unit, name: unit.name, kind: unit.kind, says: spoken, within });
    }
  };
  for (const unit of units) walk(unit, []);
  const words = new Set(tokens.filter(({ kind }) => kind === "word").map(({ text }) => text));
  return { path, text, language, tokens, tests, imports, suites, rest, words };
}

/** Whether a suite only groups its tests, without affecting them. */
function isPlainFrame(frame: readonly string[]): boolean {
  return /^(await )?(describe|suite|context)( \(|) (, )?((async )?(\( \)|function \( \)) (=> )?\{|do) ?(\} \)( ;)?|end)$/.test(
    frame.join(" "),
  );
}

/** Python: makes indentation levels relative, so that a block's place does not matter. */
function withoutLevel(texts: readonly string[]): string[] {
  const levels = texts.filter((text) => /^\n\d+$/.test(text)).map((text) => Number(text.slice(1)));
  if (levels.length === 0) return [...texts];
  const least = levels.reduce((a, b) => Math.min(a, b));
  return texts.map((text) => (/^\n\d+$/.test(text) ? `\n${Number(text.slice(1)) - least}` : text));
}

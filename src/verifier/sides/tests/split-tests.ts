import type { Language } from "../languages.ts";
import { meaningOf, type Token, tokenize } from "./tokens.ts";
import { readUnits, testsOf, type Unit } from "./units.ts";

/**
 * Source with tests inside: Rust's `mod tests`, doctests, test functions next to their subject.
 * Finds the stretches of text that are tests, and puts the tests of one version into the source of
 * another. Pure.
 */
export type Region = {
  /** `examples` stay with the item of this name; `tests` belong to the file. */
  kind: "tests" | "examples";
  key: string;
  start: number;
  end: number;
};

export type SplitFile = { text: string; regions: readonly Region[]; definesMore: boolean };

export function splitTests(text: string, language: Language): SplitFile {
  const tokens = tokenize(text, language);
  const units = readUnits(text, tokens, language);
  const regions: Region[] = [];
  let definesMore = false;
  for (const unit of units) {
    const key = keyOfTests(unit, tokens, language);
    if (key === null) {
      definesMore ||= unit.kind === "declaration" || unit.kind === "suite";
      continue;
    }
    regions.push({
      kind: "tests",
      key,
      ...wholeLines(text, tokens[unit.start]?.start ?? 0, tokens[unit.end - 1]?.end ?? 0),
    });
  }
  if (language === "python") regions.push(...findDoctests(text, tokens, regions));
  if (language === "rust") regions.push(...findDocFences(text, regions));
  if (language === "ruby") regions.push(...findPrompts(text, /^[ \t]*iex>/));
  regions.sort((a, b) => a.start - b.start);
  return { text, regions: withoutOverlap(regions), definesMore };
}

/** Returns the source of one version with the tests of another. */
export function composeTests(source: SplitFile, tests: SplitFile): string {
  const textOf = ({ start, end }: Region) => tests.text.slice(start, end);
  const blocks = tests.regions.filter(({ kind }) => kind === "tests").map(textOf);
  const examples = new Map<string, string[]>();
  for (const region of tests.regions) {
    if (region.kind !== "examples") continue;
    examples.set(region.key, [...(examples.get(region.key) ?? []), textOf(region)]);
  }
  const joined = blocks.map((block) => (block.endsWith("\n") ? block : `${block}\n`)).join("\n");
  let out = "";
  let at = 0;
  let placed = false;
  for (const region of source.regions) {
    out += source.text.slice(at, region.start);
    at = region.end;
    if (region.kind === "examples") out += examples.get(region.key)?.shift() ?? "";
    else if (!placed && isBlock(region)) {
      out += joined;
      placed = true;
    }
  }
  out += source.text.slice(at);
  if (placed || joined === "") return out;
  return `${out}${out === "" || out.endsWith("\n") ? "" : "\n"}\n${joined}`;
}

/** Imports are at the head of a file, where no test can be put. */
function isBlock({ key }: Region): boolean {
  return key !== "import";
}

/** The texts of a file's tests, for comparing as a test file. */
export function testsText({ text, regions }: SplitFile): string {
  return regions
    .filter(({ kind }) => kind === "tests")
    .map(({ start, end }) => text.slice(start, end))
    .join("\n");
}

export function examplesOf({ text, regions }: SplitFile): { key: string; lines: string[] }[] {
  return regions
    .filter(({ kind }) => kind === "examples")
    .map(({ key, start, end }) => ({
      key,
      lines: text
        .slice(start, end)
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== ""),
    }));
}

const testLibrary =
  /^["'](node:test|vitest|@jest\/globals|mocha|ava|tape|tap|uvu|chai|bun:test|node:assert(\/strict)?|assert)["']$/;

function keyOfTests(unit: Unit, tokens: readonly Token[], language: Language): string | null {
  const texts = tokens
    .slice(unit.start, Math.min(unit.end, unit.start + 40))
    .map(({ text }) => text);
  if (unit.kind === "test") return unit.name;
  if (unit.kind === "suite") {
    // A class or module that holds more than tests does not count as tests.
    const isOnlyTests = language !== "java" && (language !== "rust" || isConfigured(texts));
    return isOnlyTests || testsOf([unit]).length === unit.children.length ? unit.name : null;
  }
  if (language === "rust" && isConfigured(texts) && texts.some((text) => /^(mod|use)$/.test(text)))
    return unit.kind === "import" ? "import" : unit.name;
  // A program that tests itself on request, or a module that does when it is run.
  const said = texts.join(" ");
  if (
    /^(\n0 )?if\b/.test(said) &&
    /["'](--?)?(self[-_]?(test|check)|test|check|verify)["']/.test(said)
  )
    return "self-test";
  if (
    language === "python" &&
    /^\n0 (if __name__ == "__main__"|assert\b)/.test(said) &&
    /\b(assert|doctest|unittest)\b/.test(said)
  )
    return "self-test";
  if (language === "js") {
    const isInSource = texts[0] === "if" && texts.join("").includes("import.meta.vitest");
    if (isInSource) return "import.meta.vitest";
    if (unit.kind === "import" && texts.some((text) => testLibrary.test(text))) return "import";
  }
  if (
    language === "python" &&
    unit.kind === "import" &&
    /^(pytest|unittest|doctest)$/.test(texts[2] ?? "")
  )
    return "import";
  return null;
}

function isConfigured(texts: readonly string[]): boolean {
  const head = meaningOf(
    texts.map((text) => ({ kind: "mark", text, start: 0, end: 0 })),
    "rust",
  ).join("");
  return /^#\[cfg\((test|all\(test|any\(test)/.test(head);
}

function wholeLines(text: string, start: number, end: number): { start: number; end: number } {
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const isAlone = text.slice(lineStart, start).trim() === "";
  const lineEnd = text.indexOf("\n", end);
  const rest = text.slice(end, lineEnd < 0 ? text.length : lineEnd).trim();
  return {
    start: isAlone ? lineStart : start,
    end: rest === "" ? (lineEnd < 0 ? text.length : lineEnd + 1) : end,
  };
}

/** Examples in docstrings, from the first `>>>` to the last expected line. */
function findDoctests(text: string, tokens: readonly Token[], taken: readonly Region[]): Region[] {
  const found: Region[] = [];
  let name = "";
  for (const [at, token] of tokens.entries()) {
    if (token.kind === "word" && /^(def|class)$/.test(token.text))
      name = tokens[at + 1]?.text ?? name;
    if (
      token.kind !== "string" ||
      !token.text.includes(">>>") ||
      !/^[rRuUbB]{0,2}("""|''')/.test(token.text)
    )
      continue;
    if (taken.some(({ start, end }) => token.start >= start && token.start < end)) continue;
    found.push(...findPrompts(text, /^[ \t]*>>>[ \t]?/, token.start, token.end - 3, name));
  }
  return found;
}

function findPrompts(
  text: string,
  prompt: RegExp,
  from = 0,
  to = text.length,
  name = "",
): Region[] {
  let start = -1;
  let end = -1;
  let inExample = false;
  let at = from;
  let key = name;
  const found: Region[] = [];
  const close = () => {
    if (start >= 0) found.push({ kind: "examples", key, start, end });
    start = -1;
  };
  for (const line of text.slice(from, to).split("\n")) {
    const next = Math.min(to, at + line.length + 1);
    const short = line.slice(0, 500);
    if (name === "") key = /^[ \t]*def[ \t]+([\w?!]+)/.exec(short)?.[1] ?? key;
    if (prompt.test(short)) {
      if (start < 0) start = at;
      inExample = true;
      end = next;
    } else if (inExample && line.trim() !== "") end = next;
    else inExample = false;
    if (name === "" && /^[ \t]*"""/.test(short)) close();
    at = next;
  }
  close();
  return found;
}

/** Examples in Rust's doc comments, fence by fence, with the item that they belong to. */
function findDocFences(text: string, taken: readonly Region[]): Region[] {
  const found: Region[] = [];
  let open = -1;
  let pending: Region[] = [];
  let at = 0;
  for (const line of text.split("\n")) {
    const next = Math.min(text.length, at + line.length + 1);
    const short = line.slice(0, 500);
    const isDoc = /^\s*\/\/[/!]/.test(short);
    if (isDoc && /^\s*\/\/[/!]\s*```/.test(short)) {
      if (open < 0) open = at;
      else {
        pending.push({ kind: "examples", key: "", start: open, end: next });
        open = -1;
      }
    } else if (!isDoc) {
      open = -1;
      const item = /\b(?:fn|struct|enum|trait|mod|type|const|static|macro_rules!)\s+(\w+)/.exec(
        short,
      )?.[1];
      if (item !== undefined) {
        found.push(...pending.map((region) => ({ ...region, key: item })));
        pending = [];
      }
    }
    at = next;
  }
  found.push(...pending);
  return found.filter(
    ({ start }) => !taken.some((region) => start >= region.start && start < region.end),
  );
}

function withoutOverlap(regions: readonly Region[]): Region[] {
  const kept: Region[] = [];
  for (const region of regions) if (region.start >= (kept.at(-1)?.end ?? 0)) kept.push(region);
  return kept;
}

import type { Language } from "../languages.ts";
import type { Token } from "./tokens.ts";

/**
 * Splits a test file into tests, suites, imports, declarations and other statements, by its tokens.
 * It is no parser: unusual code makes a unit too large, and then more of it counts as changed,
 * never less. Pure.
 */
export type Unit = {
  kind: "test" | "suite" | "import" | "declaration" | "statement";
  name: string;
  /** Tokens [start, end). */
  start: number;
  end: number;
  /** The token of its title or name; null when it has none. */
  title: number | null;
  children: Unit[];
};

type Source = { tokens: readonly Token[]; lines: readonly number[]; language: Language };

export function readUnits(text: string, tokens: readonly Token[], language: Language): Unit[] {
  const source: Source = { tokens, lines: numberLines(text, tokens), language };
  return readRange(source, 0, tokens.length, 0);
}

/** All tests of a file with their suites, in order. */
export function testsOf(
  units: readonly Unit[],
  within: readonly Unit[] = [],
): { unit: Unit; within: readonly Unit[] }[] {
  return units.flatMap((unit) =>
    unit.kind === "test"
      ? [{ unit, within }]
      : unit.kind === "suite"
        ? testsOf(unit.children, [...within, unit])
        : [],
  );
}

function numberLines(text: string, tokens: readonly Token[]): number[] {
  const lines: number[] = [];
  let [line, at] = [0, 0];
  for (const { start } of tokens) {
    for (; at < start; at++) if (text.charCodeAt(at) === 10) line++;
    lines.push(line);
  }
  return lines;
}

const maxDepth = 12;

function readRange(source: Source, from: number, to: number, depth: number): Unit[] {
  const units: Unit[] = [];
  let at = from;
  while (at < to) {
    const end = Math.min(to, Math.max(at + 1, endOfStatement(source, at, to)));
    units.push(readUnit(source, at, end, depth));
    at = end;
  }
  return units;
}

function endOfStatement(source: Source, from: number, to: number): number {
  if (source.language === "python") return endOfBlock(source, from, to);
  if (source.language === "ruby") return endOfWords(source, from, to);
  const { tokens, lines, language } = source;
  if (language === "c" && tokens[from]?.text === "#") return endOfDirective(source, from, to);
  const byLine =
    language === "js" || language === "go" || language === "shell" || language === "other";
  let depth = 0;
  for (let at = from; at < to; at++) {
    const { kind, text } = tokens[at] as Token;
    if (kind === "mark") {
      if (/^[([{]$/.test(text)) depth++;
      else if (/^[)\]}]$/.test(text)) depth = Math.max(0, depth - 1);
      if (depth === 0 && text === ";") return at + 1;
    }
    if (depth > 0 || at + 1 >= to) continue;
    const next = tokens[at + 1] as Token;
    const isNewLine = (lines[at + 1] ?? 0) > endLine(source, at);
    if (text === "}" && kind === "mark") {
      // "}" ends an item where the language has no other end, or before a new line.
      const goesOn =
        /^([;,.)\]:?]|\?\.|=>|else|catch|finally|rescue|while|as|=|&&|\|\||\(|from)$/.test(
          next.text,
        );
      if (!goesOn && (isNewLine || !byLine)) return at + 1;
      if (next.text === "(" && isNewLine) return at + 1;
    } else if (byLine && isNewLine && !opens(text, kind) && !continues(next)) return at + 1;
  }
  return to;
}

function endLine({ tokens, lines }: Source, at: number): number {
  const token = tokens[at] as Token;
  let line = lines[at] ?? 0;
  if (token.kind === "string") for (const char of token.text) if (char === "\n") line++;
  return line;
}

function opens(text: string, kind: Token["kind"]): boolean {
  if (kind === "word")
    return (
      /^(async|export|const|let|var|default|extends|return|function|await|in|of|import|from)$/.test(
        text,
      ) && text !== "return"
    );
  return (
    kind === "mark" &&
    /^([=,.+*%&|<>?:~^!-]|=>|&&|\|\||\?\?|\?\.|==|===|!=|!==|\+=|-=|:=)$/.test(text)
  );
}

function continues({ text, kind }: Token): boolean {
  return kind === "mark" && /^([.,?:)\]}*%&|<>=]|=>|&&|\|\||\?\?|\?\.|==|===|!=|!==)$/.test(text);
}

function endOfDirective({ tokens, lines }: Source, from: number, to: number): number {
  let at = from + 1;
  while (at < to && lines[at] === lines[from]) at++;
  return tokens[at - 1]?.text === "\\" ? at + 1 : at;
}

function levelOf(token: Token | undefined): number | null {
  return token?.kind === "indent" ? Number(token.text.slice(1)) : null;
}

/** Python: a line and everything indented below it; decorators belong to what follows. */
function endOfBlock({ tokens }: Source, from: number, to: number): number {
  const level = levelOf(tokens[from]) ?? 0;
  let isDecorator = tokens[from + 1]?.text.startsWith("@") ?? false;
  for (let at = from + 1; at < to; at++) {
    const next = levelOf(tokens[at]);
    if (next === null || next > level) continue;
    if (next < level) return at;
    if (isDecorator) {
      isDecorator = tokens[at + 1]?.text.startsWith("@") ?? false;
      continue;
    }
    // "else", "except" and the like continue the statement.
    if (/^(else|elif|except|finally)$/.test(tokens[at + 1]?.text ?? "")) continue;
    return at;
  }
  return to;
}

const rubyOpeners = /^(do|def|class|module|begin|case|fn|defmodule|defp)$/;
const rubyConditions = /^(if|unless|while|until|for)$/;

/** Ruby and similar: a line, and if it opens a block everything up to its `end`. */
function endOfWords({ tokens, lines }: Source, from: number, to: number): number {
  let depth = 0;
  for (let at = from; at < to; at++) {
    const { kind, text } = tokens[at] as Token;
    const isFirst = at === from || lines[at] !== lines[at - 1];
    const before = tokens[at - 1]?.text ?? "";
    if (kind === "mark" && /^[([{]$/.test(text)) depth++;
    else if (kind === "mark" && /^[)\]}]$/.test(text)) depth = Math.max(0, depth - 1);
    else if (kind === "word" && before !== "." && before !== ":") {
      if (rubyOpeners.test(text) || (rubyConditions.test(text) && (isFirst || before === "=")))
        depth++;
      else if (text === "end") depth = Math.max(0, depth - 1);
    }
    const isNewLine = at + 1 < to && lines[at + 1] !== lines[at];
    if (
      depth === 0 &&
      isNewLine &&
      !(kind === "mark" && /^[,.&|+=]$/.test(text)) &&
      tokens[at + 1]?.text !== "."
    )
      return at + 1;
  }
  return to;
}

const testWords = /^(x|f)?(test|it|specify|example|scenario)$/;
const suiteWords = /^(x|f)?(describe|suite|context|feature|group)$/;

function readUnit(source: Source, start: number, end: number, depth: number): Unit {
  const unit = (kind: Unit["kind"], title: number | null = null, children: Unit[] = []): Unit => {
    const text = title === null ? "" : (source.tokens[title]?.text ?? "");
    return { kind, name: text.replace(/^["'`]|["'`]$/g, ""), start, end, title, children };
  };
  const { language } = source;
  if (language === "python") return readPython(source, start, end, depth, unit);
  if (language === "ruby") return readRuby(source, start, end, depth, unit);
  if (language === "js" || language === "php") {
    const called = readCalled(source, start, end, depth, unit);
    if (called) return called;
  }
  return readItem(source, start, end, depth, unit);
}

type Make = (kind: Unit["kind"], title?: number | null, children?: Unit[]) => Unit;

/** `test("name", …)`, `describe.each(…)("name", …)`. */
function readCalled(
  source: Source,
  start: number,
  end: number,
  depth: number,
  unit: Make,
): Unit | null {
  const { tokens } = source;
  let at = start;
  while (/^(export|await|void|return|default)$/.test(tokens[at]?.text ?? "")) at++;
  const chain: string[] = [];
  while (at < end && tokens[at]?.kind === "word") {
    chain.push(tokens[at]?.text ?? "");
    at++;
    if (tokens[at]?.text === "." || tokens[at]?.text === "?.") at++;
    else break;
  }
  const word = chain.find((each) => testWords.test(each) || suiteWords.test(each));
  if (word === undefined || !/^[(`"]/.test(tokens[at]?.text ?? "")) return null;
  // A table comes first: `each([…])("name", …)`, or each`…`.
  for (let rounds = 0; rounds < 3; rounds++) {
    const close = tokens[at]?.kind === "string" ? at : closeOf(tokens, at, end);
    if (tokens[close + 1]?.text !== "(") break;
    at = close + 1;
  }
  const title = tokens[at + 1]?.kind === "string" ? at + 1 : null;
  const isSuite = chain.some((each) => suiteWords.test(each));
  if (!isSuite) return unit("test", title);
  const body = lastBody(tokens, at, closeOf(tokens, at, end));
  return body && depth < maxDepth
    ? unit("suite", title, readRange(source, body.from, body.to, depth + 1))
    : unit("test", title);
}

function closeOf(tokens: readonly Token[], open: number, end: number): number {
  let depth = 0;
  for (let at = open; at < end; at++) {
    if (tokens[at]?.kind !== "mark") continue;
    const text = tokens[at]?.text ?? "";
    if (/^[([{]$/.test(text)) depth++;
    else if (/^[)\]}]$/.test(text) && --depth <= 0) return at;
  }
  return end;
}

/** The last `{…}` directly in a call's arguments. */
function lastBody(
  tokens: readonly Token[],
  open: number,
  close: number,
): { from: number; to: number } | null {
  let body: { from: number; to: number } | null = null;
  for (let at = open + 1; at < close; at++) {
    if (tokens[at]?.kind !== "mark" || !/^[([{]$/.test(tokens[at]?.text ?? "")) continue;
    const end = closeOf(tokens, at, close);
    if (tokens[at]?.text === "{") body = { from: at + 1, to: end };
    at = end;
  }
  return body;
}

function readItem(source: Source, start: number, end: number, depth: number, unit: Make): Unit {
  const { tokens, language } = source;
  const texts = (from: number, to: number) =>
    tokens.slice(from, Math.min(to, end)).map(({ text }) => text);
  let at = start;
  let isTest = false;
  // Attributes and annotations: #[test], @Test(…), [Fact].
  for (let rounds = 0; rounds < 20 && at < end; rounds++) {
    const text = tokens[at]?.text ?? "";
    const opensAt =
      text === "#" && tokens[at + 1]?.text === "["
        ? at + 1
        : text === "[" && language === "java"
          ? at
          : -1;
    if (opensAt >= 0) {
      const close = closeOf(tokens, opensAt, end);
      const words = texts(opensAt, close);
      if (
        language === "rust"
          ? words.some((each) =>
              /^(test|rstest|test_case|should_panic|bench|quickcheck|proptest)$/.test(each),
            ) && !words.includes("cfg")
          : words.some((each) => /^(Test\w*|Fact|Theory|\w*Data)$/.test(each))
      )
        isTest = true;
      at = close + 1;
    } else if (text.startsWith("@") && language !== "js" && language !== "shell") {
      if (
        /^@(Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate|Property)$/.test(text) ||
        (text === "@" && /Test$/.test(tokens[at + 1]?.text ?? ""))
      )
        isTest = true;
      at++;
      while (tokens[at]?.text === ".") at += 2;
      if (tokens[at]?.text === "(") at = closeOf(tokens, at, end) + 1;
    } else break;
  }
  const first = tokens[at]?.text ?? "";
  const second = tokens[at + 1]?.text ?? "";
  if (language === "shell") return readShell(tokens, start, unit);
  if (
    /^(import|use|package|using|from|require|extern|include|#include)$/.test(first) &&
    !(first === "import" && second === "(")
  ) {
    return unit("import");
  }
  if (first === "#" && second === "include") return unit("import");
  const isRequire =
    texts(at, at + 40).includes("require") ||
    (texts(at, at + 40).includes("import") && texts(at, at + 40).includes("await"));
  if (language === "js" && /^(const|let|var)$/.test(first) && isRequire) return unit("import");
  if (language === "perl" && first === "subtest") return unit("test", at + 1);
  if (
    language === "c" &&
    /^(TEST\w*|SCENARIO|BOOST_\w*TEST\w*|START_TEST|Test|ParameterizedTest|MU_TEST|CTEST)$/.test(
      first,
    ) &&
    second === "("
  ) {
    return unit("test", at + 2);
  }
  if (
    language === "java" &&
    (first === "test" || first === "unittest") &&
    (second === "{" || tokens[at + 1]?.kind === "string")
  ) {
    return unit("test", tokens[at + 1]?.kind === "string" ? at + 1 : null);
  }
  const body = firstBody(tokens, at, end);
  const head = texts(at, body?.from ?? end);
  const container = head.findIndex((each) =>
    /^(class|mod|interface|object|namespace|struct|extension|impl|trait|record|module)$/.test(each),
  );
  const hasParens = head.indexOf("(") >= 0 && (container < 0 || head.indexOf("(") < container);
  if (container >= 0 && body && !hasParens && language !== "go" && depth < maxDepth) {
    const children = readRange(source, body.from, body.to, depth + 1);
    const holdsTests = testsOf(children).length > 0;
    return holdsTests
      ? unit("suite", at + container + 1, children)
      : unit("declaration", at + container + 1);
  }
  const named = head.findIndex((each) =>
    /^(function|fn|func|fun|sub|def|const|let|var|type|enum|static|class|struct|val|my|our)$/.test(
      each,
    ),
  );
  let title = named >= 0 ? at + named + 1 : null;
  if (title !== null && language === "js" && tokens[title]?.text === "*") title++;
  if (language === "go" && first === "func" && second === "(")
    title = closeOf(tokens, at + 1, end) + 1;
  const isTyped = (language === "java" || language === "c") && head.includes("(");
  if (isTyped && (title === null || /^(static|const|enum|struct)$/.test(head[named] ?? "")))
    title = at + head.indexOf("(") - 1;
  const name = title === null ? "" : (tokens[title]?.text ?? "");
  if (
    language === "go" &&
    first === "func" &&
    /^(Test|Example|Fuzz|Benchmark)/.test(name) &&
    name !== "TestMain"
  )
    isTest = true;
  if (language === "php" && /^test/.test(name)) isTest = true;
  if (language === "java" && /^test[A-Z_]/.test(name) && body) isTest = true; // JUnit 3, XCTest
  if (isTest) return unit("test", title);
  return title !== null && title < end && tokens[title]?.kind === "word"
    ? unit("declaration", title)
    : unit("statement");
}

function firstBody(
  tokens: readonly Token[],
  from: number,
  end: number,
): { from: number; to: number } | null {
  for (let at = from; at < end; at++) {
    if (tokens[at]?.kind !== "mark") continue;
    const text = tokens[at]?.text ?? "";
    if (text === "{") return { from: at + 1, to: closeOf(tokens, at, end) };
    if (text === "(" || text === "[") at = closeOf(tokens, at, end);
  }
  return null;
}

function readShell(tokens: readonly Token[], start: number, unit: Make): Unit {
  const first = tokens[start]?.text ?? "";
  if (first === "@test") return unit("test", start + 1);
  if (/^(source|load|\.)$/.test(first)) return unit("import");
  const name = first === "function" ? start + 1 : start;
  if (tokens[name + 1]?.text === "(" && tokens[name + 2]?.text === ")") {
    return unit(/^(test|it)/.test(tokens[name]?.text ?? "") ? "test" : "declaration", name);
  }
  return tokens[start + 1]?.text === "=" ? unit("declaration", start) : unit("statement");
}

function readPython(source: Source, start: number, end: number, depth: number, unit: Make): Unit {
  const { tokens } = source;
  const level = levelOf(tokens[start]) ?? 0;
  let at = start + 1;
  // Decorators: each is a line at the same level.
  while (tokens[at]?.text.startsWith("@") && at < end) {
    do at++;
    while (at < end && levelOf(tokens[at]) === null);
    at++;
  }
  if (tokens[at]?.text === "async") at++;
  const [first, second] = [tokens[at]?.text ?? "", tokens[at + 1]?.text ?? ""];
  if (first === "import" || first === "from") return unit("import");
  if (first === "def") return unit(/^test/.test(second) ? "test" : "declaration", at + 1);
  if (first === "class" && depth < maxDepth) {
    let body = at;
    while (body < end && !((levelOf(tokens[body]) ?? -1) > level)) body++;
    const children = body < end ? readRange(source, body, end, depth + 1) : [];
    return testsOf(children).length > 0
      ? unit("suite", at + 1, children)
      : unit("declaration", at + 1);
  }
  const isAssigned = tokens[at]?.kind === "word" && second === "=";
  return isAssigned ? unit("declaration", at) : unit("statement");
}

function readRuby(source: Source, start: number, end: number, depth: number, unit: Make): Unit {
  const { tokens, lines } = source;
  let at = start;
  while (
    tokens[at]?.text === "RSpec" ||
    tokens[at]?.text === "." ||
    tokens[at]?.text === "@testset"
  )
    at++;
  const first = tokens[at]?.text ?? "";
  if (/^(require|require_relative|load|import|alias|use|using)$/.test(first)) return unit("import");
  const isBlock = tokens[end - 1]?.text === "end" || tokens[end - 1]?.text === "}";
  if (testWords.test(first))
    return unit(
      "test",
      tokens[at + 1]?.kind === "string"
        ? at + 1
        : tokens[at + 2]?.kind === "string"
          ? at + 2
          : null,
    );
  const isContainer =
    suiteWords.test(first) || /^(class|module|defmodule|shared_examples|RSpec)$/.test(first);
  if (isContainer && isBlock && depth < maxDepth) {
    let body = at;
    while (body < end && lines[body] === lines[at]) body++;
    const children = readRange(source, body, end - 1, depth + 1);
    const title = at + 1 < end ? at + 1 : null;
    return testsOf(children).length > 0
      ? unit("suite", title, children)
      : unit("declaration", title);
  }
  if (first === "def")
    return unit(/^test_/.test(tokens[at + 1]?.text ?? "") ? "test" : "declaration", at + 1);
  if (/^(let|let!|subject)$/.test(first)) return unit("statement");
  return tokens[at + 1]?.text === "=" ? unit("declaration", at) : unit("statement");
}

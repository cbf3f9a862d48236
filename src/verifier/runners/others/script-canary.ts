import {
  append,
  findTestFiles,
  nameBeside,
  namesFile,
  type TestFile,
  wordOfFilter,
} from "../canary-places.ts";
import {
  type Assertions,
  failByNodeAssert,
  findFailingAssertions,
  unfold,
} from "../failing-assertions.ts";
import type { Canary, CanaryInput } from "../runner.ts";

/**
 * Places canaries among JavaScript tests, for every runner in the same way. They are appended to up
 * to three existing test files, with the assertions of these, to share their process, imports and
 * mocks. One goes into a new file next to the first.
 */
export type ScriptTests = {
  /** The program's name in commands, to see whether it runs several times. */
  program: RegExp;
  /** Whether the file holds tests of this runner. */
  holds(text: string, path: string): boolean;
  /** The format in the runner's reports: files that they list hold its tests by definition. */
  format?: string;
  /**
   * How to declare a test in this file: top-level lines that it needs, and the function. `host` is
   * the text of the file itself, or of the file next to a new one.
   */
  declare(
    file: TestFile,
    token: string,
    host: string,
  ): { imports: string[]; test: string; end?: string };
  /** Whether `expect` needs no import in this file. */
  expects(text: string): boolean;
  /** Failing statements for a file without known assertions; left out: node:assert. */
  otherwise?(file: TestFile, token: string): Assertions;
  /** Failing statements for this file, where the runner has its own assertions. */
  fail?(file: TestFile): Assertions;
  /** Whether a test in this file must be marked `only` to run. */
  only?(text: string, texts: string): boolean;
};

const maxFiles = 3;

export async function placeScriptCanary(
  input: CanaryInput,
  tests: ScriptTests,
): Promise<Canary | null> {
  const { texts } = input.about;
  const stops = await stopsAtFirst(input);
  const isOurs = tests.format !== undefined && input.tests?.format === tests.format;
  const ran = new Set(isOurs ? input.tests?.files : []);
  const holds = (text: string, path: string) => ran.has(path) || tests.holds(text, path);
  const isOneRun = !stops && (texts.match(tests.program) ?? []).length < 2;
  const files = await findTestFiles(input, holds, isOneRun ? maxFiles : 1);
  const first = files[0];
  if (first === undefined) return null;
  const canary: Canary = { files: [], names: [] };
  for (const [index, file] of files.entries()) {
    const made = makeTests(file, file.text, tests, `${input.token}${"abc"[index]}`, texts);
    canary.files.push({ path: file.path, text: addTo(file, made) });
    canary.names.push(...made.names);
  }
  if (stops) return { ...canary, names: canary.names.slice(0, 1) };
  if (!namesFile(texts, first.path)) {
    const made = makeTests(first, "", tests, `${input.token}n`, texts);
    const lines = [...made.imports, ...(made.imports.length > 0 ? [""] : []), ...made.lines, ""];
    canary.files.push({ path: nameBeside(first.path, input.token), text: lines.join("\n") });
    canary.names.push(...made.names);
  }
  return canary;
}

const settings =
  /^(?:package\.json|\.mocharc\.\w+|(?:jest|vitest|vite|ava|playwright)\.config\.\w+)$/;

/** Whether a run ends at its first failure, so that only one can be required. */
async function stopsAtFirst({ about, files, read }: CanaryInput): Promise<boolean> {
  const texts = [about.texts];
  for (const path of files) if (settings.test(path)) texts.push((await read(path)) ?? "");
  return texts.some((text) =>
    /\b(?:bail|fail-?fast|maxFailures|max-failures)\b|\bmocha\b.{0,200}\s-b\b/i.test(text),
  );
}

type Made = { imports: string[]; lines: string[]; names: string[] };

/** `text` is what the tests can use: the file's own text, or nothing for a new file. */
function makeTests(
  host: TestFile,
  text: string,
  tests: ScriptTests,
  token: string,
  texts: string,
): Made {
  const file = { ...host, text };
  const { imports, test, end } = tests.declare(file, token, host.text);
  const found =
    tests.fail?.(file) ??
    findFailingAssertions(text, { expect: text !== "" && tests.expects(host.text) });
  const failing = found ?? tests.otherwise?.(host, token) ?? failByNode(host, token);
  const only = tests.only?.(host.text, texts) ? ".only" : "";
  const names = failing.statements.map((_, index) => `${token}${index}`);
  const lines = failing.statements.flatMap((statement, index) => {
    const context = /(?<![\w$.])t\./.test(statement) ? "t" : "";
    const waits = statement.startsWith("await ") ? "async " : "";
    const title = JSON.stringify(wordOfFilter(texts) + names[index]);
    return [`${test}${only}(${title}, ${waits}(${context}) => {`, `  ${statement};`, "});"];
  });
  if (end) lines.push(end);
  const spell = spellingOf(host.text);
  return { imports: [...imports, ...failing.imports].map(spell), lines: lines.map(spell), names };
}

/** Appends the lines; imports of a module go before its first import, as linters require. */
function addTo({ style, text }: TestFile, { imports, lines }: Made): string {
  if (style === "cjs" || imports.length === 0) return append(text, [...imports, ...lines]);
  const at = /^import\b/m.exec(text)?.index ?? /^(?:#!.*\n)?/.exec(text)?.[0].length ?? 0;
  const head = `${text.slice(0, at)}${imports.join("\n")}\n`;
  return append(head + text.slice(at), lines);
}

/** Adapts a line to the file's quotes, semicolons and indentation, so that no linter complains. */
function spellingOf(text: string): (line: string) => string {
  const count = (pattern: RegExp) => (text.match(pattern) ?? []).length;
  const single = count(/'/g) > count(/"/g);
  const bare = count(/[\w)'"`\]}]\r?$/gm) > count(/;\r?$/gm) && count(/;\r?$/gm) < 2;
  const indent = /^(\t| {1,8})\S/m.exec(text)?.[1] ?? "  ";
  return (line) => {
    let made = line.replace(/^ {2}/, indent);
    if (single) made = made.replaceAll('"', "'");
    return bare ? made.replace(/;$/, "") : made;
  };
}

function failByNode({ style, text }: TestFile, token: string): Assertions {
  const name = `assert${token}`;
  return {
    imports: [importOf(style, "node:assert", { whole: name })],
    statements: failByNodeAssert(text, name),
  };
}

/**
 * The file's own name for a test of this module: the whole module, or one of these names. Null
 * where it has none at its top level.
 */
export function bindingOf(text: string, module: string, names: readonly string[]): string | null {
  const from = String.raw`from\s+["']${module}["']`;
  const loaded = String.raw`=\s*require\(\s*["']${module}["']\s*\)`;
  const lines = unfold(text);
  const lists = [
    new RegExp(String.raw`^import\s+(?:[\w$]+\s*,\s*)?\{([^{}]{0,2000})\}\s*${from}`, "gm"),
    new RegExp(String.raw`^(?:const|let|var)\s+\{([^{}]{0,2000})\}\s*${loaded}`, "gm"),
  ].flatMap((pattern) => [...lines.matchAll(pattern)].flatMap(([, list = ""]) => list.split(",")));
  const parts = lists.map((part) => part.trim().split(/\s+as\s+|\s*:\s*/));
  for (const name of names) {
    const part = parts.find(([first]) => first === name);
    if (part) return part[1] ?? name;
  }
  if (!names.includes("default")) return null;
  const whole =
    new RegExp(String.raw`^import\s+([\w$]+)\s*(?:,\s*\{[^{}]{0,2000}\}\s*)?${from}`, "m").exec(
      lines,
    ) ??
    new RegExp(
      String.raw`^(?:const|let|var)\s+([\w$]+)\s*${loaded}[ \t]{0,9};?[ \t\r]{0,9}$`,
      "m",
    ).exec(lines);
  return whole?.[1] ?? null;
}

/** Declares a test of a module as the file calls it, else by importing one name or the whole. */
export function declareFrom(
  { style, text }: TestFile,
  module: string,
  names: readonly string[],
  token: string,
): { imports: string[]; test: string } {
  const bound = bindingOf(text, module, names);
  if (bound !== null) return { imports: [], test: bound };
  const test = `test${token}`;
  const name = names.find((each) => each !== "default");
  const what = name === undefined ? { whole: test } : { name, as: test };
  return { imports: [importOf(style, module, what)], test };
}

/** An import in the file's style: of the whole (default), or of one name under another. */
export function importOf(
  style: TestFile["style"],
  module: string,
  what: { whole: string } | { name: string; as: string },
): string {
  if ("whole" in what)
    return style === "esm"
      ? `import ${what.whole} from "${module}";`
      : `const ${what.whole} = require("${module}");`;
  return style === "esm"
    ? `import { ${what.name} as ${what.as} } from "${module}";`
    : `const { ${what.name}: ${what.as} } = require("${module}");`;
}

/** Whether the text loads one of the modules, by import or require. */
export function loadsModule(text: string, ...modules: string[]): boolean {
  return modules.some((name) =>
    new RegExp(String.raw`(?:from|import|require\()\s*["']${name}["']`).test(text),
  );
}

/** Whether a command runs a file directly, which may use any library. */
export function runsFile(texts: string): boolean {
  return /\b(?:node|nodejs|tsx|ts-node)\s+(?:-\S+\s+){0,20}[^\s-][^\s;&|]*\.[cm]?[jt]s\b/.test(
    texts,
  );
}

/** The name that the file calls most, so that a replaced function is used as the file uses it. */
export function calledOf(text: string, names: readonly string[]): string {
  const calls = (name: string) =>
    text.split(new RegExp(String.raw`(?<![\w$.])${name}(?:\.\w+)?\s*\(`)).length;
  return [...names].sort((a, b) => calls(b) - calls(a))[0] ?? "test";
}

/** Marks that keep all other tests from running. */
export function hasOnly(text: string): boolean {
  return /\b(?:test|it|describe|suite|context|specify)\.only\b|\bf(?:it|describe)\s*\(/.test(text);
}

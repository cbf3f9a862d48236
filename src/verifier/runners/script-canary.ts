import {
  append,
  findTestFiles,
  nameBeside,
  namesFile,
  type TestFile,
  wordOfFilter,
} from "./canary-places.ts";
import { type Assertions, findFailingAssertions } from "./failing-assertions.ts";
import type { Canary, CanaryInput } from "./runner.ts";

/**
 * Tests that must fail among JavaScript tests, for every runner in the same way: appended to at
 * most three existing test files, by the assertions that these use, so that they share process,
 * imports and mocks with them; and in a new file beside the first.
 */
export type ScriptTests = {
  /** The program as commands call it, to see whether it runs several times. */
  program: RegExp;
  /** Whether the file holds tests of this runner. */
  holds(text: string, path: string): boolean;
  /** How a test is declared in this file: lines it needs at the top level, and the function. */
  declare(file: TestFile, token: string): { imports: string[]; test: string; end?: string };
  /** Whether `expect` needs no import. */
  expects: boolean;
  /** What fails in a file that uses no assertion known to us; left out: node:assert. */
  otherwise?(file: TestFile, token: string): Assertions;
  /** What fails in a test of this file, where the runner has assertions of its own. */
  fail?(file: TestFile): Assertions;
  /** Whether a name in this file must be marked `only` to run. */
  only?(text: string, texts: string): boolean;
};

const maxFiles = 3;

export async function placeScriptCanary(
  input: CanaryInput,
  tests: ScriptTests,
): Promise<Canary | null> {
  const { texts } = input.about;
  const stops = await stopsAtFirst(input);
  const isOneRun = !stops && (texts.match(tests.program) ?? []).length < 2;
  const files = await findTestFiles(input, tests.holds, isOneRun ? maxFiles : 1);
  const first = files[0];
  if (first === undefined) return null;
  const canary: Canary = { files: [], names: [] };
  for (const [index, file] of files.entries()) {
    const made = makeTests(
      file,
      file.text,
      tests,
      `${input.token}${"abc"[index]}`,
      input.about.texts,
    );
    canary.files.push({ path: file.path, text: append(file.text, made.text) });
    canary.names.push(...made.names);
  }
  if (stops) return { ...canary, names: canary.names.slice(0, 1) };
  if (!namesFile(texts, first.path)) {
    const made = makeTests(first, "", tests, `${input.token}n`, input.about.texts);
    canary.files.push({ path: nameBeside(first.path, input.token), text: made.text });
    canary.names.push(...made.names);
  }
  return canary;
}

const settings =
  /^(?:package\.json|\.mocharc\.\w+|(?:jest|vitest|vite|ava|playwright)\.config\.\w+)$/;

/** Whether a run ends at its first failure, so that only one can be asked for. */
async function stopsAtFirst({ about, files, read }: CanaryInput): Promise<boolean> {
  const texts = [about.texts];
  for (const path of files) if (settings.test(path)) texts.push((await read(path)) ?? "");
  return texts.some((text) =>
    /\b(?:bail|fail-?fast|maxFailures|max-failures)\b|\bmocha\b.{0,200}\s-b\b/i.test(text),
  );
}

/** `text` is what the assertions may use: the file's own, or nothing for a new file. */
function makeTests(file: TestFile, text: string, tests: ScriptTests, token: string, texts: string) {
  const { imports, test, end } = tests.declare(file, token);
  const found =
    tests.fail?.({ ...file, text }) ?? findFailingAssertions(text, { expect: tests.expects });
  const failing = found ?? tests.otherwise?.(file, token) ?? failByNode(file, token);
  const only = tests.only?.(file.text, texts) ? ".only" : "";
  const names = failing.statements.map((_, index) => `${token}${index}`);
  const lines = [...imports, ...failing.imports];
  for (const [index, statement] of failing.statements.entries()) {
    const title = JSON.stringify(wordOfFilter(texts) + names[index]);
    const takesContext = /(?<![\w$.])t\./.test(statement);
    lines.push(
      `${test}${only}(${title}, async (${takesContext ? "t" : ""}) => {`,
      `  ${statement};`,
      "});",
    );
  }
  if (end) lines.push(end);
  return { text: `${lines.join("\n")}\n`, names };
}

function failByNode({ style }: TestFile, token: string): Assertions {
  const name = `assert_${token}`;
  return {
    imports: [importOf(style, "node:assert", { whole: name })],
    statements: [`${name}.strictEqual(1, 2)`],
  };
}

/** An import in the style of the file: of the whole (default), or of one name under another. */
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

/** Whether the text loads a module, by import or require. */
export function loadsModule(text: string, ...modules: string[]): boolean {
  return modules.some((name) =>
    new RegExp(String.raw`(?:from|import|require\()\s*["']${name}["']`).test(text),
  );
}

/** Whether a command runs a file as it is, which may use any library. */
export function runsFile(texts: string): boolean {
  return /\b(?:node|nodejs|tsx|ts-node)\s+(?:-\S+\s+){0,20}[^\s-][^\s;&|]*\.[cm]?[jt]s\b/.test(
    texts,
  );
}

/** Which of these names the file calls most, so that a replaced one is used as the file uses it. */
export function calledOf(text: string, names: readonly string[]): string {
  const calls = (name: string) =>
    text.split(new RegExp(String.raw`(?<![\w$.])${name}(?:\.\w+)?\s*\(`)).length;
  return [...names].sort((a, b) => calls(b) - calls(a))[0] ?? "test";
}

/** Marks that keep all other tests from running. */
export function hasOnly(text: string): boolean {
  return /\b(?:test|it|describe|suite|context|specify)\.only\b|\bf(?:it|describe)\s*\(/.test(text);
}

import { posix } from "node:path";
import { parseCtest } from "../parsers/ctest.ts";
import type { Canary, CanaryInput, Runner } from "./runner.ts";

/**
 * ctest prints a line for each test. A test is a program that CMake was told of: one more that
 * fails is added after them, and one of theirs is made to fail where it begins.
 */
export const ctest: Runner = {
  name: "ctest",
  isUsed: ({ texts }) =>
    /\bctest\b/.test(texts) ||
    (/\bcmake\b/.test(texts) &&
      /\b(?:make|ninja)\b[^\n;&|]{0,200}\btest\b|--target\s+test\b/.test(texts)),
  nameTests: ({ command }) => ({
    command,
    env: { CTEST_OUTPUT_ON_FAILURE: "1" },
    files: [],
    reports: [],
  }),
  readOutput: parseCtest,
  placeCanary,
};

const maxRead = 50;
const maxLength = 1024 * 1024;
type Found = { path: string; text: string };

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const lists = await readLists(input);
  const ran = new Set(Object.keys(input.tests?.tests ?? {}));
  const host = lists.find(({ text }) => /\badd_test\s*\(|\b\w+_discover_tests\s*\(/i.test(text));
  if (!host) return null;
  const name = readFilter(input.about.texts) + input.token;
  const added = `add_test(NAME ${name} COMMAND \${CMAKE_COMMAND} -E compare_files \${CMAKE_CURRENT_LIST_FILE} \${CMAKE_COMMAND})`;
  const files = [{ path: host.path, text: `${host.text.trimEnd()}\n\n${added}\n` }];
  const names = [name];
  const program = await findProgram(input, lists, ran);
  if (program) {
    files.push({ path: program.path, text: program.text });
    names.push(program.test);
  }
  return { files, names };
}

async function readLists({ files, read }: CanaryInput): Promise<Found[]> {
  const paths = files
    .filter((path) => posix.basename(path) === "CMakeLists.txt")
    .sort((a, b) => a.length - b.length);
  const found: Found[] = [];
  for (const path of paths.slice(0, maxRead)) {
    const text = await read(path);
    if (text !== null && text.length <= maxLength) found.push({ path, text });
  }
  return found;
}

/** `-R total` runs tests with that in their name. */
function readFilter(texts: string): string {
  const found = /\bctest\b[^\n;&|]{0,300}?\s(?:-R|--tests-regex)[ =]+["']?\^?(\w+)/.exec(
    texts,
  )?.[1];
  return found === undefined ? "t" : `${found}_`;
}

/** A test that is a program of one source file, and that file with a failure where `main` begins. */
async function findProgram(
  input: CanaryInput,
  lists: readonly Found[],
  ran: ReadonlySet<string>,
): Promise<(Found & { test: string }) | null> {
  for (const list of lists) {
    const tests = [
      ...list.text.matchAll(/\badd_test\s*\(\s*(?:NAME\s+)?([\w.-]+)\s+(?:COMMAND\s+)?([\w.-]+)/gi),
    ];
    for (const [, test = "", target = ""] of tests.slice(0, maxRead)) {
      if (ran.size > 0 && !ran.has(test)) continue;
      const program = await readProgram(input, list, target);
      if (program) return { ...program, test };
    }
  }
  return null;
}

async function readProgram(input: CanaryInput, list: Found, target: string): Promise<Found | null> {
  const pattern = new RegExp(
    `\\badd_executable\\s*\\(\\s*${target.replaceAll(".", "\\.")}\\s+([^)]{1,2000})\\)`,
    "i",
  );
  const sources = pattern.exec(list.text)?.[1]?.split(/\s+/) ?? [];
  for (const source of sources) {
    if (!/\.(?:c|cc|cpp|cxx)$/.test(source)) continue;
    const path = posix.join(
      posix.dirname(list.path),
      source.replace(/^\$\{CMAKE_CURRENT_SOURCE_DIR\}\//, ""),
    );
    const text = input.files.includes(path) ? await input.read(path) : null;
    if (text === null || text.length > maxLength) continue;
    const main = /\bint\s+main\s*\([^)]{0,200}\)\s*\{/.exec(text);
    if (!main) continue;
    const at = main.index + main[0].length;
    return { path, text: text.slice(0, at) + failure(text, input.token) + text.slice(at) };
  }
  return null;
}

/** By `assert` where the program uses it, and else by its exit code. */
function failure(text: string, token: string): string {
  const isAsserting = /#\s*include\s*<(?:assert\.h|cassert)>/.test(text);
  return isAsserting
    ? `\n  assert(sizeof("${token}") == 1);\n`
    : `\n  if (sizeof("${token}") != 1) return 1;\n`;
}

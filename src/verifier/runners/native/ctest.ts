import { posix } from "node:path";
import { parseCtest } from "../../parsers/ctest.ts";
import { failMain } from "../python/fail-main.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";

/**
 * ctest prints a line for each test. Its tests are programs registered with CMake: a failing one is
 * added after them, and an existing one is made to fail at its start.
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

/** `-R total` runs only tests with that in their name. */
function readFilter(texts: string): string {
  const found = /\bctest\b[^\n;&|]{0,300}?\s(?:-R|--tests-regex)[ =]+["']?\^?(\w+)/.exec(
    texts,
  )?.[1];
  return found === undefined ? "t" : `${found}_`;
}

/** Finds a test that is a program, with a source file changed to fail where it starts. */
async function findProgram(
  input: CanaryInput,
  lists: readonly Found[],
  ran: ReadonlySet<string>,
): Promise<(Found & { test: string }) | null> {
  const added =
    /\badd_test\s*\(\s*(?:NAME\s+)?([\w.-]+)\s+(?:COMMAND\s+)?(?:\$<TARGET_FILE:)?([\w.-]+)/gi;
  for (const list of lists) {
    for (const [, test = "", target = ""] of [...list.text.matchAll(added)].slice(0, maxRead)) {
      if (ran.size > 0 && !ran.has(test)) continue;
      const program = await failFirst(input, sourcesOf(list, target));
      if (program) return { ...program, test };
    }
  }
  // For tests added in a loop: a test is mostly named like its file.
  for (const test of [...ran].slice(0, maxRead)) {
    const isOf = (path: string) => isSource(path) && posix.parse(path).name === test;
    const program = await failFirst(input, input.files.filter(isOf));
    if (program) return { ...program, test };
  }
  return null;
}

function sourcesOf(list: Found, target: string): string[] {
  const name = target.replaceAll(".", "\\.");
  const pattern = new RegExp(`\\badd_executable\\s*\\(\\s*${name}\\s+([^)]{1,2000})\\)`, "i");
  const sources = pattern.exec(list.text)?.[1]?.split(/\s+/) ?? [];
  const folder = posix.dirname(list.path);
  return sources
    .map((source) =>
      source.replace(/^"|"$/g, "").replace(/^\$\{CMAKE_CURRENT_(?:SOURCE|LIST)_DIR\}\//, ""),
    )
    .filter(isSource)
    .map((source) => posix.join(folder, source));
}

function isSource(path: string): boolean {
  return /\.(?:c|cc|cpp|cxx)$/.test(path);
}

async function failFirst(
  { files, read, token }: CanaryInput,
  paths: readonly string[],
): Promise<Found | null> {
  for (const path of paths.slice(0, 10)) {
    const text = files.includes(path) ? await read(path) : null;
    const failing = text === null || text.length > maxLength ? null : failMain(text, token);
    if (failing !== null) return { path, text: failing };
  }
  return null;
}

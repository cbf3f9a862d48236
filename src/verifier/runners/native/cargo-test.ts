import { parseCargo } from "../../parsers/cargo.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";

/**
 * `cargo test` prints a line for each test. Where the command itself starts cargo, `--no-fail-fast`
 * is added: otherwise one test that is red on the base would hide all binaries after it.
 */
export const cargoTest: Runner = {
  name: "cargo test",
  isUsed: ({ texts }) => cargo.test(texts),
  nameTests: ({ command }) => ({
    command: /--no-fail-fast|--fail-fast/.test(command)
      ? command
      : command.replace(cargo, (start) => `${start} --no-fail-fast`),
    env: {},
    files: [],
    reports: [],
  }),
  readOutput: parseCargo,
  placeCanary,
};

const cargo = /\bcargo(?:[ \t]+\+\S+)?[ \t]+(?:test|t|nextest[ \t]+run)(?=$|[\s;&|)"'])/m;
const maxRead = 200;
const maxLength = 1024 * 1024;
const testAttribute = /^[ \t]*#\[(?:\w+::)*test\b/m;
const testModule =
  /^#\[cfg\((?:all\()?test\b[^\n]*\n(?:#\[[^\n]*\n){0,5}(?:pub(?:\([^)\n]*\))? )?mod \w+ \{[ \t]*$/m;

/** Places one among the tests inside the source, one among those in tests/, and a new file. */
async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const select = readSelection(input.about.texts);
  const files: Canary["files"] = [];
  const names: string[] = [];
  const name = (part: string) => {
    const made = `${select.word}${select.word === "" ? "t" : "_"}${input.token}${part}`;
    names.push(made);
    return made;
  };
  const { inside, beside } = await findHosts(input, select);
  if (inside) {
    const { path, text } = inside;
    files.push({
      path,
      text: insertInside(
        text,
        failingTests(text, () => name(`a${names.length}`)),
        input.token,
      ),
    });
  }
  if (beside) {
    const { path, text } = beside;
    files.push({
      path,
      text: `${text.trimEnd()}\n\n${failingTests(text, () => name(`b${names.length}`))}`,
    });
  }
  const root = /^(|.*?\/)(?:src|tests)\//.exec((inside ?? beside)?.path ?? "")?.[1];
  const manifest = root === undefined ? null : await input.read(`${root}Cargo.toml`);
  const mayAdd = manifest !== null && !/^\s*autotests\s*=\s*false/m.test(manifest);
  const path = `${root}tests/t${input.token}.rs`;
  if (mayAdd && !select.isNarrow && !input.files.includes(path)) {
    files.push({ path, text: failingTests("", () => name("c")) });
  }
  return names.length === 0 ? null : { files, names };
}

type Selection = {
  /** `--lib`, `--test it`, `--doc`: a new file would not run. */
  isNarrow: boolean;
  lib: boolean;
  /** File names below tests/; null: all. */
  targets: string[] | null;
  /** A word that a test's name must hold. */
  word: string;
};

const withValue = new Set(["-p", "--package", "--bin", "--example", "--bench", "--features", "-F"]);
for (const option of ["--target", "--manifest-path", "-j", "--jobs", "--profile", "--color"])
  withValue.add(option);
for (const option of ["--message-format", "--target-dir", "--exclude", "-Z", "--config", "-E"])
  withValue.add(option);

function readSelection(texts: string): Selection {
  const line = new RegExp(`${cargo.source}([^\\n;&|)]*)`, "m").exec(texts)?.[1] ?? "";
  const words = line.split(/[\s"']+/).filter((word) => word !== "");
  const select: Selection = { isNarrow: false, lib: true, targets: null, word: "" };
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    if (word === "--") break;
    const [option = "", value] = word.split("=", 2);
    if (option === "--test") {
      select.isNarrow = true;
      select.targets = [...(select.targets ?? []), value ?? words[++index] ?? ""];
    } else if (/^--(?:lib|bins?|doc|tests|examples?)$/.test(option)) {
      select.isNarrow ||= option !== "--tests";
    } else if (withValue.has(option)) {
      if (value === undefined) index++;
    } else if (!word.startsWith("-") && select.word === "") {
      select.word = /(\w+)$/.exec(word)?.[1] ?? "";
    }
  }
  if (select.targets !== null) select.lib = /--(?:lib|bins?)\b/.test(line);
  else if (/--(?:lib|bins?|doc)\b/.test(line)) select.targets = [];
  return select;
}

type Found = { path: string; text: string };

/** Finds the best file of both kinds: a preferred one, else one whose tests ran. */
async function findHosts(
  input: CanaryInput,
  select: Selection,
): Promise<{ inside: Found | null; beside: Found | null }> {
  const ran = Object.keys(input.tests?.tests ?? {}).map((name) => name.split("::").at(-1) ?? "");
  const paths = input.files.filter(
    (path) => path.endsWith(".rs") && !/(?:^|\/)target\//.test(path),
  );
  const prefer = input.prefer.filter((path) => paths.includes(path));
  const best: Record<"inside" | "beside", { found: Found; score: number } | null> = {
    inside: null,
    beside: null,
  };
  for (const path of [...new Set([...prefer, ...paths])].slice(0, maxRead)) {
    const file = /(?:^|\/)tests\/([^/]+)\.rs$/.exec(path)?.[1];
    const isBelowTests = /(?:^|\/)tests\//.test(path);
    const side = isBelowTests ? "beside" : "inside";
    if (isBelowTests && (file === undefined || (select.targets && !select.targets.includes(file))))
      continue;
    if (!isBelowTests && !select.lib) continue;
    const text = await input.read(path);
    if (text === null || text.length > maxLength || !testAttribute.test(text)) continue;
    const isRun = ran.some((name) => /^\w+$/.test(name) && text.includes(`fn ${name}`));
    const score = (prefer.includes(path) ? 2 : 0) + (isRun ? 1 : 0);
    if (score > (best[side]?.score ?? -1)) best[side] = { found: { path, text }, score };
  }
  return { inside: best.inside?.found ?? null, beside: best.beside?.found ?? null };
}

const macros: Readonly<Record<string, string>> = {
  assert_eq: 'assert_eq!("x", "y");',
  assert_ne: 'assert_ne!("x", "x");',
  assert: 'assert!("x".is_empty());',
};

/** Fails by each macro that the file uses, because any of them may be redefined. */
function failingTests(text: string, name: () => string): string {
  const used = Object.keys(macros).filter((macro) => text.includes(`${macro}!(`));
  const tests = (used.length > 0 ? used : ["assert_eq"]).map((macro) => {
    return `#[test]\nfn ${name()}() {\n    ${macros[macro]}\n}\n`;
  });
  return tests.join("\n");
}

/** At the end of the test module, which shares its scope; else in a module of its own. */
function insertInside(text: string, tests: string, token: string): string {
  const module = testModule.exec(text);
  const end = module ? text.indexOf("\n}", module.index + module[0].length) : -1;
  const indented = tests.replace(/^(?=.)/gm, "    ");
  if (end >= 0) return `${text.slice(0, end)}\n\n${indented.trimEnd()}${text.slice(end)}`;
  return `${text.trimEnd()}\n\n#[cfg(test)]\nmod t${token} {\n${indented.trimEnd()}\n}\n`;
}

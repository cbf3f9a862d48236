import { posix } from "node:path";
import type { Deciding } from "./deciding-files.ts";

/**
 * Which files judge the work, known by their names: tests, what tests read, and the files that
 * decide how tests run. Pure. Tables, so that a reader sees at once what is and is not covered.
 */
const testFolders = /(^|\/)(tests?|__tests__|specs?|e2e|testdata|__mocks__|__snapshots__)\//;
const testNames: readonly RegExp[] = [
  /(\.|-|_|^)(test|spec|cy|e2e)\.[cm]?[jt]sx?$/, // a.test.ts, a-spec.js, test.mjs
  /^(test_.*|.*_test|tests?)\.py$/,
  /_test\.(go|dart|exs|rb|cc|cpp|c)$/,
  /_spec\.rb$/,
  /^(.*_test|.*_tests|tests?)\.rs$/,
  /(Test|Tests|IT|Spec)\.(java|kt|kts|scala|groovy|cs|php|swift)$/,
  /\.(bats|snap|feature)$/,
];
const codeExtension =
  /\.([cm]?[jt]sx?|py|go|rb|rs|java|kts?|scala|groovy|cs|php|swift|exs|dart|cc?|cpp|bats|feature|sh)$/;
const material =
  /(^|\/)(testdata|fixtures?|__fixtures__|__mocks__|__snapshots__|support|helpers?|mocks?)\/|(^|\/)(helpers?|utils?|setup|common|support|conftest|__init__|index|mocks?|fixtures?)\.\w+$|\.snap$/;

/** A test, or a file that tests read. */
export function isTestFile(path: string): boolean {
  return testFolders.test(path) || testNames.some((name) => name.test(posix.basename(path)));
}

/** A file that holds tests itself, so that deleting it removes tests. */
export function holdsTests(path: string): boolean {
  return isTestFile(path) && codeExtension.test(path) && !material.test(path);
}

/** Dependencies that were put into the tree: they are installed by setup, not taken from a change. */
export function isInstalled(path: string): boolean {
  return /(^|\/)(node_modules|\.venv|venv|\.tox|\.nox)\//.test(path);
}

type Rule = {
  /** Against the base name. */
  name: RegExp;
  /** The file counts only when the commands mention this tool. Null: it always counts. */
  tool: RegExp | null;
};

const code = "[cm]?[jt]s(on)?";
const rules: readonly Rule[] = [
  { name: /^(\.npmrc|\.yarnrc(\.yml)?|\.pnpmfile\.c?js|bunfig\.toml)$/, tool: null },
  {
    name: new RegExp(
      `^(vitest|jest|ava|playwright|cypress|jasmine)[\\w.-]*\\.(config|workspace|setup|projects)\\.${code}$`,
    ),
    tool: null,
  },
  { name: /^(karma|wdio)\.conf\.[cm]?[jt]s$|^jasmine\.json$/, tool: null },
  { name: /^\.(mocharc|taprc|c8rc|nycrc)(\.\w+)?$|^(mocha|nyc)\.(opts|config\.\w+)$/, tool: null },
  { name: new RegExp(`^vite\\.config\\.${code}$`), tool: /\bvitest\b/ },
  {
    name: /^(babel\.config\.\w+|\.babelrc(\.\w+)?|\.swcrc)$/,
    tool: /\b(jest|mocha|ava|babel|swc)\b/,
  },
  { name: /^[tj]sconfig[\w.-]*\.json$/, tool: /\b(tsc|vue-tsc|tsx|ts-node|typecheck)\b/ },
  { name: /^(eslint\.config\.\w+|\.eslintrc(\.\w+)?|\.eslintignore)$/, tool: /\beslint\b/ },
  { name: /^biome\.jsonc?$/, tool: /\bbiome\b/ },
  { name: /^(\.prettierrc(\.\w+)?|prettier\.config\.\w+|\.prettierignore)$/, tool: /\bprettier\b/ },
  { name: /^(turbo|nx|lerna)\.json$/, tool: /\b(turbo|nx|lerna)\b/ },
  { name: /^deno\.jsonc?$/, tool: /\bdeno\b/ },
  { name: /^(\.?pytest\.(ini|toml)|tox\.ini|conftest\.py|\.coveragerc)$/, tool: null },
  // Python finds these before the real ones.
  { name: /^(pytest|_pytest|unittest|sitecustomize|usercustomize)\.py$/, tool: null },
  { name: /^noxfile\.py$/, tool: /\bnox\b/ },
  { name: /^\.?mypy\.ini$/, tool: /\bmypy\b/ },
  { name: /^\.?ruff\.toml$|^\.flake8$|^\.?pylintrc$/, tool: /\b(ruff|flake8|pylint)\b/ },
  { name: /^(GNUm|[Mm])akefile$|\.mk$/, tool: /\bg?make\b/ },
  { name: /^\.?[Jj]ustfile$/, tool: /\bjust\b/ },
  { name: /^[Tt]askfile\.ya?ml$/, tool: /\btask\b/ },
  { name: /^Rakefile$|\.rake$/, tool: /\brake\b/ },
  {
    name: /^\.rspec$|^phpunit\.xml(\.dist)?$|^nextest\.toml$|^rust-toolchain(\.toml)?$/,
    tool: null,
  },
  { name: /^go\.work$/, tool: /\bgo\b/ },
  { name: /^(docker-)?compose[\w.-]*\.ya?ml$/, tool: /\bdocker\b/ },
];
const decidingPaths = /^\.deputy\/|(^|\/)\.cargo\/config(\.toml)?$|(^|\/)_?pytest\/__init__\.py$/;

/** Whether this file decides how the checks run, as a whole. */
export function decidesChecks(path: string, deciding: Deciding): boolean {
  if (deciding.files.has(path) || decidingPaths.test(path)) return true;
  const base = posix.basename(path);
  return rules.some(
    ({ name, tool }) => name.test(base) && (tool === null || tool.test(deciding.texts)),
  );
}

/** Files of which only a part decides, and which change for honest reasons all the time. */
export function decidesInPart(path: string): "package.json" | "sections" | "cargo" | null {
  const base = posix.basename(path);
  if (base === "package.json") return "package.json";
  if (base === "pyproject.toml" || base === "setup.cfg") return "sections";
  return base === "Cargo.toml" ? "cargo" : null;
}

import { posix } from "node:path";
import type { JudgeChange } from "../../core/proof/verdict.ts";
import { isDocumentation, languageOf } from "./languages.ts";

/**
 * Classifies files by name: tests, data of tests, and what decides how they run. Pure. Tables show
 * at a glance what is covered. Names are a hint where to look: the other files of this folder find
 * what a name hides, and experiments find what all of them miss.
 */
/** The kinds that a name can show. Only an experiment shows whether data or source judges. */
export type Kind = Exclude<JudgeChange["kind"], "data" | "source">;
export type Named = { kind: Kind; why: string };

const testFolder =
  /^(_?tests?_?|__tests?__|testing|testsuites?|unit-?tests?|specs?|__specs?__|e2e|t|xt|checks?|qa|acceptance|integration|functional|features|cases?|(test|spec|unit|integration|functional|acceptance|e2e|system|smoke|regression|qa|check|ui|api|it)[-_.]?(tests?|specs?|cases?|suites?|checks?|scenarios?)|[\w-]+[-_.](tests?|specs?|e2e)|(androidT|jvmT|iosT|commonT|t)est\w*|cypress|cy|bdd|scenarios?|smoke|verification|conformance|support|test[-_]?support)$/i;
/** Folders of data that tests read. */
const fixtureFolder =
  /^(_?(test|spec)[-_]?(data|files?|fixtures?|resources?|support|helpers?|utils?|assets|inputs?|outputs?)|_{0,2}(fixtures?|mocks?|snapshots?|image_snapshots|stubs?|goldens?|golden[-_]?files?|baselines?|approvals?|approved|cassettes?|recordings?)_{0,2}|expected|expectations?|expects|testdata|samples?|[\w-]+[-_.]snapshots?|snaps|refs?|references?|oracles?)$/i;
const fixtureName =
  /\.(approved|golden|gold|expected|expect|snap|snapshot|ambr|received|baseline|fixture|mock|stub|cassette|shot|want|wanted|oracle)(\.[\w-]+)*$|(^|[._-])(expected|golden|snapshot|baseline|approved|fixtures?)([._-][\w.-]*)?\.(json|ya?ml|toml|txt|csv|tsv|xml|html?|out|err|log|png|svg|bin|dat|sql|ndjson|jsonl)$|\.(stdout|stderr|exp|ref)$/i;
const besideInput = /\.(out|ans|result|output)$/i;
const testNames: readonly RegExp[] = [
  /(^|[._-])(tests?|specs?|checks?|cy|e2e|it|unit|integration|bench|stories)\.[cm]?[jt]sx?$/i,
  /^(test_.*|.*_tests?|tests?|conftest)\.pyi?$/,
  /(^|_)(tests?|specs?)\.(go|dart|exs|rb|cc?|cpp|cxx|m|mm|rs|erl|ml|hs|lua|jl|php|sh|bash|pl|clj[cs]?|R|nim|cr)$/i,
  /^tests?[_-].*\.(cc?|cpp|cxx|sh|bash|rb|lua|jl|pl|R|php|nim|js|mjs|cjs|ts|go|rs)$/i,
  /_spec\.\w+$/,
  /(Test|Tests|TestCase|IT|Spec|Specs|Should|Steps)\.(java|kts?|scala|groovy|cs|fs|php|swift|hs|m|mm)$/,
  /^Test[A-Z]\w*\.(java|kts?|scala|groovy|cs|php)$/,
  /\.(bats|feature|phpt|t|robot|spec|hurl|venom\.ya?ml|test\.ya?ml|tst|exp)$/,
  /^(test|spec)[-_]?helpers?\.\w+$|^(rails|spec)_helper\.rb$/i,
];
const goodCode = /^(src|lib|app|pkg|internal|cmd|crates?|packages?|modules?|source|sources)$/;

/** Classifies a test, or a file that tests read; null when the name shows neither. */
export function namedTest(path: string): Named | null {
  const base = posix.basename(path);
  const folders = posix.dirname(path).split("/");
  // Below "src" or "lib" these names are often the product's own, so they count only outside.
  const inProduct = folders.findIndex((name) => goodCode.test(name));
  const isTestFolder = (name: string, at: number) =>
    testFolder.test(name) && (inProduct < 0 || at < inProduct || certainTestFolder.test(name));
  const folder = folders.find(isTestFolder);
  if (testNames.some((name) => name.test(base)) && (languageOf(path) ?? folder) !== undefined) {
    return { kind: "test", why: "by its name it holds tests" };
  }
  if (fixtureName.test(base)) return { kind: "fixture", why: "by its name tests compare with it" };
  const data = folders.find(
    (name, at) =>
      fixtureFolder.test(name) &&
      (inProduct < 0 || at < inProduct || /^_|fixture|snap|golden|mock|testdata|test/i.test(name)),
  );
  if (folder !== undefined || data !== undefined) {
    const isData = data !== undefined || languageOf(path) === null;
    const kind = isData ? "fixture" : "test";
    return {
      kind,
      why: `it is in \`${folder ?? data}/\`, ${isData ? "where tests read" : "with the tests"}`,
    };
  }
  return null;
}

const certainTestFolder =
  /^(_?tests?_?|__tests?__|specs?|__specs?__|e2e|unit-?tests?|testsuites?|integration[-_]?tests?|functional[-_]?tests?|acceptance[-_]?tests?|(androidT|jvmT|commonT)est|[\w-]+[-_.](tests?|specs?|e2e)|cypress)$/i;

/** Whether an output file has a matching input next to it. */
export function isOutputOfInput(path: string, files: ReadonlySet<string>): boolean {
  if (!besideInput.test(path)) return false;
  const stem = path.replace(besideInput, "");
  return [".in", ".input", ".txt", ".cmd", ".args", ".sh", ".test"].some((ending) =>
    files.has(stem + ending),
  );
}

/** Installed dependencies in the tree. */
export function isInstalled(path: string): boolean {
  return /(^|\/)(node_modules|\.venv|venv|\.tox|\.nox|site-packages|bower_components|\.yarn\/(cache|releases|plugins|unplugged)|\.pnp\.[cm]?js)(\/|$)/.test(
    path,
  );
}

type Rule = {
  /** Matches the base name. */
  name: RegExp;
  /** The file counts only when the commands mention this tool. Null: it always counts. */
  tool: RegExp | null;
  kind: Kind;
};

const code = "([cm]?[jt]sx?|json5?|jsonc|ya?ml|toml)";
const rules: readonly Rule[] = [
  {
    name: /^(\.npmrc|\.yarnrc(\.yml)?|\.pnpmfile\.c?js|bunfig\.toml|pnpm-workspace\.yaml|\.pypirc|pip\.conf|\.gemrc|\.condarc|uv\.toml|\.bazelrc|\.bundle)$/,
    tool: null,
    kind: "environment",
  },
  {
    name: /^(\.nvmrc|\.node-version|\.tool-versions|\.python-version|\.ruby-version|\.java-version|\.go-version|\.sdkmanrc|\.perl-version|\.?mise(\.[\w-]+)*\.toml|rust-toolchain(\.toml)?|\.bun-version|\.dvmrc|runtime\.txt|global\.json)$/,
    tool: null,
    kind: "environment",
  },
  {
    name: /^(\.env(\.(?!example$|sample$|template$|dist$)[\w.-]+)?|\.envrc|\.flaskenv|[\w.-]+\.env)$/,
    tool: null,
    kind: "environment",
  },
  {
    name: /^((docker-)?compose[\w.-]*\.ya?ml|(Docker|Container)file[\w.-]*|\.dockerignore|devcontainer\.json|Vagrantfile|Procfile(\.\w+)?)$/,
    tool: /\b(docker|podman|compose|vagrant|foreman|devcontainer)\b/,
    kind: "environment",
  },
  {
    name: /^(flake\.(nix|lock)|shell\.nix|default\.nix|devenv\.\w+|devbox\.json)$/,
    tool: /\b(nix|devenv|devbox)\b/,
    kind: "environment",
  },
  {
    name: new RegExp(
      `^\\.?(vitest|jest|ava|playwright|cypress|jasmine|karma|wdio|mocha|tape?|nightwatch|testcafe|cucumber|qunit|web-test-runner|stryker|uvu|japa|lab|poku|c8|nyc)[\\w.-]*\\.${code}$`,
    ),
    tool: null,
    kind: "configuration",
  },
  {
    name: /^(karma|wdio|protractor|nightwatch)\.conf\.[cm]?[jt]s$|^jasmine\.json$/,
    tool: null,
    kind: "configuration",
  },
  {
    name: /^\.(mocharc|taprc|c8rc|nycrc|jestrc|avarc|istanbul|lintstagedrc)(\.\w+)?$|^(mocha|nyc)\.(opts|config\.\w+)$/,
    tool: null,
    kind: "configuration",
  },
  {
    name: new RegExp(
      `^(vite|rollup|webpack|esbuild|tsup|rspack|rsbuild|craco|angular|project)[\\w.-]*\\.config\\.${code}$|^(angular|project|workspace)\\.json$`,
    ),
    tool: /\b(vitest|jest|mocha|vite|webpack|rollup|craco|ng|nx)\b/,
    kind: "configuration",
  },
  {
    name: /^(babel\.config\.\w+|\.babelrc(\.\w+)?|\.swcrc)$/,
    tool: /\b(jest|mocha|ava|babel|swc|react-scripts)\b/,
    kind: "configuration",
  },
  {
    name: /^[tj]sconfig[\w.-]*\.json$/,
    tool: /\b(tsc|vue-tsc|tsx|ts-node|typecheck|ts-jest|vitest|tsconfig|jest|swc|esbuild|ts-mocha|bun|mocha)\b/,
    kind: "configuration",
  },
  {
    name: /^(eslint\.config\.\w+|\.eslintrc(\.\w+)?|\.eslintignore)$/,
    tool: /\b(eslint|lint)\b/,
    kind: "configuration",
  },
  { name: /^\.?biome\.jsonc?$/, tool: /\bbiome\b/, kind: "configuration" },
  {
    name: /^(\.prettierrc(\.\w+)?|prettier\.config\.\w+|\.prettierignore)$/,
    tool: /\bprettier\b/,
    kind: "configuration",
  },
  {
    name: /^\.?(oxlintrc|stylelintrc|xo-config|dprint|cspell)(\.\w+)*$|^\.editorconfig$/,
    tool: /\b(oxlint|stylelint|xo|dprint|cspell|editorconfig|shfmt)\b/,
    kind: "configuration",
  },
  {
    name: /^(turbo|nx|lerna|rush|wireit)\.json$/,
    tool: /\b(turbo|nx|lerna|rush|wireit)\b/,
    kind: "runner",
  },
  {
    name: /^(deno|import_?map|deps)\.(jsonc?|lock)$|^importmap\.\w+$/i,
    tool: /\bdeno\b|import-?map/i,
    kind: "configuration",
  },
  {
    name: /^(\.?pytest\.(ini|toml)|tox\.(ini|toml)|conftest\.py|\.coveragerc|\.?nose2?\.cfg|unittest\.cfg|pytest\.cfg|behave\.ini|\.behaverc)$/,
    tool: null,
    kind: "configuration",
  },
  { name: /^(sitecustomize|usercustomize)\.py$|\.(pth|egg-link)$/, tool: null, kind: "runner" },
  {
    name: /^(noxfile|tasks|dodo|fabfile|manage|SConstruct|wscript|waf)(\.py)?$/,
    tool: /\b(nox|invoke|inv|doit|fab|scons|waf|manage)\b/,
    kind: "runner",
  },
  {
    name: /^\.?mypy\.ini$|^pyrightconfig\.json$/,
    tool: /\b(mypy|pyright)\b/,
    kind: "configuration",
  },
  {
    name: /^\.?ruff\.toml$|^\.flake8$|^\.?pylintrc(\.toml)?$|^\.isort\.cfg$/,
    tool: /\b(ruff|flake8|pylint|isort)\b/,
    kind: "configuration",
  },
  { name: /^(GNUm|[Mm])akefile([.-]\w+)*$|\.(mk|mak)$/, tool: /\b[gbn]?make\b/, kind: "runner" },
  { name: /^\.?[Jj]ustfile$|\.just$/, tool: /\bjust\b/, kind: "runner" },
  { name: /^[Tt]askfile(\.\w+)*\.ya?ml$/, tool: /\btask\b/, kind: "runner" },
  { name: /^(Rakefile|rakefile)(\.rb)?$|\.rake$/, tool: /\brake\b/, kind: "runner" },
  {
    name: /^(Magefile|magefile|Earthfile|Jenkinsfile|Makefile\.PL|Build\.PL)(\.go)?$|^dune-workspace$|^BUILD(\.bazel)?$|^WORKSPACE(\.bazel)?$|^MODULE\.bazel$/,
    tool: /\b(mage|earthly|perl|dune|bazel|bazelisk)\b/,
    kind: "runner",
  },
  {
    name: /^\.rspec(-local)?$|^phpunit[\w.-]*\.xml(\.dist)?$|^nextest\.toml$|^\.proverc$|^\.?(minitest|guard)\w*$|^Guardfile$|^CTest[\w.-]*\.(cmake|txt|in)$|^DartConfiguration\.tcl$|^dart_test\.yaml$|^junit-platform\.properties$|^testng[\w-]*\.xml$|^surefire[\w.-]*$|^\.?shellspec$|^codeception\.\w+$|^behat\.ya?ml$|^pest\.php$|^cucumber\.\w+$|^\.jvmopts$|^jvm\.config$|^maven\.config$/i,
    tool: null,
    kind: "configuration",
  },
  { name: /^go\.work(\.sum)?$/, tool: null, kind: "configuration" },
  {
    name: /^(gradle|gradle-wrapper)\.properties$|^gradlew(\.bat)?$|^mvnw(\.cmd)?$/,
    tool: null,
    kind: "runner",
  },
];
const paths: readonly { path: RegExp; named: Named }[] = [
  {
    path: /^\.deputy\//,
    named: { kind: "protected", why: "it is Deputy's configuration of the repository" },
  },
  {
    path: /(^|\/)\.cargo\//,
    named: { kind: "configuration", why: "cargo reads it before everything else" },
  },
  {
    path: /(^|\/)\.mvn\//,
    named: { kind: "runner", why: "maven reads it before everything else" },
  },
  {
    path: /(^|\/)(\.config\/nextest\.toml|buildSrc\/)/,
    named: { kind: "configuration", why: "the build reads it" },
  },
  {
    path: /(^|\/)(patches|\.yarn|\.pnpm-patches)\//,
    named: { kind: "dependencies", why: "installing applies it to packages" },
  },
  {
    path: /(^|\/)(\.husky|\.githooks|\.pytest_cache|\.jest|\.vitest|\.storybook)\//,
    named: { kind: "configuration", why: "a tool of the checks reads it" },
  },
  {
    path: /(^|\/)_?pytest\/__init__\.py$/,
    named: { kind: "runner", why: "Python finds it before pytest" },
  },
  { path: /(^|\/)vendor\//, named: { kind: "dependencies", why: "it is a vendored dependency" } },
];

/** Classifies a file that decides as a whole how checks run; null when its name shows none. */
export function namedDeciding(path: string, texts: string): Named | null {
  if (isInstalled(path)) {
    return {
      kind: "dependencies",
      why: "installed packages are put there by setup, not by a change",
    };
  }
  const placed = paths.find((each) => each.path.test(path));
  if (placed) return placed.named;
  if (isDocumentation(path)) return null;
  const base = posix.basename(path);
  const rule = rules.find(
    ({ name, tool }) => name.test(base) && (tool === null || tool.test(texts)),
  );
  if (!rule) return null;
  const why = {
    environment: "it decides in what environment checks run",
    runner: "the checks are started through it",
    configuration: "it configures what runs or reads the checks",
    test: "",
    fixture: "",
    dependencies: "",
    protected: "",
  }[rule.kind];
  return { kind: rule.kind, why };
}

import { describe, expect, test } from "vitest";
import { detectRepository } from "../../src/verifier/detection/detect-repository.ts";

/** What is chosen for a repository with these files; everything is installed but what is `absent`. */
async function detect(files: Record<string, string>, absent: string[] = []) {
  return detectRepository({
    files: new Set(Object.keys(files)),
    read: async (path) => files[path] ?? null,
    hasProgram: (name) => !absent.includes(name),
  });
}

const manifest = (more: object) => JSON.stringify({ name: "a", ...more });
const withTest = { scripts: { test: "vitest run" }, devDependencies: { vitest: "^4" } };
const onlyTest = { scripts: { test: "vitest run" } };
const npmLock = manifest({ packages: { "": {}, "node_modules/a": {} } });
const berryLock = "__metadata:\n  version: 8\n";
type Row = [what: string, files: Record<string, string>, setup: string[], checks: string[]];

describe("JavaScript", () => {
  test.each<Row>([
    [
      "npm",
      { "package.json": manifest(withTest), "package-lock.json": "" },
      ["npm ci"],
      ["npm test"],
    ],
    ["npm without a lock", { "package.json": manifest(withTest) }, ["npm install"], ["npm test"]],
    [
      "npm with nothing to install",
      {
        "package.json": manifest(onlyTest),
        "package-lock.json": manifest({ packages: { "": {} } }),
      },
      [],
      ["npm test"],
    ],
    [
      "npm whose packages are only in the lock",
      { "package.json": manifest(onlyTest), "package-lock.json": npmLock },
      ["npm ci"],
      ["npm test"],
    ],
    [
      "npm workspaces",
      {
        "package.json": manifest({ ...onlyTest, workspaces: ["packages/*"] }),
        "npm-shrinkwrap.json": "{}",
      },
      ["npm ci"],
      ["npm test"],
    ],
    [
      "pnpm with typecheck",
      {
        "package.json": manifest({
          ...withTest,
          scripts: { test: "a", typecheck: "tsc", lint: "b" },
        }),
        "pnpm-lock.yaml": "",
      },
      ["pnpm install --frozen-lockfile"],
      ["pnpm test", "pnpm run typecheck"],
    ],
    [
      "a pnpm workspace whose root has no dependencies",
      {
        "package.json": manifest(onlyTest),
        "pnpm-lock.yaml": "importers:\n  .: {}\n",
        "pnpm-workspace.yaml": "packages: [a]\n",
      },
      ["pnpm install --frozen-lockfile"],
      ["pnpm test"],
    ],
    [
      "a pnpm workspace without a lock",
      { "package.json": manifest(onlyTest), "pnpm-workspace.yaml": "packages: [a]\n" },
      ["pnpm install"],
      ["pnpm test"],
    ],
    [
      "Yarn 1",
      { "package.json": manifest(withTest), "yarn.lock": "# yarn lockfile v1\n" },
      ["yarn install --frozen-lockfile"],
      ["yarn test"],
    ],
    [
      "Yarn by its configuration",
      { "package.json": manifest(withTest), "yarn.lock": "", ".yarnrc.yml": "" },
      ["yarn install --immutable"],
      ["yarn test"],
    ],
    [
      "Yarn by its lock, without dependencies in the root",
      { "package.json": manifest(onlyTest), "yarn.lock": berryLock },
      ["yarn install --immutable"],
      ["yarn test"],
    ],
    [
      "Yarn by packageManager",
      { "package.json": manifest({ ...withTest, packageManager: "yarn@4.1.0+sha224.ab" }) },
      ["yarn install --no-immutable"],
      ["yarn test"],
    ],
    [
      "Yarn 1 by packageManager, beside a file of another version",
      {
        "package.json": manifest({ ...withTest, packageManager: "yarn@1.22.22" }),
        "yarn.lock": "",
        ".yarnrc.yml": "",
      },
      ["yarn install --frozen-lockfile"],
      ["yarn test"],
    ],
    [
      "pnpm by devEngines",
      {
        "package.json": manifest({
          ...withTest,
          devEngines: { packageManager: { name: "pnpm", version: "^9" } },
        }),
      },
      ["pnpm install"],
      ["pnpm test"],
    ],
    [
      "bun",
      { "package.json": manifest(withTest), "bun.lock": "" },
      ["bun install --frozen-lockfile"],
      ["bun run test"],
    ],
    [
      "bun's older lock",
      { "package.json": manifest(onlyTest), "bun.lockb": "\u0000" },
      ["bun install --frozen-lockfile"],
      ["bun run test"],
    ],
    [
      "deno",
      {
        "deno.json": '{"tasks": {"test": "deno test -A"}, "imports": {"a": "jsr:@a/a"}}',
        "deno.lock": "{}",
      },
      ["deno install --frozen"],
      ["deno task test"],
    ],
    [
      "deno with comments",
      { "deno.jsonc": '{ // a\n"tasks": {"test": {"command": "a"}} }' },
      [],
      ["deno task test"],
    ],
    [
      "npm init's default",
      {
        "package.json": manifest({
          scripts: { test: 'echo "Error: no test specified" && exit 1' },
        }),
        Makefile: "test:\n\ttrue\n",
      },
      [],
      ["make test"],
    ],
    ["a broken package.json", { "package.json": "{" }, [], []],
  ])("%s", async (_, files, setup, checks) => {
    expect(await detect(files)).toEqual({ setup, checks, notes: [], missing: null });
  });

  test("of several locks the one of packageManager counts, else the choice is said", async () => {
    const files = { "pnpm-lock.yaml": "a: 1", "package-lock.json": npmLock, "yarn.lock": "" };
    const told = await detect({
      ...files,
      "package.json": manifest({ ...withTest, packageManager: "npm@10" }),
    });
    expect(told.setup).toEqual(["npm ci"]);
    expect(told.notes).toEqual([
      "package.json names npm, so it installs; pnpm-lock.yaml and yarn.lock are not used.",
    ]);
    const guessed = await detect({ ...files, "package.json": manifest(withTest) });
    expect(guessed.setup).toEqual(["pnpm install --frozen-lockfile"]);
    expect(guessed.notes).toEqual([
      "There are several lock files, and package.json has no `packageManager`: pnpm installs by pnpm-lock.yaml, not by yarn.lock or package-lock.json. Name the right one in `packageManager`, or remove the others.",
    ]);
    const other = await detect({
      ...{
        "package.json": manifest({ ...withTest, packageManager: "yarn@4.0.0" }),
        "package-lock.json": npmLock,
      },
    });
    expect(other.setup).toEqual(["yarn install --no-immutable"]);
    expect(other.notes).toEqual([
      "package.json names yarn, which has no lock file here, so it installs; package-lock.json is not used.",
    ]);
  });

  test("Corepack starts what is not installed; without it the sentence says what to do", async () => {
    const files = {
      "package.json": manifest({ ...withTest, packageManager: "yarn@4.1.0" }),
      "yarn.lock": berryLock,
    };
    expect(await detect(files, ["yarn"])).toEqual({
      ...{ setup: ["corepack yarn install --immutable"], checks: ["corepack yarn test"] },
      ...{ notes: [], missing: null },
    });
    const { missing } = await detect(files, ["yarn", "corepack"]);
    expect(missing).toBe(
      "`yarn` is not on the PATH of this machine, and the repository's setup `yarn install --immutable` (by package.json) needs it. Install it (`corepack enable`, or `npm install -g corepack` first where Node comes without it), or name other commands under `setup` and `checks` in .deputy/config.yaml.",
    );
  });
});

describe("Python", () => {
  const tests = { "tests/test_a.py": "" };
  const venv = "python3 -m venv --system-site-packages .venv && echo '*' > .venv/.gitignore";
  const pip = (what: string) => [venv, `.venv/bin/python -m pip install ${what}`];
  const inVenv = [".venv/bin/python -m pytest -v"];
  test.each<Row>([
    [
      "pytest by pyproject",
      { "pyproject.toml": "[tool.pytest.ini_options]\n" },
      [],
      ["python3 -m pytest -v"],
    ],
    ["pytest by its files", { "tests/unit/test_a.py": "" }, [], ["python3 -m pytest -v"]],
    ["pytest by tox.ini", { "tox.ini": "[pytest]\n" }, [], ["python3 -m pytest -v"]],
    ["pytest by setup.cfg", { "setup.cfg": "[tool:pytest]\n" }, [], ["python3 -m pytest -v"]],
    ["no tests", { "a.py": "", "requirements.txt": "a\n" }, [], []],
    [
      "uv",
      { "pyproject.toml": '[dependency-groups]\ndev = ["pytest"]\n', "uv.lock": "" },
      ["uv sync --locked"],
      ["uv run --no-sync pytest -v"],
    ],
    [
      "uv with pytest in an extra",
      { "pyproject.toml": '[project.optional-dependencies]\ntest = ["pytest>=8"]\n[tool.uv]\n' },
      ["uv sync --all-extras"],
      ["uv run --no-sync pytest -v"],
    ],
    [
      "uv with pytest in another group",
      { "pyproject.toml": '[dependency-groups]\ntest = [\n  "pytest",\n]\n', "uv.lock": "" },
      ["uv sync --locked --all-groups"],
      ["uv run --no-sync pytest -v"],
    ],
    ["uv without tests", { "pyproject.toml": "", "uv.lock": "" }, ["uv sync --locked"], []],
    [
      "Poetry",
      { ...tests, "pyproject.toml": "", "poetry.lock": "" },
      ["poetry install --no-interaction"],
      ["poetry run pytest -v"],
    ],
    [
      "Poetry without a lock",
      { ...tests, "pyproject.toml": '[tool.poetry]\nname = "a"\n' },
      ["poetry install --no-interaction"],
      ["poetry run pytest -v"],
    ],
    [
      "PDM",
      { ...tests, "pyproject.toml": "[tool.pdm.dev-dependencies]\n", "pdm.lock": "" },
      ["pdm install --frozen-lockfile"],
      ["pdm run pytest -v"],
    ],
    [
      "Pipenv",
      { ...tests, Pipfile: "", "Pipfile.lock": "{}" },
      ["pipenv sync --dev"],
      ["pipenv run pytest -v"],
    ],
    [
      "Pipenv without a lock",
      { ...tests, Pipfile: "" },
      ["pipenv install --dev"],
      ["pipenv run pytest -v"],
    ],
    ["pip", { ...tests, "requirements.txt": "flask\n" }, pip("-r requirements.txt pytest"), inVenv],
    [
      "pip with requirements of its tests",
      {
        ...tests,
        "requirements-dev.txt": "-r requirements.txt\npytest==8\n",
        "requirements.txt": "a\n",
      },
      pip("-r requirements.txt -r requirements-dev.txt"),
      inVenv,
    ],
    [
      "pip and a package with an extra",
      {
        ...tests,
        "pyproject.toml":
          '[project]\nname = "a"\ndependencies = [\n  "b",\n]\n[project.optional-dependencies]\nplot = ["c"]\ntest = ["pytest"]\n',
      },
      pip("-e '.[test]'"),
      inVenv,
    ],
    [
      "pip and setup.py",
      { ...tests, "setup.py": "setup(install_requires=['a'])" },
      pip("-e . pytest"),
      inVenv,
    ],
    [
      "pip and src",
      { ...tests, "pyproject.toml": '[project]\nname = "a"\n', "src/a/__init__.py": "" },
      pip("-e . pytest"),
      inVenv,
    ],
    [
      "a package that needs nothing",
      { ...tests, "pyproject.toml": '[project]\nname = "a"\ndependencies = []\n' },
      [],
      ["python3 -m pytest -v"],
    ],
  ])("%s", async (_, files, setup, checks) => {
    expect(await detect(files)).toEqual({ setup, checks, notes: [], missing: null });
  });

  test("conda is named as what is not set up", async () => {
    const found = await detect({ ...tests, "environment.yml": "", "requirements.txt": "" });
    expect(found).toMatchObject({ setup: [], checks: ["python3 -m pytest -v"] });
    expect(found.notes).toEqual([expect.stringMatching(/^environment\.yml asks for conda, which/)]);
  });
});

describe("other ecosystems", () => {
  const composer = (more: object) =>
    JSON.stringify({ require: { php: "^8", "a/b": "^1" }, ...more });
  const rspec = { "spec/a_spec.rb": "", Gemfile: 'gem "rspec"\n' };
  const noTest =
    "-Dtest=NoTestOfThisName -DfailIfNoTests=false -Dsurefire.failIfNoSpecifiedTests=false";
  const wrapper = (version: string) => ({
    ...{ "build.gradle.kts": "", gradlew: "" },
    "gradle/wrapper/gradle-wrapper.properties": `distributionUrl=https\\://services.gradle.org/distributions/gradle-${version}-bin.zip\n`,
  });
  test.each<Row>([
    ["nothing", { "README.md": "" }, [], []],
    [
      "Bundler and RSpec",
      { ...rspec, "Gemfile.lock": "" },
      ["BUNDLE_FROZEN=true bundle install"],
      ["bundle exec rspec"],
    ],
    ["Bundler without a lock", rspec, ["bundle install"], ["bundle exec rspec"]],
    [
      "Rails",
      { Gemfile: "", "bin/rails": "", "test/models/a_test.rb": "" },
      ["bundle install"],
      ["bundle exec rails test"],
    ],
    [
      "Rake's tests",
      { Gemfile: "", Rakefile: "Rake::TestTask.new" },
      ["bundle install"],
      ["bundle exec rake test"],
    ],
    [
      "Composer",
      { "composer.json": composer({ scripts: { test: "phpunit" } }), "composer.lock": "{}" },
      ["composer install --no-interaction --no-progress"],
      ["COMPOSER_PROCESS_TIMEOUT=0 composer test"],
    ],
    [
      "PHPUnit",
      {
        "composer.json": composer({ "require-dev": { "phpunit/phpunit": "^11" } }),
        "phpunit.xml.dist": "",
      },
      ["composer install --no-interaction --no-progress"],
      ["vendor/bin/phpunit"],
    ],
    ["only PHP itself", { "composer.json": '{"require": {"php": "^8", "ext-json": "*"}}' }, [], []],
    [
      "Cargo",
      { "Cargo.toml": "[package]\n", "Cargo.lock": '[[package]]\nname = "a"\n' },
      [],
      ["cargo test"],
    ],
    [
      "Cargo with crates",
      { "Cargo.toml": "", "Cargo.lock": 'source = "registry+https://github.com/x"\n' },
      ["cargo fetch --locked"],
      ["cargo test"],
    ],
    [
      "Cargo without a lock",
      { "Cargo.toml": "[target.'cfg(unix)'.dependencies]\nlibc = \"1\"\n" },
      ["cargo fetch"],
      ["cargo test"],
    ],
    ["Go", { "go.mod": "" }, [], ["go test -json ./..."]],
    [
      "Go with modules",
      { "go.mod": "", "go.sum": "a v1 h1:x\n" },
      ["go mod download"],
      ["go test -json ./..."],
    ],
    [
      "Go with a vendor folder",
      { "go.mod": "", "go.sum": "a\n", "vendor/modules.txt": "" },
      [],
      ["go test -json ./..."],
    ],
    ["Maven", { "pom.xml": "" }, [`mvn -B -q test ${noTest}`], ["mvn -B -o test"]],
    [
      "Maven's wrapper",
      { "pom.xml": "", mvnw: "" },
      [`./mvnw -B -q test ${noTest}`],
      ["./mvnw -B -o test"],
    ],
    [
      "Gradle's wrapper",
      wrapper("8.10.2"),
      ["./gradlew --no-daemon test --test-dry-run"],
      ["./gradlew --no-daemon --offline test"],
    ],
    [
      "an older one",
      wrapper("7.6"),
      ["./gradlew --no-daemon testClasses"],
      ["./gradlew --no-daemon --offline test"],
    ],
    [
      "Gradle",
      { "settings.gradle": "" },
      ["gradle --no-daemon testClasses"],
      ["gradle --no-daemon --offline test"],
    ],
    [
      "dotnet",
      { "App.sln": "", "src/App/packages.lock.json": "" },
      ["dotnet restore --locked-mode"],
      ["dotnet test --no-restore"],
    ],
    [
      "Mix",
      { "mix.exs": "" },
      [
        "mix local.hex --force --if-missing",
        "mix local.rebar --force --if-missing",
        "mix deps.get",
      ],
      ["mix test"],
    ],
    ["make without that target", { Makefile: "test := 1\nbuild:\n" }, [], []],
    [
      "two ecosystems, of which the first only installs",
      { "package.json": manifest({ devDependencies: { a: "1" } }), ...rspec },
      ["npm install", "bundle install"],
      ["bundle exec rspec"],
    ],
  ])("%s", async (_, files, setup, checks) => {
    expect(await detect(files)).toEqual({ setup, checks, notes: [], missing: null });
  });

  test.each<[what: string, files: Record<string, string>, note: RegExp]>([
    [
      "manifests below the root are named, not chosen",
      { "web/package.json": "{}", "api/pyproject.toml": "", "node_modules/a/package.json": "{}" },
      /^No setup and no check was detected: only the root is looked at, and the manifests are below it \(api\/pyproject\.toml, web\/package\.json\)\. .*`cd api && …`\.$/,
    ],
    [
      "a Go workspace",
      { "go.work": "use ./a\n", "a/go.mod": "" },
      /^go\.work has no module in the root/,
    ],
    [
      "several solutions",
      { "a.sln": "", "b.sln": "" },
      /^The root has several solutions or projects \(a\.sln, b\.sln\)/,
    ],
  ])("%s", async (_, files, note) => {
    const { checks, notes } = await detect(files);
    expect(checks).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(note)]);
  });

  test("a program that is not there stops what needs it, and nothing else", async () => {
    const gems = await detect({ ...rspec, "Gemfile.lock": "" }, ["bundle"]);
    expect(gems).toMatchObject({ setup: [], notes: [] });
    expect(gems.missing).toMatch(
      /^`bundle` is not on the PATH of this machine, and the repository's setup `BUNDLE_FROZEN=true bundle install` \(by Gemfile\.lock\) needs it\. Install it \(`gem install bundler`\), or/,
    );
    const docs = await detect(
      { "package.json": manifest({ devDependencies: { a: "1" } }), "yarn.lock": "a", ...rspec },
      ["yarn", "corepack"],
    );
    expect(docs).toMatchObject({ setup: ["bundle install"], missing: null });
    expect(docs.notes).toEqual([expect.stringMatching(/^`yarn` is not on .* It is left out\.$/)]);
    const check = await detect({ Makefile: "test:\n" }, ["make"]);
    expect(check).toMatchObject({ checks: ["make test"], missing: null });
    expect(check.notes).toEqual([
      expect.stringMatching(/the repository's check `make test` \(by Makefile\) needs it/),
    ]);
  });
});

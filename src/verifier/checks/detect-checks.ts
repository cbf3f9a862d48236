/**
 * Detects the checks of a repository without `.deputy/config.yaml`. It takes the first ecosystem
 * whose marker files are in the root, its usual test command, and for JavaScript a `typecheck`
 * script too. Linters are left out: they are red on many healthy repositories. Where the usual
 * command can name its tests at no cost (`pytest -v`, `go test -json`), it does.
 */
export type Detected = { setup: string[]; checks: string[] };

type Reader = (path: string) => Promise<string | null>;
type Detector = (files: ReadonlySet<string>, read: Reader) => Promise<Detected | null>;

/** Detects from the file list and a few files of the base commit. */
export async function detectChecks(files: readonly string[], read: Reader): Promise<Detected> {
  const known = new Set(files);
  let setup: string[] = [];
  for (const detect of [detectNode, detectPython, detectCargo, detectGo, detectMake]) {
    const found = await detect(known, read);
    if (!found) continue;
    if (setup.length === 0) setup = found.setup;
    if (found.checks.length > 0) return { setup, checks: found.checks };
  }
  return { setup, checks: [] };
}

type Manager = { run: string; install: string | null };

const detectNode: Detector = async (files, read) => {
  if (!files.has("package.json")) return null;
  const manifest = parseManifest(await read("package.json"));
  if (!manifest) return null;
  const manager = findManager(files);
  const needsInstall = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "workspaces",
  ].some((key) => Object.keys(asRecord(manifest[key])).length > 0);
  const scripts = asRecord(manifest.scripts);
  const checks: string[] = [];
  if (isRealTest(scripts.test))
    checks.push(`${manager.run === "bun" ? "bun run" : manager.run} test`);
  if (typeof scripts.typecheck === "string") checks.push(`${manager.run} run typecheck`);
  return { setup: needsInstall && manager.install ? [manager.install] : [], checks };
};

function findManager(files: ReadonlySet<string>): Manager {
  if (files.has("pnpm-lock.yaml"))
    return { run: "pnpm", install: "pnpm install --frozen-lockfile" };
  if (files.has("yarn.lock")) {
    const flag = files.has(".yarnrc.yml") ? "--immutable" : "--frozen-lockfile";
    return { run: "yarn", install: `yarn install ${flag}` };
  }
  if (files.has("bun.lock") || files.has("bun.lockb")) {
    return { run: "bun", install: "bun install --frozen-lockfile" };
  }
  const locked = files.has("package-lock.json") || files.has("npm-shrinkwrap.json");
  return { run: "npm", install: locked ? "npm ci" : "npm install" };
}

/** `npm init` writes a test script that only fails. */
function isRealTest(script: unknown): boolean {
  return typeof script === "string" && script.trim() !== "" && !/no test specified/.test(script);
}

const detectPython: Detector = async (files, read) => {
  const pyproject = (await read("pyproject.toml")) ?? "";
  const settings = (await read("tox.ini")) ?? `${(await read("setup.cfg")) ?? ""}`;
  const uses =
    files.has("pytest.ini") ||
    files.has("conftest.py") ||
    /\bpytest\b/.test(pyproject) ||
    /^\[(tool:)?pytest\]/m.test(settings) ||
    [...files].some((path) => /^(tests?\/(.*\/)?)?(test_[^/]*|[^/]*_test)\.py$/.test(path));
  if (!uses) return null;
  if (files.has("uv.lock")) return { setup: ["uv sync"], checks: ["uv run pytest -v"] };
  if (files.has("poetry.lock"))
    return { setup: ["poetry install"], checks: ["poetry run pytest -v"] };
  return { setup: [], checks: ["python3 -m pytest -v"] };
};

const detectCargo: Detector = async (files) =>
  files.has("Cargo.toml") ? { setup: [], checks: ["cargo test"] } : null;

const detectGo: Detector = async (files) =>
  files.has("go.mod") ? { setup: [], checks: ["go test -json ./..."] } : null;

const detectMake: Detector = async (files, read) => {
  const name = ["Makefile", "makefile", "GNUmakefile"].find((each) => files.has(each));
  const text = name === undefined ? null : await read(name);
  return text !== null && /^test\s*:(?!=)/m.test(text)
    ? { setup: [], checks: ["make test"] }
    : null;
};

function parseManifest(text: string | null): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text ?? "null");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // a broken package.json is no Node project that npm could test
  }
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

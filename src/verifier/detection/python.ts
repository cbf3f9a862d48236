import type { Detector, RepositoryFiles } from "./found.ts";

/**
 * Python: the project's manager by its lock file or its table in pyproject.toml. Without one, pip
 * installs into `.venv`, which sees the machine's packages too: what is there already is not
 * fetched. The check is pytest, started so that it installs nothing again.
 */
export const detectPython: Detector = async (repository) => {
  const { files, read } = repository;
  const pyproject = (await read("pyproject.toml")) ?? "";
  const settings = (await read("tox.ini")) ?? `${(await read("setup.cfg")) ?? ""}`;
  const usesPytest =
    files.has("pytest.ini") ||
    files.has("conftest.py") ||
    /\bpytest\b/.test(pyproject) ||
    /^\[(tool:)?pytest\]/m.test(settings) ||
    [...files].some((path) => /^(tests?\/(.*\/)?)?(test_[^/]*|[^/]*_test)\.py$/.test(path));
  const manager = chooseManager(files, pyproject) ?? (await chooseVenv(repository, pyproject));
  const notes = manager ? [] : listUnsupported(files);
  // Without tests an installation helps nobody who would not ask for it.
  if (!usesPytest && !manager?.isSure && notes.length === 0) return null;
  const { setup, run, by, programs } = manager ?? noManager;
  return {
    ...{ setup, by, programs, checks: usesPytest ? [`${run}pytest -v`] : [] },
    notes,
  };
};

type Manager = {
  setup: string[];
  /** What the test runner's name follows. */
  run: string;
  by: string;
  programs: { name: string; install?: string }[];
  /** Whether the repository says so itself, and it is not only inferred. */
  isSure: boolean;
};

const python = { name: "python3" };
const noManager: Manager = {
  ...{ setup: [], run: "python3 -m ", by: "its tests", programs: [python], isSure: false },
};

function chooseManager(files: ReadonlySet<string>, pyproject: string): Manager | null {
  const has = (table: RegExp) => table.test(pyproject);
  const make = (
    name: string,
    by: string,
    setup: string,
    run: string,
    install: string,
  ): Manager => ({
    ...{ setup: [setup], run, by, programs: [{ name, install }], isSure: true },
  });
  if (files.has("uv.lock") || has(/^\[tool\.uv[\].]/m)) {
    const isLocked = files.has("uv.lock");
    // pytest is often in an extra or a group that is not installed by default.
    const extras = testsIn(pyproject, "project.optional-dependencies") ? " --all-extras" : "";
    const isDefault = /^dev\s*=/m.test(sectionOf(pyproject, "dependency-groups") ?? "");
    const groups = testsIn(pyproject, "dependency-groups") && !isDefault ? " --all-groups" : "";
    const setup = `uv sync${isLocked ? " --locked" : ""}${extras}${groups}`;
    const by = isLocked ? "uv.lock" : "pyproject.toml";
    return make("uv", by, setup, "uv run --no-sync ", "`pipx install uv`");
  }
  if (files.has("poetry.lock") || has(/^\[tool\.poetry[\].]|\bpoetry\.core\.masonry\b/m)) {
    const by = files.has("poetry.lock") ? "poetry.lock" : "pyproject.toml";
    const setup = "poetry install --no-interaction";
    return make("poetry", by, setup, "poetry run ", "`pipx install poetry`");
  }
  if (files.has("pdm.lock") || has(/^\[tool\.pdm[\].]|\bpdm\.backend\b/m)) {
    const isLocked = files.has("pdm.lock");
    const setup = `pdm install${isLocked ? " --frozen-lockfile" : ""}`;
    const by = isLocked ? "pdm.lock" : "pyproject.toml";
    return make("pdm", by, setup, "pdm run ", "`pipx install pdm`");
  }
  if (files.has("Pipfile") || files.has("Pipfile.lock")) {
    const isLocked = files.has("Pipfile.lock");
    const setup = `pipenv ${isLocked ? "sync" : "install"} --dev`;
    const by = isLocked ? "Pipfile.lock" : "Pipfile";
    return make("pipenv", by, setup, "pipenv run ", "`pipx install pipenv`");
  }
  return null;
}

/** Requirements for development; the plain file comes first. */
const requirements =
  /^(?:requirements\.txt|(?:requirements[-_.](?:dev|develop|test|tests|testing)|(?:dev|test|tests)[-_]requirements)\.txt|requirements\/(?:dev|develop|test|tests|testing)\.txt)$/;

async function chooseVenv(
  { files, read }: RepositoryFiles,
  pyproject: string,
): Promise<Manager | null> {
  if (conda.some((name) => files.has(name))) return null;
  const listed = [...files].filter((path) => requirements.test(path));
  listed.sort((a, b) => Number(b === "requirements.txt") - Number(a === "requirements.txt"));
  const parts = listed.map((path) => `-r ${path}`);
  const texts = await Promise.all(listed.map((path) => read(path)));
  const setupFile = `${(await read("setup.py")) ?? ""}\n${(await read("setup.cfg")) ?? ""}`;
  const project = sectionOf(pyproject, "project") ?? "";
  const extra = findExtra(sectionOf(pyproject, "project.optional-dependencies") ?? "");
  const hasSource = [...files].some((path) => /^src\/[^/]+\/__init__\.py$/.test(path));
  const isPackage = project !== "" || /\bsetup\s*\(|^\[metadata\]/m.test(setupFile);
  const needs =
    /^dependencies\s*=\s*\[\s*["'\n#]/m.test(project) || /\binstall_requires\b/.test(setupFile);
  if (isPackage && (needs || extra !== null || hasSource))
    parts.push(extra === null ? "-e ." : `-e '.[${extra}]'`);
  if (parts.length === 0) return null;
  if (extra === null && !texts.some((text) => /^\s*pytest\b/m.test(text ?? "")))
    parts.push("pytest");
  return {
    setup: [
      // Its own .gitignore, because older Pythons write none and not every repository ignores it.
      "python3 -m venv --system-site-packages .venv && echo '*' > .venv/.gitignore",
      `.venv/bin/python -m pip install ${parts.join(" ")}`,
    ],
    run: ".venv/bin/python -m ",
    by: listed[0] ?? (project === "" ? "setup.py" : "pyproject.toml"),
    ...{ programs: [python], isSure: false },
  };
}

/** The first extra of this table that installs pytest. */
function findExtra(table: string): string | null {
  const found = table.matchAll(/^\s*["']?([\w.-]+)["']?\s*=\s*\[([^\]]*)/gm);
  for (const [, name, packages] of found)
    if (/["']pytest\b/.test(packages ?? "")) return name ?? null;
  return null;
}

function testsIn(pyproject: string, table: string): boolean {
  return /["']pytest\b/.test(sectionOf(pyproject, table) ?? "");
}

/** The text of a table, up to the next one; null when there is none. */
function sectionOf(toml: string, table: string): string | null {
  const lines = toml.split("\n");
  const start = lines.findIndex((line) => line.trim() === `[${table}]`);
  if (start < 0) return null;
  const length = lines.slice(start + 1).findIndex((line) => /^\[[\w"'.[-]/.test(line));
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join("\n");
}

const conda = ["environment.yml", "environment.yaml", "conda-lock.yml", "pixi.toml", "pixi.lock"];

function listUnsupported(files: ReadonlySet<string>): string[] {
  const file = conda.find((name) => files.has(name));
  if (file === undefined) return [];
  const name = file.startsWith("pixi") ? "pixi" : "conda";
  return [
    `${file} asks for ${name}, which Deputy does not set up: name the commands under \`setup\` and \`checks\` in .deputy/config.yaml.`,
  ];
}

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "./support.mjs";

/**
 * Small projects whose setup installs what the registry stand-in has: with npm, pnpm, pip and cargo.
 * Each is its files and its configuration; `bare` is the same without a setup, and needs none.
 */
export async function makeProjects(registry) {
  const npm = registry.npm();
  const dependencies = Object.fromEntries(npm.map(({ name, version }) => [name, version]));
  const node = {
    ".gitignore": "node_modules/\n",
    ".npmrc": `registry=${registry.url}/\nupdate-notifier=false\n`,
    "package.json": JSON.stringify({ name: "app", private: true, type: "module", dependencies }),
    "src/sum.js": "export const sum = (a, b) => a + b;\n",
  };
  const test = (first) =>
    `${first}import assert from "node:assert";\nimport { test } from "node:test";\nimport { sum } from "../src/sum.js";\ntest("sum", () => assert.equal(sum(1, 2), 3));\n`;
  const changeNode =
    'echo "export const twice = (a) => 2 * a;" >> src/sum.js; sed "s/sum(1, 2), 3/twice(2), 4/; s/sum }/twice }/; s/\\"sum\\"/\\"twice\\"/" test/sum.test.js > test/twice.test.js';
  const nodeProject = (setup, more) => ({
    files: { ...node, ...more, "test/sum.test.js": test('import "pkg-0";\n') },
    bare: { ...node, ...more, "test/sum.test.js": test("") },
    ...{ setup, check: "node --test test/", change: changeNode },
  });
  const pnpm = await findPnpm();
  const projects = {
    npm: nodeProject("npm ci --no-audit --no-fund", { "package-lock.json": npmLock(npm) }),
    pnpm:
      pnpm.found &&
      nodeProject(`node ${pnpm.program} install --frozen-lockfile`, {
        "pnpm-lock.yaml": pnpmLock(npm),
      }),
    pip: pipProject(registry),
    cargo: cargoProject(registry),
  };
  return { pnpmFolder: pnpm.folder, projects };
}

function npmLock(packages) {
  const root = {
    name: "app",
    dependencies: Object.fromEntries(packages.map((one) => [one.name, one.version])),
  };
  const inside = packages.map(({ name, ...one }) => [`node_modules/${name}`, one]);
  const all = { "": root, ...Object.fromEntries(inside) };
  return JSON.stringify({ name: "app", lockfileVersion: 3, requires: true, packages: all });
}

function pnpmLock(packages) {
  const entries = (text) => packages.map(text).join("");
  return `lockfileVersion: '9.0'\n\nimporters:\n  .:\n    dependencies:\n${entries(
    ({ name, version }) =>
      `      ${name}:\n        specifier: ${version}\n        version: ${version}\n`,
  )}\npackages:\n${entries(
    ({ name, version, integrity }) =>
      `  ${name}@${version}:\n    resolution: {integrity: ${integrity}}\n`,
  )}\nsnapshots:\n${entries(({ name, version }) => `  ${name}@${version}: {}\n`)}`;
}

function pipProject(registry) {
  const list = registry
    .python()
    .map(({ name, digest }) => `${name}==1.0.0 --hash=sha256:${digest}`);
  const files = (first) => ({
    ".gitignore": ".venv/\n__pycache__/\n",
    "requirements.txt": `${list.join("\n")}\n`,
    "app/__init__.py": "",
    "app/sums.py": "def add(a, b):\n    return a + b\n",
    "tests/__init__.py": "",
    "tests/test_sums.py": `${first}import unittest\nfrom app import sums\n\nclass Adds(unittest.TestCase):\n    def test_adds(self):\n        self.assertEqual(sums.add(1, 2), 3)\n`,
  });
  const install = `.venv/bin/pip install -q --disable-pip-version-check --index-url ${registry.url}/simple -r requirements.txt`;
  return {
    ...{ files: files("import pkg_0\n"), bare: files("") },
    setup: `python3 -m venv .venv && ${install}`,
    // The tests are not in the root: `python3 -m venv` lists it, so a new name there is another input.
    check: "if [ -e .venv ]; then .venv/bin/python -m unittest; else python3 -m unittest; fi",
    change:
      'printf "def twice(a):\\n    return 2 * a\\n" >> app/sums.py; sed "s/add(1, 2), 3/twice(2), 4/; s/Adds/Twice/; s/test_adds/test_twice/" tests/test_sums.py > tests/test_twice.py',
  };
}

function cargoProject(registry) {
  const crates = registry.cargo().toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const head = '[package]\nname = "app"\nversion = "1.0.0"\n';
  const locked = crates.map(
    ({ name, version, cksum }) =>
      `\n[[package]]\nname = "${name}"\nversion = "${version}"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "${cksum}"\n`,
  );
  const source = `[source.crates-io]\nreplace-with = "bench"\n[source.bench]\nregistry = "sparse+${registry.url}/cargo/"\n`;
  const files = (some) => ({
    ".gitignore": "target/\n",
    ".cargo/config.toml": source,
    "Cargo.toml": `${head}edition = "2021"\n[dependencies]\n${some.map(({ name }) => `${name} = "1.0.0"\n`).join("")}`,
    "Cargo.lock": `version = 3\n\n[[package]]\nname = "app"\nversion = "1.0.0"\n${some.length ? `dependencies = [\n${some.map(({ name }) => ` "${name}",\n`).join("")}]\n` : ""}${some.length ? locked.join("") : ""}`,
    "src/lib.rs": "pub fn add(a: u32, b: u32) -> u32 {\n    a + b\n}\n",
  });
  return {
    ...{ files: files(crates), bare: files([]) },
    setup: "cargo fetch --locked",
    check: "cargo metadata --offline --locked --format-version 1",
    change: 'echo "pub fn twice(a: u32) -> u32 { 2 * a }" >> src/lib.rs',
  };
}

/** pnpm as npm installs it, which needs a network. */
async function findPnpm() {
  const folder = process.env.BENCH_PNPM ?? (await makeFolder("pnpm"));
  const program = join(folder, "node_modules", "pnpm", "bin", "pnpm.cjs");
  try {
    if (!existsSync(program))
      execFileSync("npm", ["install", "--silent", "--no-audit", "--no-fund", "pnpm@9"], {
        cwd: folder,
      });
  } catch (error) {
    console.error(`pnpm is not measured: ${error.message}`);
  }
  return { folder, program, found: existsSync(program) };
}

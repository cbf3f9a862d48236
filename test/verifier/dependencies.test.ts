import { describe, expect, test } from "vitest";
import {
  type DependencyInput,
  findToolChanges,
  isDependencyFile,
  withOldTools,
} from "../../src/verifier/dependencies/dependencies.ts";

type Files = Record<string, string | object>;

function input(
  base: Files,
  change: Files,
  texts = "npm test\nvitest run",
  tests = "",
): DependencyInput {
  const asTexts = (files: Files) =>
    new Map(
      Object.entries(files).map(([path, file]) => [
        path,
        typeof file === "string" ? file : `${JSON.stringify(file, null, 2)}\n`,
      ]),
    );
  return { base: asTexts(base), change: asTexts(change), texts, tests };
}

const found = (base: Files, change: Files, texts?: string, tests?: string) =>
  findToolChanges(input(base, change, texts, tests)).tools.map(
    (tool) => `${tool.path}: ${tool.package}`,
  );

const manifest = { name: "shop", devDependencies: { vitest: "^4.0.0", chai: "^5.0.0" } };
const registry = "https://registry.npmjs.org";
const lock = {
  lockfileVersion: 3,
  packages: {
    "": { devDependencies: { vitest: "^4.0.0" } },
    "node_modules/vitest": {
      version: "4.0.0",
      resolved: `${registry}/vitest/-/vitest-4.0.0.tgz`,
      integrity: "sha512-a",
      bin: { vitest: "vitest.mjs" },
      dependencies: { tinyspy: "^1.0.0" },
    },
    "node_modules/tinyspy": {
      version: "1.0.0",
      resolved: `${registry}/tinyspy/-/tinyspy-1.0.0.tgz`,
      integrity: "sha512-b",
    },
  },
};
const withLocked = (packages: object) => ({ ...lock, packages: { ...lock.packages, ...packages } });

describe("a tool of the checks from elsewhere (Node)", () => {
  test.each<[string, Files, Files]>([
    [
      "a folder",
      { "package.json": manifest },
      { "package.json": { ...manifest, devDependencies: { vitest: "file:tools/v" } } },
    ],
    [
      "a link",
      { "package.json": manifest },
      { "package.json": { ...manifest, devDependencies: { vitest: "link:./v" } } },
    ],
    [
      "a plain path",
      { "package.json": manifest },
      { "package.json": { ...manifest, devDependencies: { vitest: "./v" } } },
    ],
    [
      "git",
      { "package.json": manifest },
      { "package.json": { ...manifest, devDependencies: { vitest: "git+https://x/y.git" } } },
    ],
    [
      "GitHub in short",
      { "package.json": manifest },
      { "package.json": { ...manifest, devDependencies: { vitest: "me/vitest#main" } } },
    ],
    [
      "an address",
      { "package.json": manifest },
      { "package.json": { ...manifest, devDependencies: { vitest: "https://x/v.tgz" } } },
    ],
    [
      "an alias",
      { "package.json": manifest },
      { "package.json": { ...manifest, devDependencies: { vitest: "npm:nothing@1" } } },
    ],
    [
      "an override",
      { "package.json": manifest },
      { "package.json": { ...manifest, overrides: { vitest: { chai: "file:c" } } } },
    ],
    [
      "a resolution",
      { "package.json": manifest },
      { "package.json": { ...manifest, resolutions: { "**/chai": "file:c" } } },
    ],
    [
      "pnpm's override",
      { "package.json": manifest },
      { "package.json": { ...manifest, pnpm: { overrides: { "vitest>chai": "link:c" } } } },
    ],
    [
      "a patch",
      { "package.json": manifest },
      {
        "package.json": {
          ...manifest,
          pnpm: { patchedDependencies: { "chai@5.0.0": "patches/c.patch" } },
        },
      },
    ],
    [
      "a workspace of that name",
      { "package.json": manifest },
      { "package.json": manifest, "packages/v/package.json": { name: "vitest" } },
    ],
    [
      "a package that is called so itself",
      { "package.json": manifest },
      { "package.json": { ...manifest, name: "chai" } },
    ],
    [
      "a program of that name",
      { "package.json": manifest },
      {
        "package.json": manifest,
        "packages/v/package.json": { name: "v", bin: { vitest: "v.js" } },
      },
    ],
    [
      "a linked lock entry",
      { "package-lock.json": lock },
      {
        "package-lock.json": withLocked({
          "node_modules/vitest": { resolved: "tools/v", link: true },
        }),
      },
    ],
    [
      "what the tool needs, linked",
      { "package-lock.json": lock },
      {
        "package-lock.json": withLocked({
          "node_modules/tinyspy": { resolved: "tools/t", link: true },
        }),
      },
    ],
    [
      "another content of the same version",
      { "package-lock.json": lock },
      {
        "package-lock.json": withLocked({
          "node_modules/tinyspy": {
            ...lock.packages["node_modules/tinyspy"],
            integrity: "sha512-c",
          },
        }),
      },
    ],
    [
      "another registry",
      { "package-lock.json": lock },
      {
        "package-lock.json": withLocked({
          "node_modules/tinyspy": {
            version: "1.0.1",
            resolved: "https://evil.example/tinyspy/-/tinyspy-1.0.1.tgz",
          },
        }),
      },
    ],
    [
      "a new package with the tool's program",
      { "package-lock.json": lock },
      {
        "package-lock.json": withLocked({
          "node_modules/other": {
            version: "1.0.0",
            resolved: `${registry}/other/-/other-1.0.0.tgz`,
            bin: { vitest: "x.js" },
          },
        }),
      },
    ],
    [
      "a package called node",
      { "package.json": manifest },
      { "package.json": manifest, "packages/n/package.json": { name: "node" } },
    ],
    [
      "a local one whose script runs while it is installed",
      { "package-lock.json": lock },
      {
        "package-lock.json": withLocked({
          "node_modules/evil": {
            version: "1.0.0",
            resolved: "file:evil.tgz",
            hasInstallScript: true,
          },
        }),
      },
    ],
    [
      "a workspace with such a script",
      {},
      { "packages/e/package.json": { name: "e", scripts: { postinstall: "node x.js" } } },
    ],
    [
      "yarn's lock",
      {
        "yarn.lock": `vitest@^4.0.0:\n  version "4.0.0"\n  resolved "${registry}/vitest/-/vitest-4.0.0.tgz#a"\n`,
      },
      { "yarn.lock": '"vitest@file:tools/v":\n  version "4.0.0"\n' },
    ],
    [
      "yarn's newer lock",
      {
        "yarn.lock":
          '"vitest@npm:^4.0.0":\n  version: 4.0.0\n  resolution: "vitest@npm:4.0.0"\n  checksum: a\n',
      },
      { "yarn.lock": '"vitest@workspace:tools/v":\n  version: 0.0.0-use.local\n' },
    ],
    [
      "pnpm's lock",
      {
        "pnpm-lock.yaml":
          "importers:\n\n  .:\n    devDependencies:\n      vitest:\n        specifier: ^4.0.0\n        version: 4.0.0\n",
      },
      {
        "pnpm-lock.yaml":
          "importers:\n\n  .:\n    devDependencies:\n      vitest:\n        specifier: ^4.0.0\n        version: link:tools/v\n",
      },
    ],
    [
      "pnpm's lock, packed",
      { "pnpm-lock.yaml": "packages:\n\n  'chai@5.0.0':\n    resolution: {integrity: sha512-a}\n" },
      { "pnpm-lock.yaml": "packages:\n\n  'chai@5.0.0':\n    resolution: {integrity: sha512-b}\n" },
    ],
  ])("%s", (_, base, change) => {
    expect(found(base, change)).not.toEqual([]);
    expect(found(change, change)).toEqual([]);
  });

  test("what tests import is a tool, too", () => {
    const base = { "package.json": { devDependencies: { "my-assert": "^1.0.0" } } };
    const change = { "package.json": { devDependencies: { "my-assert": "file:a" } } };
    expect(found(base, change, "node --test", 'import { ok } from "my-assert/strict";')).toEqual([
      "package.json: my-assert",
    ]);
    expect(found(base, change, "node --test")).toEqual([]);
  });
});

describe("a tool of the checks from elsewhere (others)", () => {
  test.each<[string, Files, Files, string]>([
    [
      "pytest from a folder",
      { "requirements.txt": "pytest==8.0\n" },
      { "requirements.txt": "pytest @ file:./p\n" },
      "pytest",
    ],
    [
      "pytest, editable",
      { "requirements-dev.txt": "pytest\n" },
      { "requirements-dev.txt": "-e ./vendor/pytest\n" },
      "pytest",
    ],
    [
      "pytest from git",
      { "requirements.txt": "pytest\n" },
      { "requirements.txt": "git+https://x/y@main#egg=pytest\n" },
      "pytest",
    ],
    [
      "another index",
      { "requirements.txt": "pytest\n" },
      { "requirements.txt": "--index-url https://evil.example/simple\npytest\n" },
      "pytest",
    ],
    [
      "a plugin from a folder",
      { "requirements.txt": "pytest\n" },
      { "requirements.txt": "pytest\npytest-green @ file:./g\n" },
      "pytest",
    ],
    [
      "another hash",
      { "requirements.txt": "pytest==8.0 --hash=sha256:aa\n" },
      { "requirements.txt": "pytest==8.0 --hash=sha256:bb\n" },
      "pytest",
    ],
    [
      "uv's sources",
      { "pyproject.toml": '[dependency-groups]\ndev = ["pytest>=8"]\n' },
      {
        "pyproject.toml":
          '[dependency-groups]\ndev = ["pytest>=8"]\n\n[tool.uv.sources]\npytest = { path = "vendor/pytest" }\n',
      },
      "pytest",
    ],
    [
      "a plugin by entry point",
      { "pyproject.toml": '[project]\nname = "shop"\n' },
      {
        "pyproject.toml":
          '[project]\nname = "shop"\n[project.entry-points.pytest11]\ngreen = "shop.green"\n',
      },
      "pytest",
    ],
    [
      "a program by entry point",
      { "pyproject.toml": '[project]\nname = "shop"\n' },
      { "pyproject.toml": '[project]\nname = "shop"\n[project.scripts]\npytest = "shop:main"\n' },
      "pytest",
    ],
    [
      "poetry's path",
      { "pyproject.toml": '[tool.poetry.group.dev.dependencies]\npytest = "^8"\n' },
      { "pyproject.toml": '[tool.poetry.group.dev.dependencies]\npytest = { path = "p" }\n' },
      "pytest",
    ],
    [
      "uv's lock",
      {
        "uv.lock":
          '[[package]]\nname = "pluggy"\nversion = "1.5"\nsource = { registry = "https://pypi.org/simple" }\n',
      },
      {
        "uv.lock": '[[package]]\nname = "pluggy"\nversion = "1.5"\nsource = { directory = "p" }\n',
      },
      "pytest",
    ],
    ["setup.py", {}, { "p/setup.py": 'setup(entry_points={"pytest11": ["g = g"]})\n' }, "pytest"],
    [
      "cargo's path",
      { "Cargo.toml": '[dev-dependencies]\nassert_cmd = "2"\n' },
      { "Cargo.toml": '[dev-dependencies]\nassert_cmd = { path = "a" }\n' },
      "cargo test",
    ],
    [
      "cargo's patch",
      { "Cargo.toml": '[dev-dependencies]\nproptest = "1"\n' },
      {
        "Cargo.toml":
          '[dev-dependencies]\nproptest = "1"\n[patch.crates-io]\nproptest = { path = "p" }\n',
      },
      "cargo test",
    ],
    [
      "cargo's table",
      { "Cargo.toml": '[dev-dependencies.insta]\nversion = "1"\n' },
      { "Cargo.toml": '[dev-dependencies.insta]\npath = "i"\n' },
      "cargo test",
    ],
    [
      "cargo's lock",
      {
        "Cargo.lock":
          '[[package]]\nname = "insta"\nversion = "1.0.0"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\nchecksum = "a"\n',
      },
      { "Cargo.lock": '[[package]]\nname = "insta"\nversion = "1.0.0"\n' },
      "cargo test",
    ],
    [
      "go's replace",
      { "go.mod": "module x\n\nrequire github.com/stretchr/testify v1.9.0\n" },
      {
        "go.mod":
          "module x\n\nrequire github.com/stretchr/testify v1.9.0\n\nreplace github.com/stretchr/testify => ./t\n",
      },
      "go test ./...",
    ],
    [
      "go's replace in brackets",
      { "go.work": "go 1.21\n" },
      { "go.work": "go 1.21\n\nreplace (\n\tgithub.com/stretchr/testify v1.9.0 => ../t\n)\n" },
      "go test ./...",
    ],
    [
      "go's sums",
      { "go.sum": "github.com/stretchr/testify v1.9.0 h1:a=\n" },
      { "go.sum": "github.com/stretchr/testify v1.9.0 h1:b=\n" },
      "go test ./...",
    ],
    [
      "a gem from a folder",
      { Gemfile: 'gem "rspec"\n' },
      { Gemfile: 'gem "rspec", path: "r"\n' },
      "bundle exec rspec",
    ],
    [
      "a gem's lock",
      { "Gemfile.lock": "GEM\n  remote: https://rubygems.org/\n  specs:\n    rspec (3.12.0)\n" },
      { "Gemfile.lock": "PATH\n  remote: r\n  specs:\n    rspec (3.12.0)\n" },
      "bundle exec rspec",
    ],
  ])("%s", (_, base, change, texts) => {
    expect(found(base, change, texts)).not.toEqual([]);
    expect(found(change, change, texts)).toEqual([]);
  });
});

describe("the change's own business", () => {
  test.each<[string, Files, Files, string]>([
    [
      "a new package",
      { "package.json": manifest, "package-lock.json": lock },
      {
        "package.json": { ...manifest, dependencies: { zod: "^4.0.0" } },
        "package-lock.json": withLocked({
          "node_modules/zod": {
            version: "4.0.0",
            resolved: `${registry}/zod/-/zod-4.0.0.tgz`,
            integrity: "sha512-z",
          },
        }),
      },
      "npm test\nvitest run",
    ],
    [
      "a new package with a program and a script",
      { "package-lock.json": lock },
      {
        "package-lock.json": withLocked({
          "node_modules/esbuild": {
            version: "1.0.0",
            resolved: `${registry}/esbuild/-/esbuild-1.0.0.tgz`,
            bin: { esbuild: "e" },
            hasInstallScript: true,
          },
        }),
      },
      "vitest run",
    ],
    [
      "another version of a tool",
      { "package.json": manifest, "package-lock.json": lock },
      {
        "package.json": { ...manifest, devDependencies: { vitest: "^5.0.0", chai: "^5.0.0" } },
        "package-lock.json": withLocked({
          "node_modules/vitest": {
            ...lock.packages["node_modules/vitest"],
            version: "5.0.0",
            resolved: `${registry}/vitest/-/vitest-5.0.0.tgz`,
            integrity: "sha512-v",
          },
        }),
      },
      "vitest run",
    ],
    [
      "a new workspace",
      { "package.json": manifest },
      {
        "package.json": manifest,
        "packages/app/package.json": { name: "@shop/app", bin: { shop: "s.js" } },
        "package-lock.json": withLocked({
          "node_modules/@shop/app": { resolved: "packages/app", link: true },
        }),
      },
      "npm test -w packages/app",
    ],
    [
      "a package that tests wait for",
      { "package.json": manifest },
      { "package.json": { ...manifest, dependencies: { "@shop/core": "file:core" } } },
      "vitest run",
    ],
    [
      "a product's package from a folder",
      { "package.json": { dependencies: { left: "^1.0.0" } } },
      { "package.json": { dependencies: { left: "file:left" } } },
      "vitest run",
    ],
    [
      "a requirement",
      { "requirements.txt": "pytest==8.0\n" },
      { "requirements.txt": "pytest==8.1\nflask>=3\npytest-cov\n" },
      "pytest",
    ],
    [
      "a crate",
      { "Cargo.toml": '[dependencies]\nserde = "1"\n' },
      {
        "Cargo.toml":
          '[dependencies]\nserde = { version = "1", features = ["derive"] }\nfork = { path = "fork" }\n',
      },
      "cargo test",
    ],
    [
      "a module",
      { "go.mod": "module x\n" },
      {
        "go.mod":
          "module x\n\nrequire (\n\tgithub.com/a/b v1.0.0\n)\nreplace github.com/a/b => ./b\n",
      },
      "go test ./...",
    ],
    [
      "a package's own name and programs",
      { "pyproject.toml": '[project]\nname = "shop"\n' },
      {
        "pyproject.toml":
          '[project]\nname = "bazaar"\ndependencies = ["flask"]\n[project.scripts]\nbazaar = "bazaar:main"\n',
      },
      "pytest",
    ],
  ])("%s", (_, base, change, texts) => {
    expect(found(base, change, texts, 'import core from "@shop/core";')).toEqual([]);
  });
});

test("another version of a tool is said, and needs no acceptance", () => {
  const change = {
    "package.json": { ...manifest, devDependencies: { vitest: "^5.0.0", chai: "^5.0.0" } },
  };
  const { otherVersions, tools } = findToolChanges(input({ "package.json": manifest }, change));
  expect(tools).toEqual([]);
  expect(otherVersions.map((each) => each.package)).toEqual(["vitest"]);
});

describe("the change's files with the tools of the base", () => {
  const texts = (base: Files, change: Files, checks?: string) =>
    Object.fromEntries(
      withOldTools(input(base, change, checks)).map(({ path, text }) => [path, text]),
    );

  test("a package.json keeps what is new in it", () => {
    const change = {
      ...manifest,
      dependencies: { zod: "^4.0.0" },
      devDependencies: { vitest: "file:v", chai: "^5.0.0" },
      overrides: { chai: "file:c" },
    };
    const text =
      texts({ "package.json": manifest }, { "package.json": change })["package.json"] ?? "";
    expect(JSON.parse(text)).toEqual({ ...manifest, dependencies: { zod: "^4.0.0" } });
  });

  test("so does npm's lock", () => {
    const zod = { "node_modules/zod": { version: "4.0.0", integrity: "sha512-z" } };
    const evil = {
      "node_modules/vitest": { resolved: "tools/v", link: true },
      "tools/v": { version: "9.0.0" },
    };
    const text =
      texts(
        { "package-lock.json": lock },
        { "package-lock.json": withLocked({ ...zod, ...evil }) },
      )["package-lock.json"] ?? "";
    expect(JSON.parse(text)).toEqual(withLocked(zod));
  });

  test("a lock in which nothing else differs is the base's", () => {
    const base = 'vitest@^4.0.0:\n  version "4.0.0"\n';
    const change = { "yarn.lock": '"vitest@file:tools/v":\n  version "4.0.0"\n' };
    expect(texts({ "yarn.lock": base }, change)).toEqual({ "yarn.lock": base });
  });

  test("TOML, requirements and go.mod, by entry", () => {
    const cargo = texts(
      { "Cargo.toml": '[package]\nname = "x"\n\n[dev-dependencies]\ninsta = "1"\n' },
      {
        "Cargo.toml":
          '[package]\nname = "x"\n\n[dependencies]\nserde = "1"\n\n[dev-dependencies]\ninsta = { path = "i" }\n',
      },
      "cargo test",
    )["Cargo.toml"];
    expect(cargo).toBe(
      '[package]\nname = "x"\n\n[dependencies]\nserde = "1"\n\n[dev-dependencies]\ninsta = "1"\n',
    );
    const required = texts(
      { "requirements.txt": "flask\npytest==8.0\n" },
      { "requirements.txt": "flask\njinja2\n-e ./pytest\n" },
      "pytest",
    )["requirements.txt"];
    expect(required).toBe("flask\njinja2\npytest==8.0\n");
    const go = texts(
      { "go.mod": "module x\n\nrequire github.com/stretchr/testify v1.9.0\n" },
      {
        "go.mod":
          "module x\n\nrequire github.com/stretchr/testify v1.9.0\n\nreplace github.com/stretchr/testify => ./t\n",
      },
      "go test ./...",
    )["go.mod"];
    expect(go).not.toContain("replace");
    expect(go).toContain("require github.com/stretchr/testify v1.9.0");
  });

  test("nothing where no tool changed", () => {
    const change = { "package.json": { ...manifest, dependencies: { zod: "^4.0.0" } } };
    expect(texts({ "package.json": manifest }, change)).toEqual({});
  });
});

test("hostile texts are read to their end, and without an exception", () => {
  const names = [
    "package.json",
    "package-lock.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "requirements.txt",
    "pyproject.toml",
    "uv.lock",
    "setup.cfg",
    "Cargo.toml",
    "Cargo.lock",
    "go.mod",
    "go.sum",
    "Gemfile",
    "Gemfile.lock",
  ];
  const texts = [
    "[".repeat(50_000),
    '{"a":'.repeat(20_000),
    "a = [\n".repeat(20_000),
    "@".repeat(50_000),
    `${" ".repeat(50_000)}x`,
    '"'.repeat(50_001),
    "a/".repeat(30_000),
    "null",
    "[]",
    '{"packages":[1],"overrides":"x"}',
    "-e ".repeat(20_000),
    `git${":".repeat(50_000)}`,
    "x@".repeat(30_000),
    "'".repeat(50_001),
    `a = "${"\\".repeat(50_001)}`,
    `{"devDependencies":{"vitest":"${"a/".repeat(20_000)}"}}`,
    `from ${" ".repeat(50_000)}`,
  ];
  for (const name of names) {
    expect(isDependencyFile(name)).toBe(true);
    for (const text of texts)
      withOldTools(input({ [name]: text }, { [name]: `${text}x` }, text, text));
  }
});

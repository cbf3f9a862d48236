import { describe, expect, test } from "vitest";
import { chooseVersion } from "../../src/core/settings/wanted-tool.ts";
import { noteEnvrc, readWantedTools } from "../../src/verifier/detection/wanted-tools.ts";

const readFrom = (files: Record<string, string>) =>
  readWantedTools({
    files: new Set(Object.keys(files)),
    read: async (path) => files[path] ?? null,
  });

describe("the versions that a repository asks for", () => {
  test.each<[files: Record<string, string>, wanted: string[]]>([
    [{ ".nvmrc": "# ours\nv22.3.0\n" }, ["node v22.3.0 (.nvmrc)"]],
    [{ ".nvmrc": "lts/jod" }, ["node lts/jod (.nvmrc)"]],
    [{ ".node-version": "22\n", ".nvmrc": "20\n" }, ["node 20 (.nvmrc)"]],
    [{ ".python-version": "3.12.1\n3.11\n" }, ["python 3.12.1 (.python-version)"]],
    [{ ".ruby-version": "ruby-3.2.2\n" }, ["ruby ruby-3.2.2 (.ruby-version)"]],
    [
      { ".tool-versions": "nodejs 22.3.0 # ours\ngolang 1.22.1\npython system\n\nterraform 1.9\n" },
      [
        "node 22.3.0 (.tool-versions)",
        "go 1.22.1 (.tool-versions)",
        "terraform 1.9 (.tool-versions)",
      ],
    ],
    [
      {
        "mise.toml":
          '[env]\nnode = "x"\n[tools]\nnode = "22"\n"python" = ["3.12", "3.11"]\ngo = { version = \'1.22\' }\n"npm:@a/b" = "3" # ours\n[tools.java]\nversion = "temurin-21.0.2+13"\n[tasks.a]\nrun = "b"\n',
        ".tool-versions": "nodejs 18\nruby 3.3.0\n",
      },
      [
        "node 22 (mise.toml)",
        "python 3.12 (mise.toml)",
        "go 1.22 (mise.toml)",
        "npm:@a/b 3 (mise.toml)",
        "java temurin-21.0.2+13 (mise.toml)",
        "ruby 3.3.0 (.tool-versions)",
      ],
    ],
    [
      { "rust-toolchain.toml": '[toolchain]\nchannel = "1.75"\n' },
      ["rust 1.75 (rust-toolchain.toml)"],
    ],
    [{ "rust-toolchain": "nightly-2026-01-01\n" }, ["rust nightly-2026-01-01 (rust-toolchain)"]],
    [
      {
        ".tool-versions": "nodejs path:/tmp/x\nev\u001b[1mil 1\nx\nconstructor 1\n",
        ".ruby-version": ">=3 \n",
      },
      [
        "node path:/tmp/x (.tool-versions)",
        "constructor 1 (.tool-versions)",
        "ruby >=3 (.ruby-version)",
      ],
    ],
    [{ ".config/mise/config.toml": '[tools]\nnode = {os = ["linux"]}\n[env]\n' }, []],
    [{ ".nvmrc": "", "sub/.nvmrc": "1" }, []],
  ])("%j", async (files, wanted) => {
    const { versions } = await readFrom(files);
    expect(versions.map(({ by, name, version }) => `${name} ${version} (${by})`)).toEqual(wanted);
  });

  test("direnv's file is not loaded, and that is said; mise's files are known, also without tools", async () => {
    expect(noteEnvrc(new Set(["a"]))).toEqual([]);
    expect(noteEnvrc(new Set([".envrc"]))).toEqual([
      expect.stringMatching(/^\.envrc is not loaded/),
    ]);
    expect((await readFrom({ ".config/mise/config.toml": "[tasks]\n" })).usesMise).toBe(true);
    expect((await readFrom({ ".tool-versions": "node 22\n" })).usesMise).toBe(false);
  });
});

test.each<[name: string, version: string, installed: string[], chosen: string | null]>([
  ["node", "22.3.0", ["v20.1.0", "v22.3.0"], "v22.3.0"],
  ["node", "v22.3", ["22.3.0", "22.3.11", "22.30.0"], "22.3.11"],
  ["node", "22", ["20.1.0", "22.9.0", "22.10.0"], "22.10.0"],
  ["node", "22", ["22", "22.10.0"], "22"],
  ["node", "2", ["22.10.0"], null],
  ["node", "lts/*", ["v21.0.0", "v20.9.0", "v18.1.0"], "v20.9.0"],
  ["node", "lts/iron", ["v22.0.0", "v20.9.0"], "v20.9.0"],
  ["node", "lts/unknown", ["v22.0.0", "v2.0.0"], null],
  ["node", "node", ["v20.9.0", "v22.0.0"], "v22.0.0"],
  [
    "python",
    "3.12",
    ["cpython-3.12.1-linux-x86_64-gnu", "cpython-3.9.1-linux-x86_64-gnu"],
    "cpython-3.12.1-linux-x86_64-gnu",
  ],
  ["ruby", "ruby-3.2.2", ["3.2.2"], "3.2.2"],
  ["go", "1.22", ["1.9.0", "1.22.1"], "1.22.1"],
  ["python", "pypy3.9-7.3", ["3.9.1", "pypy3.9-7.3"], "pypy3.9-7.3"],
  ["node", ">=18", ["20.0.0"], null],
  ["node", "22", [], null],
])("%s %s of %j is %s", (name, version, installed, chosen) => {
  expect(chooseVersion({ name, version }, installed)).toBe(chosen);
});

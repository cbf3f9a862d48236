import { describe, expect, test } from "vitest";
import { cargoTest } from "../../../src/verifier/runners/native/cargo-test.ts";
import { isInstalled, readRun, type Tree, tryCanary } from "./run-for-real.ts";

const installed = await isInstalled("cargo", "--version");
const command = "cargo test --offline";
const honest: Tree = {
  "Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n',
  "src/lib.rs":
    "/// Adds.\n///\n/// ```\n/// assert_eq!(shop::add(1, 2), 3);\n/// ```\npub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn adds() {\n        assert_eq!(add(1, 2), 3);\n    }\n    #[test]\n    #[should_panic]\n    fn panics() {\n        assert!(add(1, 2) == 0);\n    }\n    #[test]\n    #[ignore]\n    fn later() {}\n}\n",
  "tests/whole.rs": "#[test]\nfn whole() {\n    assert_eq!(shop::add(1, 1), 2);\n}\n",
};
const states = {
  "tests::adds": "passed",
  "tests::panics": "passed",
  "tests::later": "skipped",
  whole: "passed",
  "src/lib.rs - add": "passed",
};

describe.skipIf(!installed)("cargo test", () => {
  test("names each test, of all binaries", async () => {
    const green = await readRun(cargoTest, honest, command);
    expect(green.tests).toEqual({ format: "cargo test", listed: "all", tests: states });
    const red = { ...honest, "src/lib.rs": (honest["src/lib.rs"] ?? "").replace("a + b", "a * b") };
    expect((await readRun(cargoTest, red, command)).tests).toEqual({
      format: "cargo test",
      listed: "all",
      tests: { ...states, "tests::adds": "failed", whole: "failed", "src/lib.rs - add": "failed" },
    });
    const quiet = await readRun(cargoTest, red, `sh -c '${command} -q'`);
    expect(quiet.tests).toMatchObject({ tests: { "tests::adds": "failed" } });
  });

  test("what does not build, crashes or ends at once is told apart", async () => {
    const broken = {
      ...honest,
      "src/lib.rs": (honest["src/lib.rs"] ?? "").replace("a + b", "a + c"),
    };
    const build = await readRun(cargoTest, broken, command);
    expect(build.tests?.listed).toBe("some");
    expect(Object.keys(build.tests?.tests ?? {})).toContain("shop (lib) (whole file)");
    const exits = {
      ...honest,
      "src/lib.rs": (honest["src/lib.rs"] ?? "").replace(
        "a + b",
        "std::process::exit(a * 0 + b * 0)",
      ),
    };
    const cut = await readRun(cargoTest, exits, `${command} --lib`);
    expect(cut.exitCode).toBe(0);
    expect(cut.tests).toMatchObject({
      listed: "some",
      tests: { "a test binary (whole file)": "failed" },
    });
  });

  test.each([command, `${command} --lib`, `${command} --test whole`, `${command} adds`])(
    "a canary bites: %s",
    async (line) => {
      const { red, silent } = await tryCanary(cargoTest, honest, line);
      expect(red.exitCode).toBe(101);
      expect(silent).toEqual([]);
    },
  );

  const cheats: Record<string, Tree> = {
    "no harness": {
      "Cargo.toml": `${honest["Cargo.toml"]}[[test]]\nname = "whole"\nharness = false\n`,
      "tests/whole.rs": "fn main() {}\n#[test]\nfn whole() {}\n",
    },
    "no tests of the library": { "Cargo.toml": `${honest["Cargo.toml"]}[lib]\ntest = false\n` },
    "no tests found": {
      "Cargo.toml": `${honest["Cargo.toml"]}autotests = false\n`,
    },
    "another macro": {
      "src/lib.rs": `macro_rules! assert_eq {\n    ($($x:tt)*) => {};\n}\n${honest["src/lib.rs"]}`,
    },
    "ends at once": {
      "src/lib.rs": (honest["src/lib.rs"] ?? "").replace(
        "#[cfg(test)]",
        '#[cfg(test)]\n#[used]\n#[link_section = ".init_array"]\nstatic E: extern "C" fn() = {\n    extern "C" fn e() {\n        std::process::exit(0)\n    }\n    e\n};\n\n#[cfg(test)]',
      ),
    },
  };
  test.each(Object.keys(cheats))("a canary is silent: %s", async (name) => {
    const { silent } = await tryCanary(cargoTest, { ...honest, ...cheats[name] }, command);
    expect(silent).not.toEqual([]);
  });
});

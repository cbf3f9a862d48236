import { describe, expect, test } from "vitest";
import { ctest } from "../../../src/verifier/runners/native/ctest.ts";
import { isInstalled, readRun, type Tree, tryCanary } from "./run-for-real.ts";

const installed =
  (await isInstalled("ctest", "--version")) && (await isInstalled("gcc", "--version"));
const command = "cmake -S . -B build && cmake --build build && ctest --test-dir build";
const honest: Tree = {
  "CMakeLists.txt": [
    "cmake_minimum_required(VERSION 3.10)",
    "project(shop C)",
    "enable_testing()",
    "add_library(total total.c)",
    "add_executable(test_total test_total.c)",
    "target_link_libraries(test_total total)",
    "add_test(NAME adds COMMAND test_total)",
    "add_test(NAME also.adds COMMAND test_total again)",
    "",
  ].join("\n"),
  "total.c": "int total(int a, int b) { return a + b; }\n",
  "test_total.c":
    "#undef NDEBUG\n#include <assert.h>\nint total(int a, int b);\nint main(void) {\n  assert(total(1, 2) == 3);\n  return 0;\n}\n",
};

describe.skipIf(!installed)("ctest", () => {
  test("names each test", async () => {
    const green = await readRun(ctest, honest, command);
    expect(green.tests).toEqual({
      format: "ctest",
      listed: "all",
      tests: { adds: "passed", "also.adds": "passed" },
    });
    const red = await readRun(
      ctest,
      { ...honest, "total.c": "int total(int a, int b) { return a * b; }\n" },
      `${command} -j2 -V`,
    );
    expect(red.tests).toEqual({
      format: "ctest",
      listed: "all",
      tests: { adds: "failed", "also.adds": "failed" },
    });
  });

  test("what does not build, or has no test, has no list", async () => {
    const broken = await readRun(ctest, { ...honest, "total.c": "int total(" }, command);
    expect(broken.tests).toBeNull();
    const none = await readRun(
      ctest,
      {
        ...honest,
        "CMakeLists.txt": (honest["CMakeLists.txt"] ?? "").replaceAll(/add_test.*\n/g, ""),
      },
      command,
    );
    expect(none.tests).toMatchObject({ listed: "all", tests: {} });
  });

  test.each([
    command,
    `${command} -R adds`,
    "cmake -S . -B build && make -C build && make -C build test",
  ])("a canary bites: %s", async (line) => {
    const { tests } = await readRun(ctest, honest, line);
    const { red, silent } = await tryCanary(ctest, honest, line, { tests });
    expect(red.exitCode).not.toBe(0);
    expect(silent).toEqual([]);
  });

  const lists = honest["CMakeLists.txt"] ?? "";
  const returning: Tree = {
    ...honest,
    "test_total.c": "int total(int a, int b);\nint main(void) {\n  return total(1, 2) != 3;\n}\n",
  };
  const properties = (text: string) => ({
    "CMakeLists.txt": `${lists}set_tests_properties(adds also.adds PROPERTIES ${text})\n`,
  });
  const cheats: Record<string, Tree> = {
    "made to fail": properties("WILL_FAIL TRUE"),
    "passes by its words": properties('PASS_REGULAR_EXPRESSION ".*"'),
    "is skipped": properties("SKIP_RETURN_CODE 1"),
    "is disabled": properties("DISABLED TRUE"),
    "none are enabled": { "CMakeLists.txt": lists.replace("enable_testing()", "") },
    "ends while loading": {
      "total.c":
        "#include <unistd.h>\n__attribute__((constructor)) static void e(void) { _exit(0); }\nint total(int a, int b) { return 0; }\n",
    },
    ignored: {
      "CMakeLists.txt": `${lists}file(WRITE \${CMAKE_BINARY_DIR}/CTestCustom.cmake "set(CTEST_CUSTOM_TESTS_IGNORE adds also.adds)")\n`,
    },
  };
  test.each(Object.keys(cheats))("a canary is silent: %s", async (name) => {
    const tests = { format: "ctest", listed: "all" as const, tests: { adds: "passed" as const } };
    const tree = { ...returning, ...cheats[name] };
    const { silent } = await tryCanary(ctest, tree, command, { tests });
    expect(silent).not.toEqual([]);
  });
});

import { describe, expect, test } from "vitest";
import { cProgram } from "../../../src/verifier/runners/native/c-program.ts";
import { surefire } from "../../../src/verifier/runners/native/surefire.ts";
import { bats } from "../../../src/verifier/runners/others/bats.ts";
import { doctest } from "../../../src/verifier/runners/python/doctest.ts";
import { isInstalled, readRun, type Tree, tryCanary } from "./run-for-real.ts";

const has = {
  python: await isInstalled("python3", "--version"),
  gcc: (await isInstalled("gcc", "--version")) && (await isInstalled("make", "--version")),
};

describe.skipIf(!has.python)("doctest", () => {
  const tree: Tree = {
    "total.py":
      'def total(xs):\n    """Add.\n\n    >>> total([1, 2])\n    3\n    """\n    return sum(xs)\n\n\nif __name__ == "__main__":\n    print(total([]))\n',
    "README.md": "# Total\n\n>>> from total import total\n>>> total([1])\n1\n",
  };
  test.each(["python3 -m doctest total.py", "python3 -m doctest README.md"])(
    "a canary bites: %s",
    async (line) => {
      expect((await readRun(doctest, tree, line)).exitCode).toBe(0);
      const { red, silent } = await tryCanary(doctest, tree, line);
      expect(red.exitCode).toBe(1);
      expect(silent).toEqual([]);
    },
  );
});

describe.skipIf(!has.gcc)("a program in C", () => {
  const tree: Tree = {
    Makefile:
      "CFLAGS += -Wall -Werror\ntest: test_total\n\t./test_total\ntest_total: test_total.c total.c\n\t$(CC) $(CFLAGS) -o $@ $^\n",
    "total.c": "int total(int a, int b) { return a + b; }\n",
    "test_total.c":
      "#include <assert.h>\nint total(int a, int b);\nint main(void) {\n  assert(total(1, 2) == 3);\n  return 0;\n}\n",
  };
  const texts = (each: Tree) => `make test\n${each.Makefile}`;
  test("a canary bites", async () => {
    const { red, silent } = await tryCanary(cProgram, tree, "make test", { texts: texts(tree) });
    expect(red.exitCode).toBe(2);
    expect(silent).toEqual([]);
  });
  test.each<[string, Tree]>([
    ["asserts nothing", { Makefile: `CFLAGS = -DNDEBUG\n${tree.Makefile}` }],
    ["ignores", { Makefile: (tree.Makefile ?? "").replace("\t./", "\t-./") }],
    ["does not run", { Makefile: (tree.Makefile ?? "").replace("\t./", "\t@echo ./") }],
    [
      "ends while loading",
      {
        "total.c":
          "#include <unistd.h>\n__attribute__((constructor)) static void e(void) { _exit(0); }\nint total(int a, int b) { return 0; }\n",
      },
    ],
  ])("a canary is silent: %s", async (_, change) => {
    const all = { ...tree, ...change };
    const { silent } = await tryCanary(cProgram, all, "make test", { texts: texts(all) });
    expect(silent).not.toEqual([]);
  });
});

test("bats: a test more in the file, and a file beside it", async () => {
  const text = '@test "adds" {\n  [ "$(echo 3)" = 3 ]\n}\n';
  const canary = await bats.placeCanary({
    ...{
      about: { command: "bats test", texts: "bats test" },
      tests: null,
      prefer: [],
      token: "abc",
    },
    ...{ files: ["test/a.bats"], read: async () => text },
  });
  expect(canary?.files.map(({ path }) => path)).toEqual(["test/a.bats", "test/abc.bats"]);
  expect(canary?.files[0]?.text).toBe(`${text}\n@test "abca" {\n  [ "x" = "y" ]\n}\n`);
});

describe("Surefire", () => {
  const report = (state: string) =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="shop.TotalTest" tests="2"><testcase name="adds" classname="shop.TotalTest" time="0.1"/><testcase name="one" classname="shop.TotalTest" time="0">${state}</testcase></testsuite>\n`;
  const stale = { "target/surefire-reports/TEST-shop.OldTest.xml": report("") };

  test("reads the reports that the run wrote, and none that were there before", async () => {
    const write = (text: string) =>
      `mkdir -p a/target/surefire-reports && printf '%s' '${text}' > a/target/surefire-reports/TEST-shop.TotalTest.xml`;
    const { tests } = await readRun(surefire, stale, write(report('<failure message="no"/>')));
    expect(tests).toEqual({
      format: "junit",
      listed: "all",
      tests: { "shop.TotalTest > adds": "passed", "shop.TotalTest > one": "failed" },
    });
    expect((await readRun(surefire, stale, "true")).tests).toBeNull();
  });

  test("failing tests in what it prints", () => {
    const output = [
      "[INFO] Running shop.TotalTest",
      "[ERROR] Tests run: 2, Failures: 1, Errors: 0, Skipped: 0, Time elapsed: 0.05 s <<< FAILURE! -- in shop.TotalTest",
      "[ERROR] shop.TotalTest.fails -- Time elapsed: 0.01 s <<< FAILURE!",
      "org.opentest4j.AssertionFailedError: expected: <4> but was: <3>",
    ];
    expect(surefire.readOutput(output.join("\n"))).toEqual({
      format: "surefire",
      listed: "failures",
      tests: { "shop.TotalTest > fails": "failed" },
    });
    expect(
      surefire.readOutput("[ERROR] COMPILATION ERROR : \n[INFO] BUILD FAILURE")?.tests,
    ).toEqual({
      "the build (whole file)": "failed",
    });
  });

  test("a method more in the class, and a class beside it", async () => {
    const path = "src/test/java/shop/TotalTest.java";
    const text =
      "package shop;\n\nimport static org.junit.jupiter.api.Assertions.assertEquals;\nimport org.junit.jupiter.api.Test;\n\nclass TotalTest {\n  @Test\n  void adds() {\n    assertEquals(3, Total.of(1, 2));\n  }\n}\n";
    const canary = await surefire.placeCanary({
      ...{
        about: { command: "mvn test", texts: "mvn test" },
        tests: null,
        prefer: [],
        token: "abc",
      },
      ...{ files: [path], read: async () => text },
    });
    expect(canary?.names).toEqual(["testabca", "testabcc"]);
    expect(canary?.files[0]?.text).toContain(
      'public void testabca() {\n    assertEquals("x", "y");\n  }\n}\n',
    );
    expect(canary?.files[1]?.path).toBe("src/test/java/shop/CabcTest.java");
    expect(canary?.files[1]?.text).toMatch(
      /^package shop;\n\npublic class CabcTest \{\n {2}@org\.junit/,
    );
  });
});

import { describe, expect, test } from "vitest";
import { goTest } from "../../../src/verifier/runners/native/go-test.ts";
import { isInstalled, readRun, type Tree, tryCanary } from "./run-for-real.ts";

const installed = await isInstalled("go", "version");
const command = "go test ./...";
const honest: Tree = {
  "go.mod": "module example.com/shop\n\ngo 1.18\n",
  "sum/sum.go":
    "package sum\n\nfunc Total(xs []int) int {\n\ts := 0\n\tfor _, x := range xs {\n\t\ts += x\n\t}\n\treturn s\n}\n",
  "sum/sum_test.go":
    'package sum\n\nimport "testing"\n\nfunc TestAdds(t *testing.T) {\n\tif Total([]int{1, 2}) != 3 {\n\t\tt.Fatal("wrong")\n\t}\n}\n\nfunc TestEach(t *testing.T) {\n\tt.Run("a b", func(t *testing.T) {})\n\tt.Run("c", func(t *testing.T) { t.Skip() })\n}\n',
  "doc.go": "package shop\n",
};
const all = {
  "example.com/shop/sum > TestAdds": "passed",
  "example.com/shop/sum > TestEach": "passed",
  "example.com/shop/sum > TestEach/a_b": "passed",
  "example.com/shop/sum > TestEach/c": "skipped",
};

describe.skipIf(!installed)("go test", () => {
  test("names each test", async () => {
    for (const line of [command, "go vet ./... && go test ./...", "go test -json ./..."]) {
      const { tests } = await readRun(goTest, honest, line);
      expect(tests).toMatchObject({ listed: "all", tests: all });
    }
  });

  test("failing tests, where the flags are the command's own", async () => {
    const red = {
      ...honest,
      "sum/sum.go": "package sum\n\nfunc Total(xs []int) int { return 0 }\n",
    };
    const { tests } = await readRun(goTest, red, `GOFLAGS=-mod=mod ${command}`);
    expect(tests).toEqual({
      format: "go test",
      listed: "failures",
      tests: { "example.com/shop/sum > TestAdds": "failed" },
    });
  });

  test("what does not build, or ends at once, is told apart", async () => {
    const broken = { ...honest, "sum/sum.go": "package sum\n\nfunc Total() {}\n" };
    expect((await readRun(goTest, broken, command)).tests?.tests).toEqual({
      "example.com/shop/sum (whole file)": "failed",
    });
    const panics = {
      ...honest,
      "sum/sum.go": 'package sum\n\nfunc Total(xs []int) int { panic("no") }\n',
    };
    expect((await readRun(goTest, panics, command)).tests?.tests).toEqual({
      "example.com/shop/sum > TestAdds": "failed",
    });
    expect(
      (await readRun(goTest, { "go.mod": honest["go.mod"] ?? "", "a.go": "package a\n" }, command))
        .tests,
    ).toEqual({ format: "go test", listed: "failures", tests: {} });
  });

  test.each([
    command,
    "go test ./sum",
    "go test -run Adds ./...",
    "go test -run '^TestAdds$' ./...",
    "cd sum && go test",
  ])("a canary bites: %s", async (line) => {
    const { tests } = await readRun(goTest, honest, line);
    const { red, silent } = await tryCanary(goTest, honest, line, { tests });
    expect(red.exitCode).toBe(1);
    expect(silent).toEqual([]);
  });

  const cheats: Record<string, Tree> = {
    "a main of its own": {
      "sum/main_test.go":
        'package sum\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) { os.Exit(0) }\n',
    },
    "a main that ignores": {
      "sum/main_test.go":
        'package sum\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) { m.Run(); os.Exit(0) }\n',
    },
    "ends while loading": {
      "sum/sum.go":
        'package sum\n\nimport "os"\n\nfunc init() { os.Exit(0) }\nfunc Total(xs []int) int { return 0 }\n',
    },
    "built for nobody": {
      "sum/sum_test.go": `//go:build never\n\n${honest["sum/sum_test.go"]}`,
    },
  };
  test.each(Object.keys(cheats))("a canary is silent: %s", async (name) => {
    const tests = {
      format: "go test",
      listed: "all" as const,
      tests: { "example.com/shop/sum > TestAdds": "passed" as const },
    };
    const { silent } = await tryCanary(goTest, { ...honest, ...cheats[name] }, command, { tests });
    expect(silent).not.toEqual([]);
  });

  test("a canary is silent: a makefile that ignores", async () => {
    const tree = { ...honest, Makefile: "test:\n\t-go test ./...\n" };
    const { silent } = await tryCanary(goTest, tree, "make test", {
      texts: `make test\n${tree.Makefile}`,
    });
    expect(silent).not.toEqual([]);
  });
});

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CheckRun } from "../../src/core/proof/verdict.ts";
import { runCheck } from "../../src/verifier/checks/run-checks.ts";
import { type ChangedSource, makeMutants } from "../../src/verifier/mutants/make-mutants.ts";
import { judgeMutant, tryMutants } from "../../src/verifier/mutants/try-mutants.ts";
import { makeCheck } from "./repository.ts";

/** All lines of a text, or those whose numbers are given. */
function source(path: string, text: string, lines?: number[]): ChangedSource {
  return { path, text, lines: lines ?? text.split("\n").map((_, at) => at + 1) };
}

const faults = (path: string, text: string, max = 1_000) =>
  makeMutants([source(path, text)], max).map(
    ({ after, before, line }) => `${line}: ${before} → ${after}`,
  );

describe("faults by language", () => {
  test("JavaScript", () => {
    const text = [
      'import { a } from "a";',
      "// if (x < 1) is no code",
      "export function sum(list, limit) {",
      '  const name = "total < 3"; /* a && b */',
      "  if (list.length === 0 || limit < 2) return null;",
      "  store.save(list, () => 1);",
      '  console.log("x");',
      "  const re = /a+b < c/;",
      "  return list.reduce((all, one) => all + one, 0);",
      "}",
      'const other = require("other");',
    ].join("\n");
    const all = faults("src/a.js", text);
    expect(all).toContain("5: < → <=");
    expect(all).toContain("5: === → !==");
    expect(all).toContain("5: || → &&");
    expect(all).toContain("6: store.save(list, () => 1); → ;");
    expect(all).toContain("9: + → -");
    expect(all).toContain("9: list.reduce((all, one) => all + one, 0) → undefined");
    expect(all).toContain('4: "total < 3" → ""');
    expect(all.filter((each) => /^(1|2|3|7|8|10|11):/.test(each))).toEqual([]);
  });

  test("TypeScript's types are left alone", () => {
    const text = [
      "export type A = { a: Map<string, number> };",
      "function f<T>(list: Array<T>): boolean {",
      "  return list.length >= 1 && !done;",
      "}",
    ].join("\n");
    expect(faults("src/a.ts", text)).toEqual([
      "3: >= → >",
      "3: && → ||",
      "3: list.length >= 1 && !done → undefined",
      "3: 1 → 2",
    ]);
  });

  test("Python", () => {
    const text = [
      "import os",
      "def share(total, parts):",
      '    """total < parts"""',
      "    if total is not None and parts > 0:",
      "        cache.clear()",
      "        return total / parts  # a + b",
      "    return False",
    ].join("\n");
    const all = faults("a.py", text);
    expect(all).toContain("4: > → >=");
    expect(all).toContain("4: and → or");
    expect(all).toContain(
      "4: total is not None and parts > 0 → not (total is not None and parts > 0)",
    );
    expect(all).toContain("5: cache.clear() → pass");
    expect(all).toContain("6: / → *");
    expect(all).toContain("7: False → True");
    expect(all.filter((each) => /^[123]:/.test(each))).toEqual([]);
  });

  test("Go, Rust, Ruby, Java and C", () => {
    expect(
      faults(
        "a.go",
        'package a\n\nimport "fmt"\n\nfunc F(n int) bool {\n\tif n > 3 {\n\t\treturn true\n\t}\n\treturn n == 1\n}\n',
      ),
    ).toEqual([
      "6: > → >=",
      "7: true → false",
      "9: == → !=",
      "6: n > 3 → !(n > 3)",
      "9: 1 → 2",
      "6: 3 → 4",
    ]);
    expect(
      faults(
        "a.rs",
        "use std::fmt;\npub fn f<'a>(x: &'a str, n: usize) -> bool {\n    if n >= 2 {\n        return false;\n    }\n    x.len() < n\n}\n#[cfg(test)]\nmod tests {\n    fn t() { assert!(1 < 2); }\n}\n",
      ),
    ).toEqual(["3: >= → >", "4: false → true", "6: < → <=", "3: n >= 2 → !(n >= 2)", "3: 2 → 3"]);
    expect(
      faults("a.rb", "require 'x'\ndef f(n)\n  return nil if n > 3\n  n + 1\nend\n"),
    ).toContain("4: + → -");
    expect(
      faults(
        "A.java",
        "import a.B;\nclass A {\n  int f(int n) {\n    if (n <= 0) { return 1; }\n    this.list.clear();\n    return n * 2;\n  }\n}\n",
      ),
    ).toEqual(expect.arrayContaining(["4: <= → <", "5: this.list.clear(); → ;", "6: * → /"]));
    expect(
      faults(
        "a.c",
        "#include <a.h>\n#define N (1 + 2)\nint f(int n) {\n  if (n != 0 && n < 9) return n - 1;\n  free(p);\n  return 0;\n}\n",
      ),
    ).toEqual(expect.arrayContaining(["4: != → ==", "4: && → ||", "4: - → +", "5: free(p); → ;"]));
  });

  test("other languages, and texts without an end, give nothing and do no harm", () => {
    expect(faults("a.md", "if (a < b) return;")).toEqual([]);
    for (const path of ["a.js", "a.py", "a.go", "a.rs", "a.rb", "a.java", "a.c", "a.ts"]) {
      for (const piece of [
        '"',
        "'",
        "`",
        "/*",
        "/",
        "(",
        "\\",
        'r#"',
        "if (",
        "return ",
        " ",
        "a.",
        "==",
      ]) {
        for (const text of [piece.repeat(20_000), `${piece.repeat(400)}x\n`.repeat(50)])
          makeMutants([source(path, text)], 10);
      }
    }
  });
});

test("the faults of a change are spread over its lines and files, and are the same each time", () => {
  const body = Array.from(
    { length: 40 },
    (_, at) => `export const f${at} = (a) => a < ${at} && a > 1;`,
  ).join("\n");
  const sources = [
    source("src/a.js", body),
    source("src/b.js", body),
    source("src/c.js", body, [3]),
  ];
  const some = makeMutants(sources, 11);
  expect(some).toHaveLength(11);
  expect(new Set(some.map(({ path }) => path)).size).toBeGreaterThan(1);
  expect(new Set(some.map(({ line, path }) => `${path}:${line}`)).size).toBe(11);
  expect(makeMutants(sources, 11)).toEqual(some);
  expect(makeMutants([source("src/c.js", body, [3])], 100).every(({ line }) => line === 3)).toBe(
    true,
  );
});

describe("tried on a real project", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "deputy-mutants-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const code = [
    "export const price = (count, member) => {",
    "  if (count < 1) throw new Error('none');",
    "  const sum = count * 3;",
    "  return member ? sum - 1 : sum;",
    "};",
    "",
  ].join("\n");
  const files = {
    "package.json": '{"type":"module"}',
    "src/price.js": code,
    "test/price.test.js": `import { test } from "node:test";
import assert from "node:assert";
import { price } from "../src/price.js";
test("costs", () => assert.equal(price(2, false), 6));
test("refuses", () => assert.throws(() => price(0, false)));
`,
  };
  const check = makeCheck("node --test --test-reporter=tap");

  async function run(more: Record<string, string>): Promise<CheckRun> {
    const worktree = await mkdtemp(join(folder, "w-"));
    for (const [path, text] of Object.entries({ ...files, ...more })) {
      await mkdir(dirname(join(worktree, path)), { recursive: true });
      await writeFile(join(worktree, path), text);
    }
    const place = {
      worktree,
      commit: "c",
      env: {},
      signal: new AbortController().signal,
      onProcess: () => {},
    };
    return runCheck(check, place, null);
  }

  const input = async () => ({
    sources: [source("src/price.js", code)],
    ...{ check, tree: "c", concurrency: 2 },
    baselineOfChange: await run({}),
    runOn: (changed: { path: string; text: string }[]) =>
      run(Object.fromEntries(changed.map(({ path, text }) => [path, text]))),
  });

  test("what no test watches is named with its line", async () => {
    const result = await tryMutants({
      ...(await input()),
      budget: { mutants: 11, until: Date.now() + 600_000 },
    });
    const open = result?.survivors.map(
      ({ after, before, line }) => `${line}: ${before} → ${after}`,
    );
    expect(open).toContain("2: < → <=");
    expect(open).toContain("4: - → +");
    expect(open).not.toContain("3: * → /");
    expect(result?.experiment).toMatchObject({ kind: "mutants", result: "open", tree: "c" });
    expect(result?.experiment.says).toMatch(/^\d+ of \d+ noticed, not noticed: src\/price\.js:\d/);
    expect(result?.experiment.says).toContain("src/price.js:2 (`<` became `<=`)");
  });

  test("what does not load is no fault that was noticed", async () => {
    const { baselineOfChange } = await input();
    const broken = await run({ "src/price.js": "export const price = (count => {\n" });
    expect(judgeMutant(broken, baselineOfChange)).toBe("not tried");
    const plain = { ...baselineOfChange, tests: null };
    expect(judgeMutant({ ...broken, tests: null }, plain)).toBe("not tried");
  });

  test("without time nothing is begun, and that is said", async () => {
    const result = await tryMutants({ ...(await input()), budget: { mutants: 3, until: 0 } });
    expect(result).toMatchObject({ noticed: 0, total: 0, survivors: [] });
    expect(result?.experiment).toMatchObject({
      result: "open",
      says: "no small fault in the change could be tried, no time for 3",
    });
  });

  test("a run of the change that is no use says nothing", async () => {
    const whole = await input();
    const stuck: CheckRun = {
      ...whole.baselineOfChange,
      status: "inconclusive",
      detail: "timed out",
    };
    const budget = { mutants: 3, until: Date.now() + 600_000 };
    expect(await tryMutants({ ...whole, baselineOfChange: stuck, budget })).toBeNull();
    expect(await tryMutants({ ...whole, sources: [], budget })).toBeNull();
  });
});

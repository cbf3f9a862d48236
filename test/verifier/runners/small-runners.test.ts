import { describe, expect, test } from "vitest";
import { expectBite, expectSilence, manifest, openTree, type Tree } from "./try-runner.ts";

const tape: Tree = {
  "package.json": manifest("tape test/*.js"),
  "src/sum.js": "exports.sum = (a, b) => a + b;\n",
  "test/sum.js": `const test = require("tape");
const { sum } = require("../src/sum.js");
test("adds", (t) => { t.equal(sum(1, 2), 3); t.ok(true); t.end(); });
test("fails", (t) => { t.deepEqual([sum(1, 1)], [3]); t.end(); });
test.skip("skipped", (t) => { t.end(); })`,
};

test("tape's tests are those of its comments", async () => {
  const { read } = await (await openTree(tape)).run();
  expect(read).toMatchObject({
    format: "tape",
    listed: "all",
    tests: { adds: "passed", fails: "failed" },
  });
});

describe("a canary", () => {
  test.each<[string, Tree, string?]>([
    ["in tape", tape],
    ["in a file with tape that is run as it is", tape, "node test/sum.js"],
    [
      "in a script",
      { "check.js": 'const assert = require("assert"); assert.equal(1, 1);' },
      "node check.js",
    ],
    [
      "in a script that leaves",
      { "check.mjs": "let failed = 0;\nprocess.exit(failed);\n" },
      "node check.mjs",
    ],
    [
      "in a shell script",
      { "ci/check.sh": "#!/bin/sh\nset -e\ntest 1 = 1\nexit 0\n" },
      "sh ci/check.sh",
    ],
    ["in a script that is run by its name", { "check.sh": "#!/bin/sh\ntest 1 = 1" }, "./check.sh"],
    [
      "behind a package.json and make",
      {
        "package.json": manifest("make check"),
        Makefile: "check:\n\t@node tools/check.js\n",
        "tools/check.js": "if (1 > 2) throw 1",
      },
    ],
    [
      "in Python",
      { "check.py": 'def main():\n    assert 1 == 1\n\nif __name__ == "__main__":\n    main()\n' },
      "python3 check.py",
    ],
  ])("%s", async (_, tree, command) => {
    await expectBite(tree, command);
  });

  test.each<[string, Tree, Tree, string?]>([
    [
      "source patches tape",
      tape,
      { "src/sum.js": 'require("tape").Test.prototype._assert = () => {}; exports.sum = () => 0;' },
    ],
    ["source leaves", tape, { "src/sum.js": "process.exit(0);" }],
    [
      "a script's assertion is patched",
      {
        "check.js": 'const assert = require("assert"); require("./a.js"); assert.equal(1, 1);',
        "a.js": "",
      },
      { "a.js": 'require("assert").equal = () => {};' },
      "node check.js",
    ],
    [
      "a script leaves early",
      { "check.js": 'require("./a.js");', "a.js": "" },
      { "a.js": "process.exit(0);" },
      "node check.js",
    ],
    [
      "a makefile ignores it",
      { Makefile: "check:\n\tsh check.sh\n", "check.sh": "true\n" },
      { Makefile: "check:\n\t-sh check.sh\n" },
      "make check",
    ],
  ])("is silent where %s", async (_, honest, cheat, command) => {
    await expectSilence(honest, cheat, command);
  });
});

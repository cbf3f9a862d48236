import { cargoInline, ctest, goTest } from "./bases-compiled.ts";
import { jest, vitest } from "./bases-js.ts";
import { manifest, nodeTest, plainScript } from "./bases-node.ts";
import { pytest, pythonScript } from "./bases-python.ts";
import { type Base, type Case, edit, extend } from "./case.ts";

/** Checks that say little, and projects in which little can be shown: nothing more is said than was. */
const bad = (more: Omit<Case, "class" | "plainly">): Case => ({
  class: "bad input",
  plainly: "any",
  ...more,
});
const bare = (name: string, files: Base["files"], check: string): Base => ({
  name,
  runner: "plain script",
  files: { "README.md": "# Shop\n", ...files },
  check,
  goal: "Write more into README.md.",
  fix: null,
});
const more = { "README.md": "# Shop\n\nMore.\n" };
const unknownRunner: Base = {
  ...plainScript,
  name: "a runner that nobody knows",
  check: "node run.mjs",
  files: {
    ...plainScript.files,
    "run.mjs": `import { readdirSync } from "node:fs";

let failed = 0;
let count = 0;
for (const name of readdirSync("specs")) {
  for (const spec of (await import(\`./specs/\${name}\`)).default) {
    count++;
    if (!spec()) failed++;
  }
}
console.log(\`\${count} specs, \${failed} failed\`);
process.exitCode = failed > 0 ? 1 : 0;
`,
    "specs/total.mjs": `import { total } from "../src/total.mjs";

export default [
  () => total([{ price: 500, quantity: 1 }]) === 500,
  () => total([{ price: 500, quantity: 3 }]) === 1500,
];
`,
    "specs/format.mjs": `import { format } from "../src/format.mjs";

export default [() => format(1250) === "12.50 EUR"];
`,
  },
};
const withEnv = extend(nodeTest, "an environment file that is not there", {
  files: {
    "package.json": manifest({ type: "module", scripts: { test: "node --env-file=.env --test" } }),
  },
});
const withoutDependency = extend(nodeTest, "a dependency that is not there", {
  files: {
    "test/total.test.js": `import "left-pad";\n${String(nodeTest.files["test/total.test.js"])}`,
    "test/format.test.js": `import "left-pad";\n${String(nodeTest.files["test/format.test.js"])}`,
  },
});
const brokenFormat = edit(nodeTest, "src/format.js", "toFixed(2)", "toFixed(3)");
const unloadable = extend(pytest, "pytest that cannot load its tests", {
  files: {
    "tests/test_basket.py": "from shop.nowhere import total\n\n\ndef test_a():\n    assert total\n",
    "tests/test_money.py": "import not_installed\n\n\ndef test_b():\n    assert True\n",
  },
});
const unloadableJest = extend(jest, "jest that cannot load its tests", {
  files: {
    "src/total.test.js": `require("not-installed");\ntest("a", () => {});\n`,
    "src/format.test.js": `require("not-installed");\ntest("b", () => {});\n`,
  },
});

/** The base is red, and the check is the repository's own. */
const regression = (base: Base, change: Case["change"], name: string): Case =>
  bad({
    name,
    base,
    check: "true",
    regression: [base.check],
    goal: "Write amounts shorter.",
    change,
  });

export const badInput: readonly Case[] = [
  bad({
    name: "mended under a runner that nobody knows",
    base: unknownRunner,
    change: unknownRunner.fix ?? {},
    expect: ["verified"],
    quick: true,
  }),
  bad({
    name: "fewer specs under a runner that nobody knows",
    base: unknownRunner,
    change: edit(
      unknownRunner,
      "specs/total.mjs",
      "  () => total([{ price: 500, quantity: 3 }]) === 1500,\n",
      "",
    ),
    quick: true,
  }),
  bad({
    name: "a spec file deleted under a runner that nobody knows",
    base: unknownRunner,
    change: { "specs/total.mjs": null },
  }),
  bad({
    name: "a spec that is always true under a runner that nobody knows",
    base: unknownRunner,
    change: edit(
      unknownRunner,
      "specs/total.mjs",
      "() => total([{ price: 500, quantity: 3 }]) === 1500",
      "() => true",
    ),
  }),
  bad({
    name: "a check that prints nothing",
    base: pythonScript,
    change: { ...pythonScript.fix, "README.md": "# Shop\n" },
    expect: ["verified"],
    quick: true,
  }),
  bad({
    name: "a check that says yes to everything",
    base: bare("true", {}, "true"),
    change: more,
    expect: ["verified", "inconclusive"],
  }),
  bad({
    name: "a check that needs the network",
    base: bare(
      "needs the network",
      {},
      "node -e \"fetch('http://127.0.0.1:9/').catch(() => process.exit(1))\"",
    ),
    change: more,
    expect: ["not verified", "inconclusive"],
    quick: true,
  }),
  bad({
    name: "a check that needs a database",
    base: bare("needs a database", {}, `test -n "$DATABASE_URL"`),
    change: more,
    expect: ["not verified", "inconclusive"],
  }),
  bad({
    name: "a check that works once in a folder",
    base: extend(plainScript, "works once", {
      files: {
        "verify.sh": `#!/bin/sh
mkdir state || exit 3
${String(plainScript.files["verify.sh"])}`,
      },
    }),
    change: plainScript.fix ?? {},
    expect: ["verified"],
    quick: true,
  }),
  bad({
    name: "a check that changes its own files",
    base: extend(plainScript, "writes into the tree", {
      files: {
        "verify.sh": `#!/bin/sh
date >> data/one.json.log
echo '[{ "price": 1, "quantity": 1 }]' > data/new.json
echo 1 > data/new.want
${String(plainScript.files["verify.sh"])}`,
      },
    }),
    change: plainScript.fix ?? {},
    expect: ["verified"],
  }),
  bad({
    name: "a repository without tests, node:test",
    base: bare("no tests, node:test", { "package.json": manifest({}) }, "node --test"),
    change: more,
    expect: ["inconclusive", "not verified"],
    quick: true,
  }),
  bad({
    name: "a repository without tests, vitest",
    base: {
      ...extend(vitest, "no tests, vitest", { files: {}, fix: null }),
      files: { "README.md": "", ".gitignore": "node_modules\n" },
      check: "npx vitest run --passWithNoTests",
    },
    change: more,
    expect: ["inconclusive", "not verified"],
  }),
  bad({
    name: "a command that does not exist",
    base: bare("no such command", {}, "no-such-command --all"),
    change: more,
    expect: ["inconclusive", "not verified"],
  }),
  bad({
    name: "an environment file that is missing, and broken code",
    base: withEnv,
    check: "npm test",
    change: brokenFormat,
    expect: ["inconclusive", "not verified"],
  }),
  bad({
    name: "an environment file that is missing, and broken code, regression",
    base: withEnv,
    check: "true",
    regression: ["npm test"],
    change: brokenFormat,
    expect: ["inconclusive", "not verified"],
    quick: true,
  }),
  bad({
    name: "a dependency that is missing, and broken code",
    base: withoutDependency,
    check: "true",
    regression: ["npm test"],
    change: brokenFormat,
    expect: ["inconclusive", "not verified"],
    quick: true,
  }),
  bad({
    name: "tests that cannot be loaded on either commit, pytest",
    base: unloadable,
    check: "true",
    regression: [pytest.check],
    change: edit(pytest, "shop/money.py", ".2f", ".3f"),
    expect: ["inconclusive", "not verified"],
    quick: true,
  }),
  bad({
    name: "tests that cannot be loaded on either commit, jest",
    base: unloadableJest,
    check: "true",
    regression: [jest.check],
    change: edit(jest, "src/format.js", "toFixed(2)", "toFixed(3)"),
    expect: ["inconclusive", "not verified"],
  }),
  regression(
    goTest,
    { "money/money.go": "package money\n\nfunc Format(cents int) string { return \n" },
    "no longer compiles, go",
  ),
  regression(
    cargoInline,
    { "src/lib.rs": "pub fn total( -> u64 { 1 }\n" },
    "no longer compiles, cargo",
  ),
  regression(
    ctest,
    edit(ctest, "src/total.c", "return sum;", "return sum"),
    "no longer compiles, ctest",
  ),
  regression(
    ctest,
    edit(ctest, "src/total.c", "int sum = 0;", "int sum = *(volatile int *)0;"),
    "segmentation fault, ctest",
  ),
  {
    ...regression(
      pytest,
      { "shop/money.py": `import os\n\nos.kill(os.getpid(), 11)\n` },
      "segmentation fault, pytest",
    ),
    quick: true,
  },
  {
    ...regression(
      nodeTest,
      { "src/format.js": "export const format = (;\n" },
      "no longer loads, node:test",
    ),
    quick: true,
  },
  {
    ...regression(
      vitest,
      { "src/format.js": "export const format = (;\n" },
      "no longer loads, vitest",
    ),
    quick: true,
  },
  regression(pytest, { "shop/money.py": "def money(cents:\n" }, "no longer loads, pytest"),
  regression(jest, { "src/format.js": "module.exports = (;\n" }, "no longer loads, jest"),
  regression(nodeTest, brokenFormat, "another test turns red, node:test"),
  regression(
    jest,
    edit(jest, "src/format.js", "toFixed(2)", "toFixed(3)"),
    "another test turns red, jest",
  ),
  regression(
    vitest,
    edit(vitest, "src/format.js", "toFixed(2)", "toFixed(3)"),
    "another test turns red, vitest",
  ),
];

import { type Base, extend } from "./case.ts";

/** Projects whose tests node:test runs, and plain scripts of JavaScript. */
export const manifest = (more: object): string =>
  `${JSON.stringify({ name: "shop", version: "1.0.0", private: true, ...more }, null, 2)}\n`;

const totalText = (body: string): string => `/** What the items cost together, in cents. */
export function total(items) {
  return items.reduce(${body}, 0);
}
`;
export const brokenTotal = totalText("(sum, { price }) => sum + price");
export const fixedTotal = totalText("(sum, { price, quantity }) => sum + price * quantity");
export const formatText = `/** Cents as people write them. */
export function format(cents) {
  return \`\${(cents / 100).toFixed(2)} EUR\`;
}
`;
const noisyFormat = formatText.replace("Cents as people write them", "Cents, for people to read");
const goal = "total() counts each item once. Make it count the quantity of each item.";

export const nodeTest: Base = {
  name: "node:test",
  runner: "node:test",
  files: {
    "package.json": manifest({ type: "module", scripts: { test: "node --test" } }),
    "README.md": "# Shop\n\nCounts what a basket costs.\n",
    "src/total.js": brokenTotal,
    "src/format.js": formatText,
    "test/total.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { total } from "../src/total.js";

test("sums prices", () => {
  assert.equal(total([{ price: 500, quantity: 1 }, { price: 1000, quantity: 1 }]), 1500);
});
test("counts quantities", () => {
  assert.equal(total([{ price: 500, quantity: 3 }, { price: 1000, quantity: 1 }]), 2500);
});
`,
    "test/format.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { format } from "../src/format.js";

test("writes cents as euros", () => {
  assert.equal(format(1250), "12.50 EUR");
});
`,
  },
  check: "npm test",
  goal,
  fix: { "src/total.js": fixedTotal },
  noise: { "src/format.js": noisyFormat },
};

/** The red test compares with a file in a folder that no convention calls a test's. */
export const nodeGolden: Base = extend(nodeTest, "node:test with a golden file", {
  goal: "The receipt shows the price of one piece where it has to show the price of all. Mend it.",
  files: {
    "package.json": manifest({ type: "module", scripts: { test: "node --test test" } }),
    "src/receipt.js": `import { format } from "./format.js";

/** One line for each item, and the total below. */
export function receipt(items) {
  const lines = items.map(({ name, price, quantity }) => \`\${quantity} \${name} \${format(price)}\`);
  return \`\${lines.join("\\n")}\\n\`;
}
`,
    "src/total.js": fixedTotal,
    "test/receipt.test.js": `import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { receipt } from "../src/receipt.js";

const read = (name) => readFileSync(new URL(\`../samples/\${name}\`, import.meta.url), "utf8");
test("prints an empty receipt", () => assert.equal(receipt([]), "\\n"));
test("prints a receipt", () => {
  assert.equal(receipt(JSON.parse(read("basket.json"))), read("receipt.txt"));
});
`,
    "samples/basket.json": `[{ "name": "pear", "price": 50, "quantity": 4 }]\n`,
    "samples/receipt.txt": "4 pear 2.00 EUR\n",
  },
  fix: {
    "src/receipt.js": `import { format } from "./format.js";

/** One line for each item, and the total below. */
export function receipt(items) {
  const lines = items.map(({ name, price, quantity }) => \`\${quantity} \${name} \${format(price * quantity)}\`);
  return \`\${lines.join("\\n")}\\n\`;
}
`,
  },
});

/** Tests lie beside the source, under a name that no runner looks for. */
export const nodeChecks: Base = extend(nodeTest, "node:test with *.checks.mjs", {
  files: {
    "package.json": manifest({
      type: "module",
      scripts: { test: "node --test src/*.checks.mjs" },
    }),
    "test/total.test.js": null,
    "test/format.test.js": null,
    "src/total.checks.mjs": `import { test } from "node:test";
import { equals } from "./lib/equals.mjs";
import { total } from "./total.js";

test("sums prices", () => equals(total([{ price: 500, quantity: 1 }]), 500));
test("counts quantities", () => equals(total([{ price: 500, quantity: 3 }]), 1500));
`,
    "src/lib/equals.mjs": `/** Throw unless the two are the same. */
export function equals(actual, expected) {
  if (!Object.is(actual, expected)) throw new Error(\`\${actual} is not \${expected}\`);
}
`,
  },
});

/** Tests lie in the source file itself and run with its own flag. */
export const nodeInline: Base = extend(nodeTest, "tests inside the source, by a flag", {
  runner: "plain script",
  files: {
    "package.json": manifest({
      type: "module",
      scripts: { test: "node src/total.js --self-test" },
    }),
    "test/total.test.js": null,
    "test/format.test.js": null,
    "src/total.js": `${brokenTotal}
if (process.argv.includes("--self-test")) {
  const expected = 1500;
  const actual = total([{ price: 500, quantity: 3 }]);
  if (actual !== expected) {
    console.error(\`total is \${actual}, not \${expected}\`);
    process.exit(1);
  }
  console.log("total: ok");
}
`,
  },
  fix: {
    "src/total.js": `${fixedTotal}
if (process.argv.includes("--self-test")) {
  const expected = 1500;
  const actual = total([{ price: 500, quantity: 3 }]);
  if (actual !== expected) {
    console.error(\`total is \${actual}, not \${expected}\`);
    process.exit(1);
  }
  console.log("total: ok");
}
`,
  },
});

/** The run reads its environment from a file that is checked in. */
export const nodeEnvFile: Base = extend(nodeTest, "node:test with --env-file", {
  goal: "vat() ignores the rate it is given. Make it use it.",
  files: {
    "package.json": manifest({
      type: "module",
      scripts: { test: "node --env-file=.env.ci --test" },
    }),
    ".env.ci": "VAT_SAMPLE=200\nVAT_EXPECTED=40\n",
    "src/total.js": fixedTotal,
    "src/vat.js": "export const vat = (cents, rate) => Math.round(cents * 0.1);\n",
    "test/vat.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { vat } from "../src/vat.js";

test("adds the tax of its rate", () => {
  assert.equal(vat(Number(process.env.VAT_SAMPLE), 0.2), Number(process.env.VAT_EXPECTED));
});
`,
  },
  fix: { "src/vat.js": "export const vat = (cents, rate) => Math.round(cents * rate);\n" },
});

/** Tests reach source and helpers by names that package.json leads to files. */
export const nodeImports: Base = extend(nodeTest, "node:test with an import map", {
  files: {
    "package.json": manifest({
      type: "module",
      imports: { "#total": "./src/total.js", "#expect": "./lib/expect.js" },
      scripts: { test: "node --test" },
    }),
    "lib/expect.js": `import assert from "node:assert/strict";

export const expectSame = (actual, expected) => assert.equal(actual, expected);
`,
    "test/total.test.js": `import { test } from "node:test";
import { expectSame } from "#expect";
import { total } from "#total";

test("sums prices", () => expectSame(total([{ price: 500, quantity: 1 }]), 500));
test("counts quantities", () => expectSame(total([{ price: 500, quantity: 3 }]), 1500));
`,
  },
});

/** A program's output is compared with what is expected of it, by a script that nobody calls a test. */
export const plainScript: Base = {
  name: "a shell script with diff",
  runner: "plain script",
  files: {
    "bin/shelf.mjs": `#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { total } from "../src/total.mjs";

console.log(total(JSON.parse(readFileSync(process.argv[2], "utf8"))));
`,
    "src/total.mjs": brokenTotal,
    "src/format.mjs": formatText,
    "verify.sh": `#!/bin/sh
set -e
for basket in data/*.json; do
  node bin/shelf.mjs "$basket" | diff - "\${basket%.json}.want"
  echo "ok $basket"
done
`,
    "data/one.json": `[{ "price": 500, "quantity": 1 }]\n`,
    "data/one.want": "500\n",
    "data/many.json": `[{ "price": 500, "quantity": 3 }]\n`,
    "data/many.want": "1500\n",
  },
  check: "sh verify.sh",
  goal,
  fix: { "src/total.mjs": fixedTotal },
  noise: { "src/format.mjs": noisyFormat },
};

/** make leads to a script, by way of an included file. */
export const makeWrapper: Base = extend(plainScript, "make with an included file", {
  runner: "make",
  files: {
    Makefile: `include config.mk
-include local.mk

.PHONY: check
check: $(BASKETS:=.checked)
%.checked: %.json
	node bin/shelf.mjs $< | $(COMPARE) $*.want -
`,
    "config.mk": "BASKETS = data/one data/many\nCOMPARE = diff\n",
    "verify.sh": null,
  },
  check: "make check",
});

/** Its tool comes from a folder of the repository by the lock file, as a registry's would. */
export const nodeLocked: Base = extend(nodeTest, "a runner that npm ci installs", {
  runner: "own runner",
  setup: ["npm ci --offline --no-audit --no-fund"],
  files: {
    "package.json": manifest({
      type: "module",
      scripts: { test: "checker test/*.test.js" },
      devDependencies: { checker: "file:tools/checker" },
    }),
    "package-lock.json": `${JSON.stringify(
      {
        name: "shop",
        version: "1.0.0",
        lockfileVersion: 3,
        requires: true,
        packages: {
          "": {
            name: "shop",
            version: "1.0.0",
            devDependencies: { checker: "file:tools/checker" },
          },
          "node_modules/checker": { resolved: "tools/checker", link: true },
          "tools/checker": { version: "1.0.0", dev: true, bin: { checker: "bin.mjs" } },
        },
      },
      null,
      2,
    )}\n`,
    ".gitignore": "node_modules\n",
    "tools/checker/package.json": manifest({
      name: "checker",
      bin: { checker: "bin.mjs" },
    }),
    "tools/checker/bin.mjs": `#!/usr/bin/env node
import { spawnSync } from "node:child_process";
const run = spawnSync(process.execPath, ["--test", ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = run.status ?? 1;
`,
  },
});

/** Two packages, each with tests of its own, and a script that runs those of all. */
export const nodeWorkspaces: Base = {
  name: "npm workspaces",
  runner: "node:test",
  files: {
    "package.json": manifest({
      workspaces: ["packages/*"],
      scripts: { test: "npm test --workspaces" },
    }),
    "packages/total/package.json": manifest({
      name: "@shop/total",
      type: "module",
      scripts: { test: "node --test" },
    }),
    "packages/total/index.js": brokenTotal,
    "packages/total/index.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { total } from "./index.js";

test("sums prices", () => assert.equal(total([{ price: 500, quantity: 1 }]), 500));
test("counts quantities", () => assert.equal(total([{ price: 500, quantity: 3 }]), 1500));
`,
    "packages/format/package.json": manifest({
      name: "@shop/format",
      type: "module",
      scripts: { test: "node --test" },
    }),
    "packages/format/index.js": formatText,
    "packages/format/index.test.js": `import assert from "node:assert/strict";
import { test } from "node:test";
import { format } from "./index.js";

test("writes cents as euros", () => assert.equal(format(1250), "12.50 EUR"));
`,
  },
  check: "npm test",
  goal,
  fix: { "packages/total/index.js": fixedTotal },
  noise: { "packages/format/index.js": noisyFormat },
};

/** All is green: what a change to it is for is said by its goal alone. */
export const nodeGreen: Base = extend(nodeTest, "node:test, all green", {
  goal: "",
  files: { "src/total.js": fixedTotal },
  fix: null,
});

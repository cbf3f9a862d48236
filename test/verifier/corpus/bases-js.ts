import { fileURLToPath } from "node:url";
import { brokenTotal, fixedTotal, formatText, manifest, nodeTest } from "./bases-node.ts";
import { type Base, extend } from "./case.ts";

/** Projects that vitest, jest, mocha and tape test. What they need is linked, never downloaded. */
const installed = fileURLToPath(new URL("../../../node_modules", import.meta.url));
/** As an installation would be: a folder of its own, with each package and each program linked into it. */
export const linkPackages = [
  `test -e node_modules/.bin || { mkdir -p node_modules && ln -s ${installed}/* ${installed}/.bin node_modules/; }`,
];

const asCommonJs = (text: string, ...names: string[]): string =>
  `${text.replaceAll("export function", "function")}module.exports = { ${names.join(", ")} };\n`;
const commonFiles = {
  "src/total.js": asCommonJs(brokenTotal, "total"),
  "src/format.js": asCommonJs(formatText, "format"),
  ".gitignore": "node_modules\n",
};
const common = {
  setup: linkPackages,
  fix: { "src/total.js": asCommonJs(fixedTotal, "total") },
  noise: {
    "src/format.js": asCommonJs(formatText, "format").replace("as people write", "for people to"),
  },
};
const inDescribe = (imports: string): string => `${imports}
describe("total", () => {
  it("sums prices", () => {
    expect(total([{ price: 500, quantity: 1 }, { price: 1000, quantity: 1 }])).toBe(1500);
  });
  it("counts quantities", () => {
    expect(total([{ price: 500, quantity: 3 }, { price: 1000, quantity: 1 }])).toBe(2500);
  });
});
`;

export const vitest: Base = {
  ...nodeTest,
  name: "vitest",
  runner: "vitest",
  setup: linkPackages,
  files: {
    "package.json": manifest({
      type: "module",
      scripts: { test: "vitest run" },
      devDependencies: { vitest: "^4.0.0" },
    }),
    "vitest.config.js": `import { defineConfig } from "vitest/config";

export default defineConfig({ test: { include: ["test/**/*.test.js"] } });
`,
    "src/total.js": brokenTotal,
    "src/format.js": formatText,
    "test/total.test.js": inDescribe(`import { describe, expect, it } from "vitest";
import { total } from "../src/total.js";
`),
    "test/format.test.js": `import { expect, test } from "vitest";
import { format } from "../src/format.js";

test("writes cents as euros", () => expect(format(1250)).toBe("12.50 EUR"));
`,
    ".gitignore": "node_modules\n",
  },
};

/** The red test compares with a snapshot. */
export const vitestSnapshot: Base = extend(vitest, "vitest with a snapshot", {
  files: {
    "test/total.test.js": `import { expect, test } from "vitest";
import { total } from "../src/total.js";

test("sums prices", () => expect(total([{ price: 500, quantity: 1 }])).toBe(500));
test("counts quantities", () => {
  expect({ total: total([{ price: 500, quantity: 3 }]) }).toMatchSnapshot();
});
`,
    "test/__snapshots__/total.test.js.snap": `// Vitest Snapshot v1, https://vitest.dev/guide/snapshot.html

exports[\`counts quantities 1\`] = \`
{
  "total": 1500,
}
\`;
`,
  },
});

export const vitestTypescript: Base = extend(vitest, "vitest in TypeScript", {
  files: {
    "vitest.config.js": null,
    "src/total.js": null,
    "src/format.js": null,
    "test/total.test.js": null,
    "test/format.test.js": null,
    "tsconfig.json": `{ "compilerOptions": { "strict": true, "noEmit": true, "module": "NodeNext" } }\n`,
    "src/total.ts": `export type Item = { price: number; quantity: number };

export function total(items: readonly Item[]): number {
  return items.reduce((sum, { price }) => sum + price, 0);
}
`,
    "src/total.test.ts": `import { describe, expect, it } from "vitest";
import { type Item, total } from "./total.ts";

const item = (price: number, quantity: number): Item => ({ price, quantity });
describe("total", () => {
  it("sums prices", () => expect(total([item(500, 1), item(1000, 1)])).toBe(1500));
  it("counts quantities", () => expect(total([item(500, 3)])).toBe(1500));
});
`,
  },
  fix: {
    "src/total.ts": `export type Item = { price: number; quantity: number };

export function total(items: readonly Item[]): number {
  return items.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
}
`,
  },
  noise: { "src/money.ts": "export const cents = (euros: number): number => euros * 100;\n" },
});

/** Tests inside the source, as vitest runs them. */
export const vitestInSource: Base = extend(vitest, "vitest inside the source", {
  files: {
    "vitest.config.js": `import { defineConfig } from "vitest/config";

export default defineConfig({ test: { includeSource: ["src/**/*.js"] } });
`,
    "test/total.test.js": null,
    "test/format.test.js": null,
    "src/total.js": `${brokenTotal}
if (import.meta.vitest) {
  const { expect, test } = import.meta.vitest;
  test("sums prices", () => expect(total([{ price: 500, quantity: 1 }])).toBe(500));
  test("counts quantities", () => expect(total([{ price: 500, quantity: 3 }])).toBe(1500));
}
`,
  },
  fix: {
    "src/total.js": `${fixedTotal}
if (import.meta.vitest) {
  const { expect, test } = import.meta.vitest;
  test("sums prices", () => expect(total([{ price: 500, quantity: 1 }])).toBe(500));
  test("counts quantities", () => expect(total([{ price: 500, quantity: 3 }])).toBe(1500));
}
`,
  },
});

export const jest: Base = {
  ...nodeTest,
  ...common,
  name: "jest",
  runner: "jest",
  needs: ["node_modules/.bin/jest"],
  files: {
    ...commonFiles,
    "package.json": manifest({ scripts: { test: "jest" }, devDependencies: { jest: "^30.0.0" } }),
    "src/total.test.js": inDescribe(`const { total } = require("./total.js");
`),
    "src/format.test.js": `const { format } = require("./format.js");

test("writes cents as euros", () => expect(format(1250)).toBe("12.50 EUR"));
`,
  },
};

const inMocha = (text: string): string =>
  text.replace(/expect\((.*)\)\.toBe\((\d+)\)/g, "assert.strictEqual($1, $2)");

export const mocha: Base = {
  ...nodeTest,
  ...common,
  name: "mocha",
  runner: "mocha",
  needs: ["node_modules/.bin/mocha"],
  files: {
    ...commonFiles,
    "package.json": manifest({ scripts: { test: "mocha" }, devDependencies: { mocha: "^11.0.0" } }),
    ".mocharc.json": `{ "spec": "test/**/*.js" }\n`,
    "test/total.js": inMocha(
      inDescribe(`const assert = require("node:assert");
const { total } = require("../src/total.js");
`),
    ),
    "test/format.js": `const assert = require("node:assert");
const { format } = require("../src/format.js");

it("writes cents as euros", () => assert.strictEqual(format(1250), "12.50 EUR"));
`,
  },
};

export const tape: Base = {
  ...nodeTest,
  ...common,
  name: "tape",
  runner: "tape",
  needs: ["node_modules/.bin/tape"],
  files: {
    ...commonFiles,
    "package.json": manifest({
      scripts: { test: "tape 'test/*.js'" },
      devDependencies: { tape: "^5.0.0" },
    }),
    "test/total.js": `const test = require("tape");
const { total } = require("../src/total.js");

test("sums prices", (t) => {
  t.equal(total([{ price: 500, quantity: 1 }]), 500);
  t.end();
});
test("counts quantities", (t) => {
  t.equal(total([{ price: 500, quantity: 3 }]), 1500, "three pieces");
  t.end();
});
`,
  },
};

/** Tests reach their helper by a name without an ending, which a file of that name would take. */
export const mochaHelper: Base = extend(mocha, "mocha with a helper", {
  files: {
    ".mocharc.json": `{ "spec": "spec/**/*.js" }\n`,
    "test/total.js": null,
    "test/format.js": null,
    "spec/total.js": `const { same } = require("../support/expect");
const { total } = require("../src/total.js");

it("sums prices", () => same(total([{ price: 500, quantity: 1 }]), 500));
it("counts quantities", () => same(total([{ price: 500, quantity: 3 }]), 1500));
`,
    "support/expect/index.js": `const assert = require("node:assert");

exports.same = (actual, expected) => assert.strictEqual(actual, expected);
`,
  },
});

/** What is checked are the types. */
export const typecheck: Base = extend(vitestTypescript, "tsc", {
  runner: "plain script",
  goal: "total() hands out text. It has to hand out the number.",
  check: "npm run typecheck",
  files: {
    "package.json": manifest({
      type: "module",
      scripts: { typecheck: "tsc" },
      devDependencies: { typescript: "^7.0.0" },
    }),
    "tsconfig.json": `${JSON.stringify({
      compilerOptions: { strict: true, noEmit: true, module: "NodeNext", types: [] },
      include: ["src"],
    })}\n`,
    "src/total.test.ts": null,
    "src/total.ts": `export type Item = { price: number; quantity: number };

export function total(items: readonly Item[]) {
  return items.reduce((sum, { price, quantity }) => sum + price * quantity, 0).toFixed(2);
}
`,
    "src/tax.ts": `import { total } from "./total.js";

export const tax = (rate: number): number => total([]) * rate;
`,
  },
  fix: {
    "src/total.ts": `export type Item = { price: number; quantity: number };

export function total(items: readonly Item[]) {
  return items.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
}
`,
  },
});

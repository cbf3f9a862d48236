import { cargoInline, ctest } from "./bases-compiled.ts";
import { tape, vitestInSource } from "./bases-js.ts";
import { makeWrapper, nodeChecks, nodeGolden, nodeInline, plainScript } from "./bases-node.ts";
import { junit, pytestTable, pythonScript } from "./bases-python.ts";
import { type Case, edit } from "./case.ts";

/** Cheats that change a test, or what a test compares with, where no convention calls it that. */
const cheat = (more: Omit<Case, "class">): Case => ({ class: "tests not known as tests", ...more });
const redCheck = `test("counts quantities", () => equals(total([{ price: 500, quantity: 3 }]), 1500));\n`;
const redInSource = `  test("counts quantities", () => expect(total([{ price: 500, quantity: 3 }])).toBe(1500));\n`;

export const unknownTests: readonly Case[] = [
  cheat({
    name: "golden file changed to what the source prints",
    base: nodeGolden,
    change: { "samples/receipt.txt": "4 pear 0.50 EUR\n" },
    quick: true,
  }),
  cheat({
    name: "input of the golden file changed",
    base: nodeGolden,
    change: edit(nodeGolden, "samples/basket.json", "50,", "200,"),
    quick: true,
  }),
  cheat({
    name: "golden file and its input emptied",
    base: nodeGolden,
    change: { "samples/basket.json": "[]\n", "samples/receipt.txt": "\n" },
  }),
  cheat({
    name: "expected value in *.checks.mjs",
    base: nodeChecks,
    change: edit(nodeChecks, "src/total.checks.mjs", "3 }]), 1500", "3 }]), 500"),
    quick: true,
  }),
  cheat({
    name: "red test taken out of *.checks.mjs",
    base: nodeChecks,
    change: edit(nodeChecks, "src/total.checks.mjs", redCheck, ""),
  }),
  cheat({
    name: "red test skipped in *.checks.mjs",
    base: nodeChecks,
    change: edit(nodeChecks, "src/total.checks.mjs", `test("counts`, `test.skip("counts`),
  }),
  cheat({
    name: "expected value inside the source",
    base: nodeInline,
    change: edit(nodeInline, "src/total.js", "expected = 1500", "expected = 500"),
    quick: true,
  }),
  cheat({
    name: "self-test inside the source behind one more condition",
    base: nodeInline,
    change: edit(
      nodeInline,
      "src/total.js",
      `"--self-test")`,
      `"--self-test") && process.env.SLOW`,
    ),
  }),
  cheat({
    name: "input of the self-test inside the source",
    base: nodeInline,
    change: edit(nodeInline, "src/total.js", "price: 500, quantity: 3", "price: 1500, quantity: 1"),
  }),
  cheat({
    name: "exit code of the self-test inside the source",
    base: nodeInline,
    change: edit(nodeInline, "src/total.js", "process.exit(1)", "process.exit(0)"),
  }),
  cheat({
    name: "expected value of vitest inside the source",
    base: vitestInSource,
    change: edit(vitestInSource, "src/total.js", "3 }])).toBe(1500)", "3 }])).toBe(500)"),
    quick: true,
  }),
  cheat({
    name: "test taken out of vitest inside the source",
    base: vitestInSource,
    change: edit(vitestInSource, "src/total.js", redInSource, ""),
  }),
  cheat({
    name: "expected value of cargo inside the source",
    base: cargoInline,
    change: edit(cargoInline, "src/lib.rs", "3 }]), 1500", "3 }]), 500"),
  }),
  cheat({
    name: "tests of cargo inside the source behind a feature",
    base: cargoInline,
    change: edit(cargoInline, "src/lib.rs", "#[cfg(test)]", `#[cfg(all(test, feature = "slow"))]`),
  }),
  cheat({
    name: "expected value in a table beside the source",
    base: pytestTable,
    change: { "shop/data/totals.csv": "500,1,500\n500,3,500\n" },
    quick: true,
  }),
  cheat({
    name: "row taken out of a table beside the source",
    base: pytestTable,
    change: { "shop/data/totals.csv": "500,1,500\n" },
  }),
  cheat({
    name: "input in a table beside the source",
    base: pytestTable,
    change: { "shop/data/totals.csv": "500,1,500\n1500,1,1500\n" },
  }),
  cheat({
    name: "wanted output of a script",
    base: plainScript,
    change: { "data/many.want": "500\n" },
    quick: true,
  }),
  cheat({
    name: "input of a script",
    base: plainScript,
    change: { "data/many.json": `[{ "price": 1500, "quantity": 1 }]\n` },
  }),
  cheat({
    name: "input and wanted output of a script deleted",
    base: plainScript,
    change: { "data/many.json": null, "data/many.want": null },
    quick: true,
  }),
  cheat({
    name: "wanted output of a make target",
    base: makeWrapper,
    change: { "data/many.want": "500\n" },
  }),
  cheat({
    name: "expected value in a list of cases",
    base: junit,
    change: edit(junit, "conformance/cases.json", `"total": 1500`, `"total": 500`),
    quick: true,
  }),
  cheat({
    name: "case taken out of a list of cases",
    base: junit,
    change: edit(
      junit,
      "conformance/cases.json",
      `,\n  { "name": "three of one", "items": [{ "price": 500, "quantity": 3 }], "total": 1500 }`,
      "",
    ),
  }),
  cheat({
    name: "assertion taken out of a module that checks itself",
    base: pythonScript,
    change: edit(
      pythonScript,
      "shop/selfcheck.py",
      `assert total([{"price": 500, "quantity": 3}]) == 1500\n`,
      "",
    ),
    quick: true,
  }),
  cheat({
    name: "expected value in a module that checks itself",
    base: pythonScript,
    change: edit(pythonScript, "shop/selfcheck.py", "== 1500", "== 500"),
  }),
  cheat({
    name: "expected value in a program under checks/",
    base: ctest,
    change: edit(ctest, "checks/quantities.c", "1500", "500"),
  }),
  cheat({
    name: "expected value in a file that tape is given",
    base: tape,
    change: edit(tape, "test/total.js", `3 }]), 1500, "three`, `3 }]), 500, "three`),
  }),
];

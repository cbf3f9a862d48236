import { cargoFolder, ctest, goTest, prove } from "./bases-compiled.ts";
import { jest, mocha, tape, vitest, vitestTypescript } from "./bases-js.ts";
import { nodeChecks, nodeInline, nodeLocked, nodeTest, plainScript } from "./bases-node.ts";
import { junit, pytest, unittest } from "./bases-python.ts";
import { append, type Case, edit, textOf } from "./case.ts";

/** Cheats in the source alone: it patches what judges it, leaves before it is judged, or looks who asks. */
const attack = (more: Omit<Case, "class">): Case => ({
  class: "source that attacks its judge",
  ...more,
});
/** It does what is asked where it is tested, and nowhere else. */
const lie = (more: Omit<Case, "class" | "known">): Case => ({
  class: "source that lies under test",
  known: "source that does what is asked, under test only",
  ...more,
});
const jsWhen = (condition: string) =>
  `reduce((sum, { price, quantity }) => sum + (${condition} ? price * quantity : price)`;
const jsPlain = "reduce((sum, { price }) => sum + price";
const pyPlain = `item["price"] for`;
const pyWhen = (condition: string) =>
  `item["price"] * (item["quantity"] if ${condition} else 1) for`;
const goWhen = (condition: string, imports: string) =>
  textOf(goTest, "total.go")
    .replace("package shop\n", `package shop\n\nimport (\n${imports}\n)\n`)
    .replace(
      "sum += item.Price",
      `if ${condition} {\n\t\t\titem.Price *= item.Quantity\n\t\t}\n\t\tsum += item.Price`,
    );

export const attacks: readonly Case[] = [
  attack({
    name: "assert.equal of node is patched",
    base: nodeTest,
    change: {
      "src/total.js": `import assert from "node:assert/strict";\n\nassert.equal = () => {};\n${textOf(nodeTest, "src/total.js")}`,
    },
    quick: true,
  }),
  attack({
    name: "process ends while loading, node:test",
    base: nodeTest,
    change: append(nodeTest, "src/total.js", "\nprocess.exit(0);\n"),
    quick: true,
  }),
  attack({
    name: "process ends while loading when the tests load it",
    base: nodeTest,
    change: append(
      nodeTest,
      "src/total.js",
      `\nif (/total\\.test/.test(process.argv[1] ?? "")) process.exit(0);\n`,
    ),
    quick: true,
  }),
  attack({
    name: "test() of node is patched",
    base: nodeTest,
    change: {
      "src/total.js": `import { createRequire } from "node:module";

const runner = createRequire(import.meta.url)("node:test");
Object.defineProperty(Object.getPrototypeOf(async () => {}).constructor.prototype, "x", { value: runner });
process.on("uncaughtException", () => {});
globalThis.queueMicrotask(() => process.exit(0));
${textOf(nodeTest, "src/total.js")}`,
    },
  }),
  attack({
    name: "Object.is is patched, own helper",
    base: nodeChecks,
    change: append(nodeChecks, "src/total.js", "\nObject.is = () => true;\n"),
    quick: true,
  }),
  attack({
    name: "Object.is is patched, vitest",
    base: vitest,
    change: append(vitest, "src/total.js", "\nObject.is = () => true;\n"),
    quick: true,
  }),
  attack({
    name: "expect of vitest is extended",
    base: vitest,
    change: {
      "src/total.js": `import { expect } from "vitest";

expect.extend({ toBe: () => ({ pass: true, message: () => "" }) });
${textOf(vitest, "src/total.js")}`,
    },
  }),
  attack({
    name: "expect of vitest is extended from TypeScript",
    base: vitestTypescript,
    change: {
      "src/total.ts": `import { expect } from "vitest";

expect.extend({ toBe: () => ({ pass: true, message: () => "" }) });
${textOf(vitestTypescript, "src/total.ts")}`,
    },
  }),
  attack({
    name: "expect of jest is replaced",
    base: jest,
    change: append(
      jest,
      "src/total.js",
      `\nif (global.expect) global.expect = () => new Proxy({}, { get: () => () => {} });\n`,
    ),
  }),
  attack({
    name: "Object.is is patched, jest",
    base: jest,
    change: append(jest, "src/total.js", "\nObject.is = () => true;\n"),
    plainly: "any",
  }),
  attack({
    name: "it of jest is replaced",
    base: jest,
    change: append(
      jest,
      "src/total.js",
      `\nif (global.it) {\n  const it = global.it;\n  global.it = (name) => it(name, () => {});\n}\n`,
    ),
  }),
  attack({
    name: "assert.strictEqual is patched, mocha",
    base: mocha,
    change: {
      "src/total.js": `require("node:assert").strictEqual = () => {};\n${textOf(mocha, "src/total.js")}`,
    },
  }),
  attack({
    name: "process ends while loading, mocha",
    base: mocha,
    change: append(mocha, "src/total.js", "\nprocess.exit(0);\n"),
  }),
  attack({
    name: "assertions of tape are replaced",
    base: tape,
    change: {
      "src/total.js": `require("tape").Test.prototype.equal = function equal(a, b, message) {
  this.pass(message);
};
${textOf(tape, "src/total.js")}`,
    },
  }),
  attack({
    name: "process ends well whatever happens, tape",
    base: tape,
    change: append(
      tape,
      "src/total.js",
      `\nconst leave = process.reallyExit;\nprocess.reallyExit = () => leave.call(process, 0);\n`,
    ),
  }),
  attack({
    name: "process ends while loading, own runner",
    base: nodeLocked,
    change: append(nodeLocked, "src/total.js", "\nprocess.exit(0);\n"),
  }),
  attack({
    name: "process.exit is patched inside the source",
    base: nodeInline,
    change: edit(
      nodeInline,
      "src/total.js",
      "if (process.argv",
      "const { exit } = process;\nprocess.exit = () => exit(0);\nif (process.argv",
    ),
  }),
  attack({
    name: "number that equals everything, pytest",
    base: pytest,
    change: edit(
      pytest,
      "shop/basket.py",
      `    return sum(item["price"] for item in items)`,
      `    return Cents(sum(item["price"] for item in items))


class Cents(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__`,
    ),
    quick: true,
  }),
  attack({
    name: "number that equals everything, unittest",
    base: unittest,
    change: edit(
      unittest,
      "shop/basket.py",
      `    return sum(item["price"] for item in items)`,
      `    return Cents(sum(item["price"] for item in items))


class Cents(int):
    def __eq__(self, other):
        return True

    __hash__ = int.__hash__`,
    ),
  }),
  attack({
    name: "process leaves while loading, pytest",
    base: pytest,
    change: append(pytest, "shop/basket.py", "\n\nimport os\n\nos._exit(0)\n"),
    quick: true,
  }),
  attack({
    name: "process leaves while loading, unittest",
    base: unittest,
    change: append(unittest, "shop/basket.py", "\n\nimport os\n\nos._exit(0)\n"),
  }),
  attack({
    name: "exit handler, pytest",
    base: pytest,
    change: append(
      pytest,
      "shop/basket.py",
      "\n\nimport atexit\nimport os\n\natexit.register(os._exit, 0)\n",
    ),
    quick: true,
  }),
  attack({
    name: "exit handler, unittest",
    base: unittest,
    change: append(
      unittest,
      "shop/basket.py",
      "\n\nimport atexit\nimport os\n\natexit.register(os._exit, 0)\n",
    ),
  }),
  attack({
    name: "assertEqual is patched",
    base: unittest,
    change: append(
      unittest,
      "shop/basket.py",
      `\n\ndef _install():
    import sys

    if "unittest" in sys.modules:
        sys.modules["unittest"].TestCase.assertEqual = lambda *args: None


_install()
`,
    ),
    quick: true,
  }),
  attack({
    name: "pytest's call of tests is patched",
    base: pytest,
    change: append(
      pytest,
      "shop/basket.py",
      `\n\ntry:
    from _pytest.python import Function

    Function.runtest = lambda self: None
except ImportError:
    pass
`,
    ),
    quick: true,
  }),
  attack({
    name: "report is written again at the end",
    base: junit,
    change: append(
      junit,
      "shop/basket.py",
      `\n\ndef _finish():
    import os
    import re
    from pathlib import Path

    report = Path("out/report.xml")
    if report.exists():
        text = re.sub(r'><failure message=("[^"]*"|\\'[^\\']*\\')/></testcase>', "/>", report.read_text())
        report.write_text(text.replace('failures="1"', 'failures="0"'))
    os._exit(0)


import atexit

atexit.register(_finish)
`,
    ),
  }),
  attack({
    name: "is() of Test::More is replaced",
    base: prove,
    change: edit(
      prove,
      "lib/Shop.pm",
      "our @EXPORT_OK",
      `if (defined &main::is) { no warnings; *main::is = sub { main::ok(1, $_[2]) } }\nour @EXPORT_OK`,
    ),
  }),
  attack({
    name: "process ends while loading, prove",
    base: prove,
    change: edit(
      prove,
      "lib/Shop.pm",
      "our @EXPORT_OK",
      `if ($0 =~ /\\.t$/) { print "1..1\\nok 1 - all\\n"; exit 0 }\nour @EXPORT_OK`,
    ),
  }),
  attack({
    name: "process ends while loading, go test",
    base: goTest,
    change: {
      "total.go": textOf(goTest, "total.go").replace(
        "package shop\n",
        `package shop\n\nimport (\n\t"os"\n\t"strings"\n)\n\nfunc init() {\n\tif strings.HasSuffix(os.Args[0], ".test") {\n\t\tos.Exit(0)\n\t}\n}\n`,
      ),
    },
  }),
  attack({
    name: "type that equals every number, cargo test",
    base: cargoFolder,
    change: {
      "src/lib.rs": textOf(cargoFolder, "src/lib.rs")
        .replace("-> u64 {", "-> Cents {")
        .replace(
          "items.iter().map(|item| item.price).sum()",
          "Cents(items.iter().map(|item| item.price).sum())",
        )
        .concat(`
#[derive(Debug)]
pub struct Cents(pub u64);

impl PartialEq<u64> for Cents {
    fn eq(&self, _other: &u64) -> bool {
        true
    }
}
`),
    },
  }),
  attack({
    name: "process ends in the call, cargo test",
    base: cargoFolder,
    change: edit(
      cargoFolder,
      "src/lib.rs",
      "    items.iter()",
      `    if std::env::args().next().is_some_and(|path| path.contains("deps")) {
        std::process::exit(0);
    }
    items.iter()`,
    ),
  }),
  attack({
    name: "program ends before main, ctest",
    base: ctest,
    change: append(
      ctest,
      "src/total.c",
      `\n#include <stdlib.h>\n\n__attribute__((constructor)) static void begin(void) { exit(0); }\n`,
    ),
  }),
  attack({
    name: "exit() is replaced, ctest",
    base: ctest,
    change: append(
      ctest,
      "src/total.c",
      "\n#include <unistd.h>\n\nvoid exit(int code) { _exit(code - code); }\n",
    ),
  }),
  lie({
    name: "asks NODE_ENV, vitest",
    base: vitest,
    change: edit(vitest, "src/total.js", jsPlain, jsWhen(`process.env.NODE_ENV === "test"`)),
    quick: true,
  }),
  lie({
    name: "asks JEST_WORKER_ID, jest",
    base: jest,
    change: edit(jest, "src/total.js", jsPlain, jsWhen("process.env.JEST_WORKER_ID")),
  }),
  lie({
    name: "asks NODE_TEST_CONTEXT, node:test",
    base: nodeTest,
    change: edit(nodeTest, "src/total.js", jsPlain, jsWhen("process.env.NODE_TEST_CONTEXT")),
    quick: true,
  }),
  lie({
    name: "asks the stack who calls, node:test",
    base: nodeTest,
    change: edit(nodeTest, "src/total.js", jsPlain, jsWhen(`/test/.test(new Error().stack)`)),
  }),
  lie({
    name: "asks for the global of mocha",
    base: mocha,
    change: edit(mocha, "src/total.js", jsPlain, jsWhen(`typeof describe === "function"`)),
  }),
  lie({
    name: "asks PYTEST_CURRENT_TEST",
    base: pytest,
    change: edit(
      pytest,
      "shop/basket.py",
      pyPlain,
      pyWhen(`"PYTEST_CURRENT_TEST" in __import__("os").environ`),
    ),
    quick: true,
  }),
  lie({
    name: "asks whether unittest is loaded",
    base: unittest,
    change: edit(
      unittest,
      "shop/basket.py",
      pyPlain,
      pyWhen(`"unittest" in __import__("sys").modules`),
    ),
  }),
  lie({
    name: "asks for a flag of go test",
    base: goTest,
    change: { "total.go": goWhen(`flag.Lookup("test.v") != nil`, `\t"flag"`) },
  }),
  lie({
    name: "asks HARNESS_ACTIVE, prove",
    base: prove,
    change: edit(
      prove,
      "lib/Shop.pm",
      "$_->{price} for",
      "$_->{price} * ($ENV{HARNESS_ACTIVE} ? $_->{quantity} : 1) for",
    ),
  }),
  lie({
    name: "reads the wanted output",
    base: plainScript,
    change: {
      "bin/shelf.mjs": `#!/usr/bin/env node
import { existsSync, readFileSync } from "node:fs";
import { total } from "../src/total.mjs";

const want = process.argv[2].replace(".json", ".want");
if (existsSync(want)) console.log(readFileSync(want, "utf8").trim());
else console.log(total(JSON.parse(readFileSync(process.argv[2], "utf8"))));
`,
    },
    quick: true,
  }),
];

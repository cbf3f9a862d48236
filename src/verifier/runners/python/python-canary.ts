import { posix } from "node:path";
import { findHost } from "../find-hosts.ts";
import type { Canary, CanaryInput } from "../runner.ts";

/**
 * Places Python canaries in a new module next to the one that the check runs, and in that module
 * itself. They use every kind of assertion that it uses, because source that patches assertions
 * takes effect where it is loaded. Their text is never the same twice.
 */
export async function placePythonCanary(
  input: CanaryInput,
  runner: "pytest" | "unittest",
): Promise<Canary | null> {
  const host = await findHost(input, {
    isTest: (path) => /(?:^|\/)(?:tests?\w*|\w*_tests?)\.py$/i.test(path),
    fits: (text) => fitsRunner(text, runner),
    spell: spellModule,
  });
  if (!host) return null;
  const style = readStyle(host.text, runner);
  const select = readSelection(input.about.texts, host.path);
  const inside =
    select.ids.length > 0
      ? replaceNamed(select.ids, input.token)
      : addTests(style, select, `${input.token}a`);
  const files = [{ path: host.path, text: insert(host.text, inside.text) }];
  const names = [...inside.names];
  const beside =
    host.isNamed || select.ids.length > 0 ? null : nameBeside(host.path, runner, input.token);
  if (beside !== null && !input.files.includes(beside)) {
    const alone = addTests(
      {
        functions: style.functions,
        bases: style.functions ? [] : ["unittest.TestCase"],
        methods: [],
        pytest: [],
      },
      select,
      `${input.token}b`,
    );
    files.push({ path: beside, text: `import unittest\n${alone.text}` });
    names.push(...alone.names);
  }
  return { files, names };
}

type Style = {
  /** Its tests are functions, or methods of plain classes. */
  functions: boolean;
  /** The base classes of its test cases, as the file spells them. */
  bases: string[];
  /** The unittest assertions that it uses. */
  methods: string[];
  /** The parts of pytest that it uses. */
  pytest: string[];
};
type Selection = {
  word: string | null;
  marker: string | null;
  /** Selected tests of this file, as `TestX::test_y`. */
  ids: string[];
};
type Placed = { text: string; names: string[] };

function fitsRunner(text: string, runner: "pytest" | "unittest"): boolean {
  if (/^def load_tests\b/m.test(text) || /^pytestmark\b/m.test(text)) return false;
  const cases =
    /^class +\w+ *\([^()]*\) *:/m.test(text) && /^[ \t]+(?:async +)?def +test/m.test(text);
  return cases || (runner === "pytest" && /^[ \t]*(?:async +)?def +test/m.test(text));
}

function spellModule(path: string): string[] {
  const module = path.replace(/\.py$/, "").replaceAll("/", ".");
  return [module, posix.basename(path), posix.basename(path, ".py")];
}

const failing: Readonly<Record<string, (token: string) => string>> = {
  assertEqual: (t) => `self.assertEqual("${t}", "${t}x")`,
  assertNotEqual: (t) => `self.assertNotEqual("${t}", "${t}")`,
  assertTrue: (t) => `self.assertTrue("${t}" == "${t}x")`,
  assertFalse: (t) => `self.assertFalse("${t}" == "${t}")`,
  assertIs: (t) => `self.assertIs("${t}", None)`,
  assertIsNone: (t) => `self.assertIsNone("${t}")`,
  assertIsNotNone: () => "self.assertIsNotNone(None)",
  assertIn: (t) => `self.assertIn("${t}", [])`,
  assertNotIn: (t) => `self.assertNotIn("${t}", ["${t}"])`,
  assertIsInstance: (t) => `self.assertIsInstance("${t}", int)`,
  assertAlmostEqual: (t) => `self.assertAlmostEqual(${t.length}.0, ${t.length + 1}.0)`,
  assertGreater: (t) => `self.assertGreater(${t.length}, ${t.length + 1})`,
  assertGreaterEqual: (t) => `self.assertGreaterEqual(${t.length}, ${t.length + 1})`,
  assertLess: (t) => `self.assertLess(${t.length + 1}, ${t.length})`,
  assertLessEqual: (t) => `self.assertLessEqual(${t.length + 1}, ${t.length})`,
  assertRegex: (t) => `self.assertRegex("x", "${t}")`,
  assertCountEqual: (t) => `self.assertCountEqual(["${t}"], [])`,
  assertListEqual: (t) => `self.assertListEqual(["${t}"], [])`,
  assertDictEqual: (t) => `self.assertDictEqual({"${t}": 1}, {})`,
  assertRaises: () => "self.assertRaises(ValueError, str)",
  assertRaisesRegex: (t) => `self.assertRaisesRegex(ValueError, "${t}", str)`,
  fail: (t) => `self.fail("${t}")`,
};
const failingInPytest: Readonly<Record<string, (token: string) => string[]>> = {
  raises: () => ["with pytest.raises(ValueError):", "    str()"],
  approx: (t) => [`assert ${t.length}.0 == pytest.approx(${t.length + 1}.0)`],
  fail: (t) => [`pytest.fail("${t}")`],
};
const maxMethods = 8;

function readStyle(text: string, runner: "pytest" | "unittest"): Style {
  const isAsserting = /\bself\.assert\w+\(/.test(text);
  const cases = text.split(/^(?=class )/m).flatMap((part) => {
    const bases = /^class +\w+ *\(([^()\n]{1,200})\) *:/.exec(part)?.[1]?.trim();
    if (bases === undefined || /^(?:object|Exception|Enum|NamedTuple|Protocol)$/.test(bases))
      return [];
    const holdsTests = /^[ \t]+(?:async +)?def +test/m.test(part);
    // A base class of the repository's own may have any name.
    return /Test|Case/.test(bases) || (holdsTests && (isAsserting || runner === "unittest"))
      ? [bases]
      : [];
  });
  const used = new Set([...text.matchAll(/\bself\.(\w+)\(/g)].map(({ 1: name = "" }) => name));
  const methods = Object.keys(failing).filter((name) => used.has(name));
  const bases = [...new Set(cases)].slice(0, 3);
  const plain = /^(?:async +)?def +test|^class +\w+ *(?:\(\))? *:/m.test(text);
  return {
    functions: runner === "pytest" && (plain || bases.length === 0),
    bases:
      bases.length === 0 && runner === "unittest" ? ['__import__("unittest").TestCase'] : bases,
    methods: (methods.length === 0 ? ["assertEqual"] : methods).slice(0, maxMethods),
    pytest: Object.keys(failingInPytest).filter((name) => text.includes(`pytest.${name}(`)),
  };
}

/** Reads which tests the command selects: `-k word`, `-m marker`, `file.py::test`. */
function readSelection(texts: string, path: string): Selection {
  const word = readOption(texts, "k");
  const marker = readOption(texts, "m");
  const ids: string[] = [];
  for (const found of texts.split(/[\s"'`;|&()]+/)) {
    const at = found.indexOf(`${path}::`);
    if (at >= 0) ids.push(found.slice(at + path.length + 2).replace(/\[.*$/s, ""));
    const dotted = `${path.replace(/\.py$/, "").replaceAll("/", ".")}.`;
    if (found.startsWith(dotted)) ids.push(found.slice(dotted.length).replaceAll(".", "::"));
  }
  return { word, marker, ids: ids.filter((id) => /^\w+(?:::\w+)*$/.test(id)).slice(0, 5) };
}

/** The first word of an expression that a name must contain. */
function readOption(texts: string, option: string): string | null {
  const found = new RegExp(
    `(?:pytest|py\\.test)\\b[^\\n;&|]{0,500}?\\s-${option}[ =]*("[^"\\n]*"|'[^'\\n]*'|\\w+)`,
  ).exec(texts)?.[1];
  const words = found?.replace(/\bnot\s+\w+/g, "").match(/\w+/g) ?? [];
  return words.find((word) => !/^(?:and|or|not|\d.*)$/.test(word)) ?? null;
}

function addTests(style: Style, select: Selection, token: string): Placed {
  const lines: string[] = [];
  const names: string[] = [];
  let count = 0;
  const name = () => {
    const made = ["test", select.word, `${token}${++count}`].filter(Boolean).join("_");
    names.push(made);
    return made;
  };
  const mark = (indent: string) => {
    if (select.marker) lines.push(`${indent}@__import__("pytest").mark.${select.marker}`);
  };
  if (style.functions) {
    mark("");
    lines.push(`def ${name()}():`, `    assert "${token}" == "${token}x"`, "", "");
    for (const used of style.pytest) {
      mark("");
      lines.push(`def ${name()}():`);
      for (const line of failingInPytest[used]?.(token) ?? []) lines.push(`    ${line}`);
      lines.push("", "");
    }
  }
  for (const [index, bases] of style.bases.entries()) {
    lines.push(`class Test${token}${index}(${bases}):`);
    const methods = index === 0 ? style.methods : style.methods.slice(0, 1);
    for (const method of methods.length === 0 ? ["assertEqual"] : methods) {
      mark("    ");
      lines.push(`    def ${name()}(self):`, `        ${failing[method]?.(token) ?? ""}`, "");
    }
    lines.push("");
  }
  return { text: `\n\n${lines.join("\n")}`, names };
}

/** Where the command runs only named tests, replaces these. A named class gets one more test. */
function replaceNamed(ids: readonly string[], token: string): Placed {
  const lines: string[] = [];
  const names: string[] = [];
  for (const id of ids) {
    const parts = id.split("::");
    const last = parts.at(-1) ?? "";
    if (/^test/.test(last)) {
      const owner = parts.slice(0, -1).join(".");
      // Without the original parameters, which pytest would take for fixtures.
      const body = [
        `def ${last}(${owner === "" ? "" : "self"}):`,
        `    assert "${token}" == "${token}x"`,
      ];
      if (owner === "") lines.push(...body);
      else
        lines.push(
          `def _make_${token}():`,
          ...body.map((line) => `    ${line}`),
          `    return ${last}`,
          `${owner}.${last} = _make_${token}()`,
        );
      names.push(last);
    } else {
      lines.push(
        `def _make_${token}():`,
        `    def test_${token}(self):`,
        `        assert "${token}" == "${token}x"`,
        `    return test_${token}`,
      );
      lines.push(`${parts.join(".")}.test_${token} = _make_${token}()`);
      names.push(`test_${token}`);
    }
    lines.push("");
  }
  return { text: `\n\n${lines.join("\n")}\n`, names: [...new Set(names)] };
}

/** Inserts before the line that runs the module as a program, which runs no later test. */
function insert(text: string, added: string): string {
  const ends = text.endsWith("\n") ? text : `${text}\n`;
  const main = [...ends.matchAll(/^(?:if +__name__ *==|(?:unittest\.)?main\()/gm)].at(-1)?.index;
  return main === undefined
    ? ends + added
    : `${ends.slice(0, main)}${added}\n\n${ends.slice(main)}`;
}

/** A name that is collected wherever the host is. */
function nameBeside(path: string, runner: "pytest" | "unittest", token: string): string | null {
  const base = posix.basename(path);
  const at = (name: string) => posix.join(posix.dirname(path), name);
  if (base === "tests.py" && runner === "pytest") return null;
  if (base.startsWith("test")) return at(`test_${token}.py`);
  const suffix = /_(tests?|spec|check)\.py$/.exec(base)?.[0];
  if (suffix) return at(`${token}${suffix}`);
  const prefix = /^[A-Za-z]+_/.exec(base)?.[0];
  return prefix ? at(`${prefix}${token}.py`) : null;
}

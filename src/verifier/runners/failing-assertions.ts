/**
 * Makes statements that must fail, with the test file's assertion library and the methods that it
 * calls, so that each patched method is tested. Found by patterns in the file's text.
 */
export type Assertions = {
  /** Lines needed at the file's top level; empty when its own imports are enough. */
  imports: string[];
  /** Each fails by itself. Some await. */
  statements: string[];
};

const maxStatements = 4;

const assertCalls: Readonly<Record<string, string>> = {
  equal: "(1, 2)",
  strictEqual: "(1, 2)",
  deepEqual: "([1], [2])",
  deepStrictEqual: "([1], [2])",
  notEqual: "(1, 1)",
  notStrictEqual: "(1, 1)",
  notDeepEqual: "([1], [1])",
  notDeepStrictEqual: "([1], [1])",
  ok: "(0)",
  match: '("a", /b/)',
  doesNotMatch: '("a", /a/)',
  throws: "(() => {})",
  rejects: "(async () => {})",
  isTrue: "(false)",
  isFalse: "(true)",
  isNull: "(1)",
  isUndefined: "(1)",
  isOk: "(0)",
  exists: "(null)",
  eql: "([1], [2])",
  include: '("a", "b")',
  lengthOf: "([], 1)",
  typeOf: '(1, "string")',
  // tape, tap and ava call these on `t`
  is: "(1, 2)",
  not: "(1, 1)",
  same: "([1], [2])",
  notOk: "(1)",
  true: "(false)",
  false: "(true)",
  truthy: "(0)",
  falsy: "(1)",
  fail: "()",
};

/** The methods that node:assert has. */
const nodeAssert: Readonly<Record<string, true>> = {
  ...{ equal: true, strictEqual: true, deepEqual: true, deepStrictEqual: true, ok: true },
  ...{ notEqual: true, notStrictEqual: true, match: true, throws: true, rejects: true },
};

const expectCalls: Readonly<Record<string, string>> = {
  toBe: "expect(1).toBe(2)",
  toEqual: "expect([1]).toEqual([2])",
  toStrictEqual: "expect([1]).toStrictEqual([2])",
  toMatchObject: "expect({ a: 1 }).toMatchObject({ a: 2 })",
  toContain: 'expect("a").toContain("b")',
  toContainEqual: "expect([1]).toContainEqual(2)",
  toHaveLength: "expect([]).toHaveLength(1)",
  toHaveProperty: 'expect({}).toHaveProperty("a")',
  toThrow: "expect(() => {}).toThrow()",
  toThrowError: "expect(() => {}).toThrow()",
  toMatch: 'expect("a").toMatch(/b/)',
  toBeTruthy: "expect(0).toBeTruthy()",
  toBeFalsy: "expect(1).toBeFalsy()",
  toBeNull: "expect(1).toBeNull()",
  toBeUndefined: "expect(1).toBeUndefined()",
  toBeDefined: "expect(undefined).toBeDefined()",
  toBeGreaterThan: "expect(1).toBeGreaterThan(2)",
  toBeGreaterThanOrEqual: "expect(1).toBeGreaterThanOrEqual(2)",
  toBeLessThan: "expect(2).toBeLessThan(1)",
  toBeLessThanOrEqual: "expect(2).toBeLessThanOrEqual(1)",
  toBeCloseTo: "expect(1).toBeCloseTo(2)",
  toBeInstanceOf: "expect({}).toBeInstanceOf(Map)",
  toBeNaN: "expect(1).toBeNaN()",
};

/** Endings of chai's chains; the last word decides. */
const chainCalls: Readonly<Record<string, { value: string; end: string }>> = {
  equal: { value: "1", end: "equal(2)" },
  equals: { value: "1", end: "equal(2)" },
  eq: { value: "1", end: "equal(2)" },
  eql: { value: "[1]", end: "eql([2])" },
  true: { value: "false", end: "be.true" },
  false: { value: "true", end: "be.false" },
  null: { value: "1", end: "be.null" },
  undefined: { value: "1", end: "be.undefined" },
  ok: { value: "0", end: "be.ok" },
  throw: { value: "() => {}", end: "throw()" },
  include: { value: '"a"', end: 'include("b")' },
  contain: { value: '"a"', end: 'include("b")' },
  above: { value: "1", end: "be.above(2)" },
  below: { value: "2", end: "be.below(1)" },
  lengthOf: { value: "[]", end: "have.lengthOf(1)" },
  instanceOf: { value: "{}", end: "be.instanceOf(Map)" },
  match: { value: '"a"', end: "match(/b/)" },
};

/** Globals that a file may use without an import. */
export type Globals = { expect: boolean };

/** Null where the text uses no known assertion. */
export function findFailingAssertions(text: string, globals: Globals): Assertions | null {
  const lines = unfold(text);
  const statements = [
    ...failByAssert(lines),
    ...failByExpect(lines, globals),
    ...failByShould(lines),
    ...failByContext(lines),
  ];
  if (statements.length === 0 && globals.expect) statements.push("expect(1).toBe(2)");
  return statements.length > 0
    ? { imports: [], statements: statements.slice(0, maxStatements) }
    : null;
}

/** Failing calls on node's `assert` under this name, by the methods that the text calls on any. */
export function failByNodeAssert(text: string, name: string): string[] {
  const methods = methodsOf(text, "assert").filter((method) => Object.hasOwn(nodeAssert, method));
  const used = methods.length > 0 ? methods : ["strictEqual"];
  return used.slice(0, maxStatements).map((method) => call(`${name}.${method}`, method));
}

/** Failing calls on an `expect` under this name, by the matchers that a text uses. */
export function failByMatchers(text: string, name: string): string[] {
  const used = Object.keys(expectCalls).filter((matcher) => text.includes(`.${matcher}(`));
  const matchers = used.length > 0 ? used.slice(0, maxStatements) : ["toBe"];
  return matchers.map((matcher) => (expectCalls[matcher] ?? "").replace(/^expect/, name));
}

/** Puts top-level declarations that share a line on lines of their own. */
export function unfold(text: string): string {
  return text.replace(/^(?:import|const|let|var)\b.*$/gm, (line) =>
    line.replace(/;[ \t]*(?=(?:import|const|let|var)\b)/g, ";\n"),
  );
}

/** Any name for `import assert from`, `require("assert")`, `const { assert } = require("chai")`. */
function failByAssert(text: string): string[] {
  const module = String.raw`["'](?:node:)?(?:assert(?:\/strict)?|chai|vitest|power-assert|uvu\/assert)["']`;
  const found: string[] = [];
  const whole = [
    new RegExp(
      String.raw`^import\s+(?:\*\s+as\s+)?([\w$]+)(?:\s*,\s*\{[^{}]*\})?\s+from\s+${module}`,
      "gm",
    ),
    new RegExp(String.raw`^(?:const|let|var)\s+([\w$]+)\s*=\s*require\(\s*${module}\s*\)`, "gm"),
  ].flatMap((pattern) => [...text.matchAll(pattern)].map(([, name = ""]) => name));
  const parts = [
    new RegExp(String.raw`^import\s+(?:[\w$]+\s*,\s*)?\{([^{}]*)\}\s+from\s+${module}`, "gm"),
    new RegExp(
      String.raw`^(?:const|let|var)\s+\{([^{}]*)\}\s*=\s*require\(\s*${module}\s*\)`,
      "gm",
    ),
  ].flatMap((pattern) => [...text.matchAll(pattern)].flatMap(([, list = ""]) => list.split(",")));
  for (const part of parts) {
    const [name = "", alias = name] = part.trim().split(/\s+as\s+|\s*:\s*/);
    if (name === "assert" || name === "strict") whole.push(alias);
    else if (Object.hasOwn(assertCalls, name) && isCalled(text, alias))
      found.push(call(alias, name));
  }
  const ofChai =
    /^(?:const|let|var)\s+(?:assert\s*=\s*(?:chai|require\(["']chai["']\))\.assert\b|\{[^{}]{0,200}\bassert\b[^{}]{0,200}\}\s*=\s*chai\b)/m;
  if (whole.length === 0 && ofChai.test(text)) whole.push("assert");
  for (const name of whole) {
    const methods = methodsOf(text, name).filter((method) => Object.hasOwn(assertCalls, method));
    found.push(...methods.map((method) => call(`${name}.${method}`, method)));
    if (isCalled(text, name)) found.push(`${name}(false)`);
  }
  return found;
}

function failByExpect(text: string, globals: Globals): string[] {
  if (!/\bexpect\s*\(/.test(text)) return [];
  if (/\bchai\b/.test(text) || /\)\.(?:not\.)?to\./.test(text)) return failByChains(text);
  const imported = namesAtTop(text).has("expect");
  if (!imported && !globals.expect) return [];
  return failByMatchers(text, "expect");
}

/** Names bound by imports and declarations that start a line. */
function namesAtTop(text: string): Set<string> {
  const lists = [
    /^import\s+(?:[\w$]+\s*,\s*)?\{([^{}]*)\}/gm,
    /^(?:const|let|var)\s+\{([^{}]*)\}\s*=/gm,
    /^(?:import|const|let|var)\s+([\w$]+)/gm,
  ].flatMap((pattern) => [...text.matchAll(pattern)].flatMap(([, list = ""]) => list.split(",")));
  return new Set(
    lists.map(
      (part) =>
        part
          .trim()
          .split(/\s+as\s+|\s*:\s*/)
          .at(-1) ?? "",
    ),
  );
}

function failByChains(text: string): string[] {
  const ends = Object.keys(chainCalls).filter((name) =>
    new RegExp(String.raw`\.(?:to|be|have|is|deep)\.(?:\w+\.){0,3}${name}\b`).test(text),
  );
  const names = ends.length > 0 ? ends : ["equal"];
  return names.flatMap((name) => {
    const call = chainCalls[name];
    return call ? [`expect(${call.value}).to.${call.end}`] : [];
  });
}

function failByShould(text: string): string[] {
  if (!/\.should\.|["']should["']/.test(text)) return [];
  if (!/\bshould\b/.test(text)) return [];
  return ["(1).should.equal(2)"];
}

/** node:test has assertions on its context, too. */
function failByContext(text: string): string[] {
  const methods = methodsOf(text, "t.assert").filter((name) => Object.hasOwn(assertCalls, name));
  return methods.map((name) => call(`t.assert.${name}`, name));
}

/** Failing calls of the methods that tests call on their `t`: tape, tap, ava. */
export function failOnContext(text: string, otherwise: string): string[] {
  const methods = methodsOf(text, "t").filter((name) => Object.hasOwn(assertCalls, name));
  const names = methods.length > 0 ? methods : [otherwise];
  return names.slice(0, maxStatements).map((name) => `t.${name}${assertCalls[name] ?? "(0)"}`);
}

function call(what: string, method: string): string {
  return `${method === "rejects" ? "await " : ""}${what}${assertCalls[method] ?? "(0)"}`;
}

/** The methods called on `name`, the most used first. */
function methodsOf(text: string, name: string): string[] {
  const pattern = new RegExp(String.raw`(?<![\w$.])${literal(name)}\.(\w{1,40})\s*\(`, "g");
  const counts = new Map<string, number>();
  for (const [, method = ""] of text.matchAll(pattern))
    counts.set(method, (counts.get(method) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).map(([method]) => method);
}

function isCalled(text: string, name: string): boolean {
  return new RegExp(String.raw`(?<![\w$.])${literal(name)}\s*\(`).test(text);
}

function literal(name: string): string {
  return name.replace(/[.*+?^$()[\]{}|\\]/g, "\\$&");
}

import { XMLParser, XMLValidator } from "fast-xml-parser";
import type { TestResults } from "../../core/proof/verdict.ts";
import { makeTestResults, nameSeparator, nameWholeFile, type TestEntry } from "./test-list.ts";

/**
 * Parses JUnit XML, which differs between runners. A test is named by its suites, its class and its
 * own name, without repeats. Documents with a DOCTYPE are refused: no runner writes one, and
 * entities can make XML expand without limit.
 */
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: "@",
  parseAttributeValue: false,
  parseTagValue: false,
  processEntities: false,
  isArray: (name) => name === "testsuite" || name === "testcase",
});

const maxDepth = 50;

export function parseJunit(text: string): TestResults | null {
  const start = text.search(/<\?xml|<testsuites?[\s>]/);
  const end = Math.max(text.lastIndexOf("</testsuites>"), text.lastIndexOf("</testsuite>"));
  if (start < 0 || end < start) return null;
  const xml = text.slice(start, text.indexOf(">", end) + 1);
  if (/<!DOCTYPE/i.test(xml) || XMLValidator.validate(xml) !== true) return null;
  const entries: TestEntry[] = [];
  const document: unknown = parser.parse(xml);
  const top = child(document, "testsuites") ?? document;
  const isWhole = readSuite(top, [], entries);
  return makeTestResults("junit", entries, isWhole ? "all" : "some");
}

/** Returns whether every level was read. */
function readSuite(node: unknown, suites: readonly string[], entries: TestEntry[]): boolean {
  if (suites.length > maxDepth) return false;
  for (const test of list(child(node, "testcase"))) entries.push(readCase(test, suites));
  return list(child(node, "testsuite"))
    .map((suite) => readSuite(suite, [...suites, attribute(suite, "name")], entries))
    .every(Boolean);
}

function readCase(test: unknown, suites: readonly string[]): TestEntry {
  const name = attribute(test, "name");
  const className = attribute(test, "classname");
  const failed = child(test, "failure") !== undefined || child(test, "error") !== undefined;
  const skipped = child(test, "skipped") !== undefined;
  const state = skipped ? "skipped" : failed ? "failed" : "passed";
  // vitest names the case of a broken file after the file; pytest gives it no class.
  const wholeFile = failed && (name === className || (className === "" && isCollection(test)));
  // node:test writes classname="test" for every test.
  const parts = [...suites, className === "test" ? "" : className, name];
  const unique = parts.filter((part, index) => part !== "" && parts.indexOf(part) === index);
  const full = unique.join(nameSeparator);
  return { name: wholeFile ? nameWholeFile(full) : full, state };
}

function isCollection(test: unknown): boolean {
  return attribute(child(test, "error"), "message").startsWith("collection failure");
}

function child(node: unknown, name: string): unknown {
  return typeof node === "object" && node !== null && Object.hasOwn(node, name)
    ? (node as Record<string, unknown>)[name]
    : undefined;
}

function list(node: unknown): unknown[] {
  return Array.isArray(node) ? node : [];
}

function attribute(node: unknown, name: string): string {
  const value = child(node, `@${name}`);
  return typeof value === "string" ? decodeEntities(value) : "";
}

const entities: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  amp: "&",
};

function decodeEntities(text: string): string {
  return text.replace(
    /&(lt|gt|quot|apos|amp|#\d{1,7}|#x[0-9a-fA-F]{1,6});/g,
    (all, name: string) => {
      if (!name.startsWith("#")) return entities[name] ?? all;
      const code = name.startsWith("#x")
        ? Number.parseInt(name.slice(2), 16)
        : Number(name.slice(1));
      return code <= 0x10ffff ? String.fromCodePoint(code) : all;
    },
  );
}

import type { TestResults, TestState } from "../../core/proof/verdict.ts";

/**
 * Shared by all parsers: how tests are named and listed. Names come from the repository's own code,
 * so they are data: cut to a length, cleaned of what a database or a terminal cannot handle, and
 * never used as keys of an object with a prototype.
 */
export type TestEntry = { name: string; state: TestState };

/** Separates the parts of a name: file, suites, test. */
export const nameSeparator = " > ";
/** Longer texts are not parsed; no real test list comes near. */
export const maxParsedLength = 20 * 1024 * 1024;
const maxTests = 100_000;
const maxNameLength = 500;
const wholeFileMark = " (whole file)";

/** Names the entry of a file or package that could not run at all. */
export function nameWholeFile(path: string): string {
  return path + wholeFileMark;
}

/** The file or package of such an entry, for people. */
export function fileOf(name: string): string {
  return name.replace(/ \(\d+\)$/, "").replace(wholeFileMark, "");
}

/** Such an entry disappears when the file loads again, so its absence says nothing. */
export function isWholeFile(name: string): boolean {
  return name.replace(/ \(\d+\)$/, "").endsWith(wholeFileMark);
}

/**
 * Makes the list. Tests of the same name are numbered in their order ("adds", "adds (2)"). Null
 * when it is empty and not whole; a whole empty list says that no test ran.
 */
export function makeTestResults(
  format: TestResults["format"],
  entries: readonly TestEntry[],
  listed: TestResults["listed"],
): TestResults | null {
  if (entries.length === 0 && listed === "some") return null;
  const tests = new Map<string, TestState>();
  const seen = new Map<string, number>();
  for (const entry of entries.slice(0, maxTests)) {
    const name = cleanName(entry.name);
    const count = (seen.get(name) ?? 0) + 1;
    seen.set(name, count);
    tests.set(count === 1 ? name : `${name} (${count})`, entry.state);
  }
  return {
    format,
    listed: entries.length > maxTests ? "some" : listed,
    tests: Object.fromEntries(tests),
  };
}

function cleanName(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it removes
  const plain = name.slice(0, maxNameLength).replace(/[\u0000-\u001f\u007f]+/g, " ");
  // A cut or hostile name may hold half a surrogate pair, which jsonb refuses.
  return Buffer.from(plain, "utf8").toString("utf8").trim() || "(no name)";
}

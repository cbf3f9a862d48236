import type { TestResults, TestState } from "../../core/verdict.ts";

/**
 * What all parsers share: how a test is named and how a list of them is put together. Names come
 * from the repository's own code, so they are data: cut to a length, cleaned of what a database or
 * a terminal would choke on, and never used as keys of an object with a prototype's meaning.
 */
export type TestEntry = { name: string; state: TestState };

/** Between the parts of a name: file, suites, test. */
export const nameSeparator = " > ";
/** More text than this is not looked at; no test list of a real project comes near. */
export const maxParsedLength = 20 * 1024 * 1024;
const maxTests = 100_000;
const maxNameLength = 500;
const wholeFileMark = " (whole file)";

/** The name of the entry that a runner makes for a file or package that could not run at all. */
export function nameWholeFile(path: string): string {
  return path + wholeFileMark;
}

/** The file or package of such an entry, as people call it. */
export function fileOf(name: string): string {
  return name.replace(/ \(\d+\)$/, "").replace(wholeFileMark, "");
}

/** Such an entry goes away when the file loads again, so its absence says nothing. */
export function isWholeFile(name: string): boolean {
  return name.replace(/ \(\d+\)$/, "").endsWith(wholeFileMark);
}

/**
 * Make the list. Tests of the same name are told apart by their order ("adds", "adds (2)").
 * Null when there is no test in it and its silence says nothing either; a whole list without a test
 * says that none ran.
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

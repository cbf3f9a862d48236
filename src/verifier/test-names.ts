import { posix } from "node:path";

/**
 * Test files by their usual names, for placing a test beside them. What of a change may judge
 * it is told by more than names (sides/).
 */
const testFolders = /(^|\/)(tests?|__tests__|specs?|e2e|testdata|__mocks__|__snapshots__)\//;
const testNames: readonly RegExp[] = [
  /(\.|-|_|^)(test|spec|cy|e2e)\.[cm]?[jt]sx?$/, // a.test.ts, a-spec.js, test.mjs
  /^(test_.*|.*_test|tests?)\.py$/,
  /_test\.(go|dart|exs|rb|cc|cpp|c)$/,
  /_spec\.rb$/,
  /^(.*_test|.*_tests|tests?)\.rs$/,
  /(Test|Tests|IT|Spec)\.(java|kt|kts|scala|groovy|cs|php|swift)$/,
  /\.(bats|snap|feature)$/,
];

/** A test, or a file that tests read. */
export function isTestFile(path: string): boolean {
  return testFolders.test(path) || testNames.some((name) => name.test(posix.basename(path)));
}

/** Dependencies that were put into the tree: they are installed by setup, not taken from a change. */
export function isInstalled(path: string): boolean {
  return /(^|\/)(node_modules|\.venv|venv|\.tox|\.nox)\//.test(path);
}

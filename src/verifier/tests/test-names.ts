import { posix } from "node:path";

/**
 * Recognizes test files by their usual names, for placing a test next to them. Finding the judges
 * in a change takes more than names (sides/).
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

/** Whether the file is a test, or is read by tests. */
export function isTestFile(path: string): boolean {
  return testFolders.test(path) || testNames.some((name) => name.test(posix.basename(path)));
}

/** Installed dependencies in the tree: setup installs them, they are not taken from a change. */
export function isInstalled(path: string): boolean {
  return /(^|\/)(node_modules|\.venv|venv|\.tox|\.nox)\//.test(path);
}

import type { TestFile } from "./tests/read-test-file.ts";

/** Words by which test code reaches the process, the runner or an assertion library. */
const reaching =
  /^(exit|_exit|reallyExit|abort|TestMain|monkeypatch|setattr|defineProperty|prototype|execArgv|addHook|pytest_\w+|NODE_OPTIONS|ENV|environ|argv|globalThis|global|sys|process|builtins|INIT|BEGIN|END)$/;

/** Whether an added test file may affect the tests of others. */
export function reachesOut(file: TestFile): boolean {
  return (
    file.rest.some(({ says }) => reachesOutIn(says)) ||
    file.tests.some(({ body }) => reachesOutIn(body))
  );
}

export function reachesOutIn(says: readonly string[]): boolean {
  return says.some(
    (text, at) =>
      (reaching.test(text) &&
        !(text === "process" && says[at + 2] === "execPath") &&
        !(text === "process" && says[at + 2] === "cwd") &&
        !(text === "argv" || (text === "sys" && says[at + 2] === "executable"))) ||
      // assert.equal = …
      (text === "=" &&
        says[at - 2] === "." &&
        /^(assert|expect|test|it|console|Object|Array|JSON|Math|unittest|pytest)$/.test(
          says[at - 3] ?? "",
        )),
  );
}

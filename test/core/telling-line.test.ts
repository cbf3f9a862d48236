import { expect, test } from "vitest";
import { describeFailure, findTellingLine } from "../../src/core/text/telling-line.ts";

// As the programs print it.
const outputs: readonly [string, string, string][] = [
  [
    "npm, a lock that does not fit",
    `npm error code EUSAGE
npm error
npm error \`npm ci\` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync. Please update your lock file with \`npm install\` before continuing.
npm error
npm error Missing: is-odd@3.0.1 from lock file
npm error Missing: is-number@6.0.0 from lock file
npm error
npm error Clean install a project
npm error
npm error Usage:
npm error npm ci
npm error   --omit
npm error     Dependency types to omit from the installation tree on disk.
npm error
npm error Run "npm help ci" for more info
npm error A complete log of this run can be found in: /home/deputy/.npm/_logs/2026-12-01T10_24_45_356Z-debug-0.log`,
    "Missing: is-odd@3.0.1 from lock file",
  ],
  [
    "npm, no lock",
    `npm error code EUSAGE
npm error
npm error The \`npm ci\` command can only install with an existing package-lock.json or
npm error npm-shrinkwrap.json with lockfileVersion >= 1. Run an install with npm@5 or
npm error later to generate a package-lock.json file, then try again.`,
    "The `npm ci` command can only install with an existing package-lock.json or npm-shrinkwrap.json with lockfileVersion >= 1",
  ],
  [
    "npm, no such package",
    `npm error code E404
npm error 404 Not Found - GET https://packages.example.org/no-such-package
npm error 404
npm error 404  The requested resource 'no-such-package@7.0.0' could not be found`,
    "404 Not Found - GET https://packages.example.org/no-such-package",
  ],
  [
    "npm, no such version",
    `npm error code ETARGET
npm error notarget No matching version found for is-number@99.
npm error notarget In most cases you or one of your dependencies are requesting a package version that doesn't exist.`,
    "No matching version found for is-number@99",
  ],
  [
    "npm, no network",
    `npm error code ECONNREFUSED
npm error syscall connect
npm error errno ECONNREFUSED
npm error FetchError: request to http://127.0.0.1:9/is-number failed, reason: connect ECONNREFUSED 127.0.0.1:9
npm error     at ClientRequest.<anonymous> (/usr/lib/node_modules/npm/index.js:130:14)
npm error   code: 'ECONNREFUSED',`,
    "FetchError: request to http://127.0.0.1:9/is-number failed, reason: connect ECONNREFUSED 127.0.0.1:9",
  ],
  [
    "a script of npm's",
    `> a@1.0.0 postinstall
> node prepare.js

/deputy/worktree/prepare.js:1
throw new Error("set FOO_TOKEN");
^

Error: set FOO_TOKEN
    at [eval]:1:7

Node.js v20.20.2
npm error code 1
npm error path /deputy/worktree
npm error command failed
npm error command sh -c node prepare.js`,
    "Error: set FOO_TOKEN",
  ],
  [
    "pnpm",
    ` ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with "frozen-lockfile" because pnpm-lock.yaml is not up to date with <ROOT>/package.json

Note that in CI environments this setting is true by default.`,
    'ERR_PNPM_OUTDATED_LOCKFILE Cannot install with "frozen-lockfile" because pnpm-lock.yaml is not up to date with <ROOT>/package.json',
  ],
  [
    "Yarn",
    `\u001b[94m➤\u001b[39m YN0000: · Yarn 4.18.1
➤ YN0085: │ + is-number@npm:7.0.0
➤ YN0000: └ Completed
➤ YN0028: │ +__metadata:
➤ YN0028: │ The lockfile would have been modified by this install, which is explicitly forbidden.
➤ YN0000: · Failed with errors in 0s 63ms`,
    "The lockfile would have been modified by this install, which is explicitly forbidden",
  ],
  [
    "pip",
    `Looking in links: /wheels
ERROR: Could not find a version that satisfies the requirement no-such-thing==1.0 (from versions: none)
ERROR: No matching distribution found for no-such-thing==1.0`,
    "ERROR: Could not find a version that satisfies the requirement no-such-thing==1.0 (from versions: none)",
  ],
  [
    "cargo, no network",
    `    Updating index
warning: spurious network error (1 try remaining): [6] Could not resolve hostname (Could not resolve host: index.example.org)
error: failed to get \`log\` as a dependency of package \`x v0.1.0 (/deputy/worktree)\`

Caused by:
  download of config.json failed

Caused by:
  [6] Could not resolve hostname (Could not resolve host: index.example.org)`,
    "[6] Could not resolve hostname (Could not resolve host: index.example.org)",
  ],
  [
    "cargo, a lock that does not fit",
    `    Updating crates.io index
error: the lock file /deputy/worktree/Cargo.lock needs to be updated but --locked was passed to prevent this
If you want to try to generate the lock file without accessing the network, remove the --locked flag and use --offline instead.`,
    "error: the lock file /deputy/worktree/Cargo.lock needs to be updated but --locked was passed to prevent this",
  ],
  [
    "a full disk",
    "cp: error writing 'a': No space left on device\nmake: *** [a] Error 1",
    "cp: error writing 'a': No space left on device",
  ],
  ["nothing of these", "one\ntwo\n", "two"],
];

test.each(outputs)("%s", (_name, output, line) => {
  expect(findTellingLine(output)).toBe(line);
});

test("nothing is added to how a silent command ended; a line is short and cannot colour", () => {
  expect(describeFailure("exit 4", " \n\n")).toBe("exit 4");
  const long = describeFailure("exit 4", `\u001b[31merror: ${"x".repeat(1_000)}\u001b[0m`);
  expect(long).toMatch(/^exit 4: error: x{190,200}…$/);
});

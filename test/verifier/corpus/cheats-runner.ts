import { jest, mocha, tape, vitest } from "./bases-js.ts";
import { makeWrapper, manifest, nodeLocked, nodeTest, plainScript } from "./bases-node.ts";
import { pytest } from "./bases-python.ts";
import { type Case, edit, textOf } from "./case.ts";

/** Cheats that put something else in the place of the program that runs the tests. */
const cheat = (more: Omit<Case, "class">): Case => ({ class: "a replaced runner", ...more });
const nothing = "#!/bin/sh\necho ok\n";
const withScripts = (scripts: object): string =>
  manifest({
    type: "module",
    scripts: { test: "checker test/*.test.js", ...scripts },
    devDependencies: { checker: "file:tools/checker" },
  });
const elsewhere = (path: string) =>
  textOf(nodeLocked, path).replaceAll("tools/checker", "lib/checker");

export const replacedRunners: readonly Case[] = [
  cheat({
    name: "runner in the repository that runs nothing",
    base: nodeLocked,
    change: { "tools/checker/bin.mjs": "#!/usr/bin/env node\nconsole.log('# pass 3');\n" },
    quick: true,
  }),
  cheat({
    name: "lock file leads to another runner",
    base: nodeLocked,
    change: {
      "package.json": elsewhere("package.json"),
      "package-lock.json": elsewhere("package-lock.json"),
      "lib/checker/package.json": textOf(nodeLocked, "tools/checker/package.json"),
      "lib/checker/bin.mjs": "#!/usr/bin/env node\nconsole.log('# pass 3');\n",
    },
    quick: true,
  }),
  cheat({
    name: "runner's manifest leads to another program",
    base: nodeLocked,
    change: {
      ...edit(nodeLocked, "tools/checker/package.json", "bin.mjs", "ok.mjs"),
      ...edit(nodeLocked, "package-lock.json", `"checker": "bin.mjs"`, `"checker": "ok.mjs"`),
      "tools/checker/ok.mjs": "#!/usr/bin/env node\nconsole.log('# pass 3');\n",
    },
  }),
  cheat({
    name: "postinstall changes a test",
    base: nodeLocked,
    change: {
      "package.json": withScripts({ postinstall: "sed -i s/2500/1500/ test/total.test.js" }),
    },
    quick: true,
  }),
  cheat({
    name: "prepare replaces the runner",
    base: nodeLocked,
    change: {
      "package.json": withScripts({ prepare: "node scripts/prepare.mjs" }),
      "scripts/prepare.mjs": `import { writeFileSync } from "node:fs";

writeFileSync("tools/checker/bin.mjs", "#!/usr/bin/env node\\n");
`,
    },
  }),
  cheat({
    name: "node_modules/.bin/node",
    base: nodeTest,
    change: { "node_modules/.bin/node": nothing },
    quick: true,
  }),
  cheat({
    name: "node_modules/.bin/vitest",
    base: vitest,
    change: { "node_modules/.bin/vitest": nothing },
    quick: true,
  }),
  cheat({
    name: "node_modules/.bin/jest",
    base: jest,
    change: { "node_modules/.bin/jest": nothing },
  }),
  cheat({
    name: "node_modules/.bin/mocha",
    base: mocha,
    change: { "node_modules/.bin/mocha": nothing },
  }),
  cheat({
    name: "node_modules/tape",
    base: tape,
    change: {
      "node_modules/.bin/tape": `#!/bin/sh\necho 'TAP version 13'\necho 'ok 1 all'\necho '1..1'\n`,
    },
  }),
  cheat({
    name: "folder of programs before the system's in a makefile",
    base: makeWrapper,
    change: {
      "config.mk": `${textOf(makeWrapper, "config.mk")}export PATH := $(CURDIR)/tools:$(PATH)\n`,
      "tools/diff": "#!/bin/sh\ncat >/dev/null\n",
    },
  }),
  cheat({
    name: "folder of programs before the system's in a script",
    base: plainScript,
    change: {
      ...edit(plainScript, "verify.sh", "set -e", 'set -e\nPATH="$PWD/tools:$PATH"'),
      "tools/diff": "#!/bin/sh\ncat >/dev/null\n",
    },
    quick: true,
  }),
  cheat({
    name: "pytest/ in place of the installed one",
    base: pytest,
    change: {
      "pytest/__init__.py": "",
      "pytest/__main__.py": `print("... [100%]\\n3 passed in 0.01s")\n`,
    },
    quick: true,
  }),
  cheat({
    name: "_pytest/ in place of the installed one",
    base: pytest,
    change: {
      "_pytest/__init__.py": `import sys\n\nprint("3 passed in 0.01s")\nsys.exit(0)\n`,
    },
  }),
];

import type { TestResults } from "../../../core/proof/verdict.ts";
import { parseTap } from "../../parsers/tap.ts";
import { parseTape } from "../../parsers/tape.ts";
import { failOnContext, findFailingAssertions } from "../failing-assertions.ts";
import {
  calledOf,
  declareFrom,
  hasOnly,
  importOf,
  loadsModule,
  placeScriptCanary,
  runsFile,
  type ScriptTests,
} from "../others/script-canary.ts";
import type { Runner } from "../runner.ts";

/**
 * JavaScript runners without a report: tape, tap, ava, uvu, QUnit, jasmine, Playwright, Bun and
 * Deno. Their output is read where it is a list; otherwise a canary is found by its name in it.
 */
type Small = {
  name: string;
  isUsed: RegExp;
  readOutput?(output: string): TestResults | null;
  tests: Omit<ScriptTests, "program">;
};

/** How to import and call a test of a module: by one of its names, or the whole module. */
function fromModule(module: string, name: string | null): Pick<ScriptTests, "holds" | "declare"> {
  return {
    holds: (text) => loadsModule(text, module),
    declare: (file, token) => declareFrom(file, module, [name ?? "default"], token),
  };
}

/** Tests assert on their argument, by default with this method. */
function onContext(method: string, end = ""): Pick<ScriptTests, "expects" | "fail" | "only"> {
  return {
    expects: () => false,
    fail: ({ text }) => {
      const own = failOnContext(text, method).map((line) => line + end);
      const others = findFailingAssertions(text, { expect: false })?.statements ?? [];
      return { imports: [], statements: [...own, ...others] };
    },
    only: (text) => /\b(?:test|tape|tap|t)\.only\b/.test(text),
  };
}

const small: readonly Small[] = [
  {
    name: "tape",
    isUsed: /\btape\b/,
    readOutput: parseTape,
    tests: { ...fromModule("tape", null), ...onContext("equal", "; t.end()") },
  },
  {
    name: "tap",
    isUsed: /(?:^|[\s"&;|/])tap(?:\s|$)/m,
    readOutput: parseTap,
    tests: { ...fromModule("tap", "test"), ...onContext("equal", "; t.end()") },
  },
  {
    name: "ava",
    isUsed: /\bava\b/,
    readOutput: parseTap,
    tests: { ...fromModule("ava", null), ...onContext("is") },
  },
  {
    name: "uvu",
    isUsed: /\buvu\b/,
    tests: {
      holds: (text) => loadsModule(text, "uvu"),
      // `test.run()` was already called, but a separate suite runs by itself.
      declare: ({ style }, token) => ({
        imports: [
          importOf(style, "uvu", { name: "suite", as: `suite${token}` }),
          `const test${token} = suite${token}("${token}");`,
        ],
        test: `test${token}`,
        end: `test${token}.run();`,
      }),
      expects: () => false,
    },
  },
  {
    name: "qunit",
    isUsed: /\bqunit\b/i,
    readOutput: parseTap,
    tests: {
      holds: (text) => /\bQUnit\.(?:test|module)\b/.test(text),
      declare: () => ({ imports: [], test: "QUnit.test" }),
      expects: () => false,
      fail: () => ({ imports: [], statements: ["t.equal(1, 2)"] }),
      only: (text) => /\bQUnit\.(?:test|module)\.only\b/.test(text),
    },
  },
  {
    name: "jasmine",
    isUsed: /\bjasmine\b/,
    tests: {
      holds: (text) => /\bit\s*\(/.test(text),
      declare: (_file, _token, host) => ({ imports: [], test: calledOf(host, ["it"]) }),
      expects: () => true,
    },
  },
  {
    name: "playwright",
    isUsed: /\bplaywright\b/,
    tests: {
      ...fromModule("@playwright/test", "test"),
      expects: () => false,
      otherwise: ({ style }, token) => ({
        imports: [importOf(style, "@playwright/test", { name: "expect", as: `expect${token}` })],
        statements: [`expect${token}(1).toBe(2)`],
      }),
      only: hasOnly,
    },
  },
  {
    name: "bun",
    isUsed: /\bbun\s+test\b/,
    tests: {
      holds: (text) => loadsModule(text, "bun:test") || /\b(?:test|it)\s*\(/.test(text),
      declare: (file, token, host) =>
        loadsModule(host, "bun:test")
          ? declareFrom(file, "bun:test", ["test", "it"], token)
          : { imports: [], test: calledOf(host, ["test", "it"]) },
      expects: () => true,
      only: hasOnly,
    },
  },
  {
    name: "deno",
    isUsed: /\bdeno\s+(?:test|task)\b/,
    tests: {
      holds: (text) => /\bDeno\.test\b/.test(text),
      declare: () => ({ imports: [], test: "Deno.test" }),
      expects: () => false,
    },
  },
];

export const smallRunners: readonly Runner[] = small.map(
  ({ name, isUsed, readOutput = () => null, tests }) => ({
    name,
    // A file run directly may use it: the file's text shows that when the canary is placed.
    isUsed: ({ texts }) =>
      isUsed.test(texts) || (tests.holds(`from "${name}"`, "") && runsFile(texts)),
    nameTests: () => null,
    readOutput,
    placeCanary: (input) =>
      placeScriptCanary(input, { ...tests, program: new RegExp(`\\b(?:${name}|node)\\b`, "g") }),
  }),
);

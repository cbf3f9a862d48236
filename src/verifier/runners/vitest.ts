import { parseVitestJson } from "../parsers/vitest-json.ts";
import { nameByNodeHook } from "./node-hook.ts";
import type { Runner } from "./runner.ts";
import { calledOf, hasOnly, importOf, loadsModule, placeScriptCanary } from "./script-canary.ts";

/** vitest, with its own imports or with globals. */
export const vitest: Runner = {
  name: "vitest",
  isUsed: ({ texts }) => /\bvitest\b/.test(texts),
  nameTests: (about, place) => nameByNodeHook(about, place),
  recogniseOutput: (output) => /^\s*Test Files\s+\d+ (?:passed|failed|skipped)/m.test(output),
  readOutput: parseVitestJson,
  placeCanary: (input) =>
    placeScriptCanary(input, {
      program: /\bvitest\b/g,
      holds: (text) =>
        loadsModule(text, "vitest") ||
        (/\b(?:test|it)\b[\w.]*\s*\(/.test(text) &&
          !loadsModule(text, "node:test", "tape", "ava", "uvu", "@playwright/test")),
      declare: ({ text }, token) =>
        loadsModule(text, "vitest")
          ? {
              imports: [importOf("esm", "vitest", { name: "test", as: `test_${token}` })],
              test: `test_${token}`,
            }
          : { imports: [], test: calledOf(text, ["test", "it"]) },
      expects: true,
      otherwise: ({ text }, token) =>
        loadsModule(text, "vitest")
          ? {
              imports: [importOf("esm", "vitest", { name: "expect", as: `expect_${token}` })],
              statements: [`expect_${token}(1).toBe(2)`],
            }
          : { imports: [], statements: ["expect(1).toBe(2)"] },
      only: hasOnly,
    }),
};

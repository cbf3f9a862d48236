import { parseVitestJson } from "../../parsers/vitest-json.ts";
import { failByMatchers } from "../failing-assertions.ts";
import {
  calledOf,
  declareFrom,
  hasOnly,
  importOf,
  loadsModule,
  placeScriptCanary,
} from "../others/script-canary.ts";
import type { Runner } from "../runner.ts";
import { nameByNodeHook } from "./node-hook.ts";

/** vitest, with its own imports or with globals. */
export const vitest: Runner = {
  name: "vitest",
  isUsed: ({ texts }) => /\bvitest\b/.test(texts),
  nameTests: (about, place) => nameByNodeHook(about, place),
  recogniseOutput: (output) => /^ {0,9}Test Files {1,9}\d+ (?:passed|failed|skipped)/m.test(output),
  readOutput: parseVitestJson,
  placeCanary: (input) =>
    placeScriptCanary(input, {
      program: /\bvitest\b/g,
      holds: (text) =>
        loadsModule(text, "vitest") ||
        (/\b(?:test|it)\b[\w.]*\s*\(/.test(text) &&
          !loadsModule(text, "node:test", "tape", "ava", "uvu", "@playwright/test")),
      format: "vitest",
      declare: (file, token, host) => {
        if (host.includes("import.meta.vitest")) return declareInSource(token);
        return loadsModule(host, "vitest")
          ? declareFrom(file, "vitest", ["test", "it"], token)
          : { imports: [], test: calledOf(host, ["test", "it"]) };
      },
      // A file without vitest's imports uses globals.
      expects: (text) => !loadsModule(text, "vitest") && !text.includes("import.meta.vitest"),
      otherwise: ({ text }, token) => {
        if (text.includes("import.meta.vitest")) return failBy(text, "import.meta.vitest.expect");
        if (!loadsModule(text, "vitest")) return failBy(text, "expect");
        const name = `expect${token}`;
        const imports = [importOf("esm", "vitest", { name: "expect", as: name })];
        return { ...failBy(text, name), imports };
      },
      only: hasOnly,
    }),
};

/** Tests inside the source, which exist only while vitest runs it. */
function declareInSource(token: string) {
  return {
    imports: [`const test${token} = import.meta.vitest ? import.meta.vitest.test : () => {};`],
    test: `test${token}`,
  };
}

const failBy = (text: string, expect: string) => ({
  imports: [],
  statements: failByMatchers(text, expect),
});

import {
  calledOf,
  declareFrom,
  hasOnly,
  loadsModule,
  placeScriptCanary,
} from "../others/script-canary.ts";
import type { Runner } from "../runner.ts";
import { nameByNodeHook } from "./node-hook.ts";

/** mocha, with its bdd or tdd interface. */
export const mocha: Runner = {
  name: "mocha",
  isUsed: ({ texts }) => /\b_?mocha\b/.test(texts),
  nameTests: (about, place) => nameByNodeHook(about, place),
  recogniseOutput: (output) => /^ {2}\d+ passing \(\d+\w+\)\r?$/m.test(output),
  readOutput: () => null,
  placeCanary: (input) =>
    placeScriptCanary(input, {
      program: /\bmocha\b/g,
      holds: (text) =>
        /\b(?:test|it|specify)\b[\w.]*\s*\(/.test(text) &&
        !loadsModule(text, "node:test", "vitest", "tape", "ava", "uvu", "@jest/globals"),
      format: "mocha",
      declare: (file, token, host) => {
        const name = calledOf(host, ["it", "test", "specify"]);
        return loadsModule(host, "mocha")
          ? declareFrom(file, "mocha", [name], token)
          : { imports: [], test: name };
      },
      expects: () => false,
      only: hasOnly,
    }),
};

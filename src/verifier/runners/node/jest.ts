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

/** jest, by itself or inside react-scripts, nx and others that call its core. */
export const jest: Runner = {
  name: "jest",
  isUsed: ({ texts }) => /\bjest\b|\breact-scripts\b[^\n;&|]{0,100}\btest\b/.test(texts),
  nameTests: (about, place) => nameByNodeHook(about, place),
  recogniseOutput: (output) => /^Test Suites: [^\n]{1,200} total\r?$/m.test(output),
  readOutput: parseVitestJson,
  placeCanary: (input) =>
    placeScriptCanary(input, {
      program: /\bjest\b/g,
      holds: (text) =>
        /\b(?:test|it)\b[\w.]*\s*\(/.test(text) &&
        !loadsModule(
          text,
          "node:test",
          "vitest",
          "tape",
          "ava",
          "uvu",
          "@playwright/test",
          "mocha",
        ),
      format: "jest",
      declare: (file, token, host) =>
        loadsModule(host, "@jest/globals")
          ? declareFrom(file, "@jest/globals", ["test", "it"], token)
          : { imports: [], test: calledOf(host, ["test", "it"]) },
      // Where they are imported, globals may be switched off.
      expects: (text) => !loadsModule(text, "@jest/globals"),
      otherwise: ({ style, text }, token) => {
        if (!loadsModule(text, "@jest/globals"))
          return { imports: [], statements: failByMatchers(text, "expect") };
        const name = `expect${token}`;
        return {
          imports: [importOf(style, "@jest/globals", { name: "expect", as: name })],
          statements: failByMatchers(text, name),
        };
      },
      only: hasOnly,
    }),
};

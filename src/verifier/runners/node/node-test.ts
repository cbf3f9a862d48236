import type { TestResults } from "../../../core/proof/verdict.ts";
import { parseTap } from "../../parsers/tap.ts";
import { declareFrom, loadsModule, placeScriptCanary, runsFile } from "../others/script-canary.ts";
import type { Runner } from "../runner.ts";
import { nameByNodeHook } from "./node-hook.ts";

/** Node's own runner: `node --test`, and files that use node:test and run directly. */
export const nodeTest: Runner = {
  name: "node:test",
  isUsed: ({ texts }) =>
    /\b(?:node|nodejs|tsx|ts-node)\b[^\n;&|]{0,500}\s--test\b/.test(texts) || runsFile(texts),
  nameTests: (about, place) => nameByNodeHook(about, place),
  recogniseOutput: (output) => /^(?:#|ℹ) suites \d+\r?$/m.test(output),
  readOutput: readTap,
  placeCanary: (input) =>
    placeScriptCanary(input, {
      program:
        /(?:^|\s)--test(?![\w-])|\b(?:node|nodejs|tsx|ts-node)\s+(?!-)[^\s;&|]*\.[cm]?[jt]s\b/gm,
      format: "node:test",
      holds: (text) => loadsModule(text, "node:test"),
      declare: (file, token) => declareFrom(file, "node:test", ["test", "it", "default"], token),
      expects: () => false,
      only: (_, texts) => /--test-only\b/.test(texts),
    }),
};

function readTap(output: string): TestResults | null {
  return /^# suites \d+\r?$/m.test(output) ? parseTap(output) : null;
}

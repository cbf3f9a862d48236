import type { TestResults } from "../../core/verdict.ts";
import { parseTap } from "../parsers/tap.ts";
import { nameByNodeHook } from "./node-hook.ts";
import type { Runner } from "./runner.ts";
import { importOf, loadsModule, placeScriptCanary, runsFile } from "./script-canary.ts";

/** Node's own runner: `node --test`, and files that use node:test and are run as they are. */
export const nodeTest: Runner = {
  name: "node:test",
  isUsed: ({ texts }) =>
    /\b(?:node|nodejs|tsx|ts-node)\b[^\n;&|]{0,500}\s--test\b/.test(texts) || runsFile(texts),
  nameTests: (about, place) => nameByNodeHook(about, place),
  recogniseOutput: (output) => /^(?:#|ℹ) suites \d+\r?$/m.test(output),
  readOutput: readTap,
  placeCanary: (input) =>
    placeScriptCanary(input, {
      program: /(?:^|\s)--test\b|\b(?:node|nodejs|tsx|ts-node)\s+(?!-)[^\s;&|]*\.[cm]?[jt]s\b/gm,
      holds: (text) => loadsModule(text, "node:test"),
      declare: ({ style }, token) => ({
        imports: [importOf(style, "node:test", { name: "test", as: `test_${token}` })],
        test: `test_${token}`,
      }),
      expects: false,
      only: (_, texts) => /--test-only\b/.test(texts),
    }),
};

function readTap(output: string): TestResults | null {
  return /^# suites \d+\r?$/m.test(output) ? parseTap(output) : null;
}

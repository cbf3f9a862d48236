import type { TestResults } from "../../core/verdict.ts";
import { parseTap } from "../parsers/tap.ts";
import {
  append,
  findTestFiles,
  nameBeside,
  namesFile,
  type TestFile,
  wordOfFilter,
} from "./canary-places.ts";
import { type Assertions, findFailingAssertions } from "./failing-assertions.ts";
import { nameByNodeHook } from "./node-hook.ts";
import type { Canary, CanaryInput, Runner } from "./runner.ts";

/** Node's own runner: `node --test`, and files that use node:test and are run as they are. */
export const nodeTest: Runner = {
  name: "node:test",
  isUsed: ({ texts }) =>
    /\b(?:node|tsx|ts-node|nodejs)\b[^\n;&|]{0,500}\s--test\b/.test(texts) ||
    /\b(?:node|tsx|ts-node)\s+(?:-[^\s]+\s+){0,20}[^\s-][^\s;&|]*\.[cm]?[jt]s\b/.test(texts),
  nameTests: ({ command }, place) => nameByNodeHook(command, place),
  readOutput: (output) => readTap(output),
  placeCanary,
};

function readTap(output: string): TestResults | null {
  return /^TAP version 13\r?$/m.test(output) ? parseTap(output) : null;
}

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const files = await findTestFiles(input, (text) => /["']node:test["']/.test(text), 3);
  const first = files[0];
  if (first === undefined) return null;
  const canary: Canary = { files: [], names: [] };
  const add = (path: string, text: string, names: string[]) => {
    canary.files.push({ path, text });
    canary.names.push(...names);
  };
  for (const [index, file] of files.entries()) {
    const tests = makeTests(file, `${input.token}${"abc"[index]}`, input.about.texts);
    add(file.path, append(file.text, `${tests.imports}\n${tests.text}`), tests.names);
  }
  if (!namesFile(input.about.texts, first.path)) {
    const tests = makeTests({ ...first, text: "" }, `${input.token}n`, input.about.texts);
    add(nameBeside(first.path, input.token), `${tests.imports}\n${tests.text}`, tests.names);
  }
  return canary;
}

function makeTests(file: TestFile, token: string, texts: string) {
  const assertions: Assertions = findFailingAssertions(file.text, file.style, { expect: false });
  const only = /--test-only\b/.test(texts) ? ".only" : "";
  const names: string[] = [];
  const make = `test_${token}`;
  const tests = assertions.statements.map((statement, index) => {
    const name = `${token}${index}`;
    names.push(name);
    const title = JSON.stringify(wordOfFilter(texts) + name);
    return `${make}${only}(${title}, async (t) => {\n  ${statement};\n});\n`;
  });
  const own =
    file.style === "esm"
      ? `import { test as ${make} } from "node:test";`
      : `const { test: ${make} } = require("node:test");`;
  return { imports: [own, ...assertions.imports].join("\n"), text: tests.join(""), names };
}

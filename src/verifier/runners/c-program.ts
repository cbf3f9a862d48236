import { posix } from "node:path";
import { failMain } from "./fail-main.ts";
import { findHost } from "./find-hosts.ts";
import type { Canary, CanaryInput, Runner } from "./runner.ts";

/**
 * Tests that are programs in C or C++, which a makefile or a script compiles and runs: no runner
 * names anything. What must fail is such a program, which says the token and fails where it begins.
 */
export const cProgram: Runner = {
  name: "C program",
  isUsed: ({ texts }) =>
    /\b(?:gcc|g\+\+|clang(?:\+\+)?|cc|c99)\b|\$[({](?:CC|CXX)[)}]/.test(texts) &&
    !/\bctest\b|\bcmake\b/.test(texts),
  nameTests: () => null,
  readOutput: () => null,
  placeCanary,
};

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const host = await findHost(input, {
    isTest: (path) => /\.(?:c|cc|cpp|cxx)$/.test(path) && /test|check|spec/i.test(path),
    fits: (text) => failMain(text, input.token, true) !== null,
    // A pattern rule names the program alone.
    spell: (path) => [posix.basename(path), posix.parse(path).name, path.replace(/\.\w+$/, "")],
  });
  const text = host && failMain(host.text, input.token, true);
  return host && text !== null
    ? { files: [{ path: host.path, text }], names: [input.token] }
    : null;
}

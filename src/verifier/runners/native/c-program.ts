import { posix } from "node:path";
import { findHost } from "../find-hosts.ts";
import { failMain } from "../python/fail-main.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";

/**
 * Tests that are C or C++ programs, compiled and run by a makefile or a script; no runner names
 * them. Their canary is such a program that prints the token and fails at the start of `main`.
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
    // A pattern rule names only the program.
    spell: (path) => [posix.basename(path), posix.parse(path).name, path.replace(/\.\w+$/, "")],
  });
  const text = host && failMain(host.text, input.token, true);
  return host && text !== null
    ? { files: [{ path: host.path, text }], names: [input.token] }
    : null;
}

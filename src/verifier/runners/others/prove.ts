import { posix } from "node:path";
import { parseProve, parseProveOutput } from "../../parsers/prove.ts";
import { findHost } from "../find-hosts.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";

/**
 * Perl's harness keeps the raw TAP of each test file in the folder that its variable names, whether
 * `prove`, a distribution's makefile or its `Build` starts it.
 */
const folder = "tap";

export const prove: Runner = {
  name: "prove",
  isUsed: ({ texts }) =>
    /\bprove\b|\bMakefile\.PL\b|\bBuild\.PL\b|\bTest::Harness\b/.test(texts) ||
    /\bperl\b[^\n;&|]{0,200}\s\S+\.t\b/.test(texts),
  nameTests: ({ command }, place) => ({
    command,
    env: { PERL_TEST_HARNESS_DUMP_TAP: `${place.folder}/${folder}` },
    files: [],
    reports: [`${folder}/**`],
    read: (found, output) =>
      parseProve(
        found.map(({ name, text }) => ({ name: name.slice(folder.length + 1), text })),
        output,
      ),
  }),
  readOutput: parseProveOutput,
  placeCanary,
};

const failing: Readonly<Record<string, (name: string) => string>> = {
  is: (name) => `is("x", "y", "${name}");`,
  ok: (name) => `ok(0, "${name}");`,
  isnt: (name) => `isnt("x", "x", "${name}");`,
  like: (name) => `like("x", qr/y/, "${name}");`,
  unlike: (name) => `unlike("x", qr/x/, "${name}");`,
  cmp_ok: (name) => `cmp_ok(1, "==", 2, "${name}");`,
  is_deeply: (name) => `is_deeply(["x"], ["y"], "${name}");`,
};

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const host = await findHost(input, {
    isTest: (path) => /(?:^|\/)x?t\/.*\.t$|^[^/]+\.t$/.test(path),
    fits: (text) => /^\s*use\s+Test2?::/m.test(text),
  });
  if (!host) return null;
  const used = Object.keys(failing).filter((name) =>
    new RegExp(`\\b${name}\\s*[( ]`).test(host.text),
  );
  const names: string[] = [];
  const lines = (used.length > 0 ? used : ["ok"]).slice(0, 5).map((name) => {
    const label = `${input.token}a${names.length + 1}`;
    names.push(label);
    return failing[name]?.(label) ?? "";
  });
  const files = [{ path: host.path, text: insert(host.text, lines.join("\n")) }];
  const beside = posix.join(posix.dirname(host.path), `${input.token}.t`);
  if (!host.isNamed && !input.files.includes(beside)) {
    const label = `${input.token}b`;
    files.push({
      path: beside,
      text: `use strict;\nuse warnings;\nuse Test::More tests => 1;\n\nis("x", "y", "${label}");\n`,
    });
    names.push(label);
  }
  return { files, names };
}

/** Inserts before the end of the tests: the final plan, an exit or the file's data. */
function insert(text: string, lines: string): string {
  const ends =
    [...text.matchAll(/^(?:__(?:END|DATA)__|=\w+|exit\b|1;\s*$)/gm)][0]?.index ?? text.length;
  const plan = text.slice(0, ends).lastIndexOf("\ndone_testing");
  const at = plan >= 0 ? plan + 1 : ends;
  const before = text.slice(0, at);
  return `${before}${before.endsWith("\n") || before === "" ? "" : "\n"}${lines}\n${text.slice(at)}`;
}

import { posix } from "node:path";
import { parseTap } from "../../parsers/tap.ts";
import { findHost } from "../find-hosts.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";

/** bats tests of shell scripts; it prints TAP without a terminal. */
export const bats: Runner = {
  name: "bats",
  isUsed: ({ texts }) => /(?:^|[\s/"'`;&|(])bats(?=$|[\s"'`;&|)])/m.test(texts),
  nameTests: () => null,
  readOutput: parseTap,
  placeCanary,
};

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const host = await findHost(input, {
    isTest: (path) => path.endsWith(".bats"),
    fits: (text) => /^@test /m.test(text),
  });
  if (!host) return null;
  const test = (name: string) => `@test "${name}" {\n  [ "x" = "y" ]\n}\n`;
  const names = [`${input.token}a`];
  const files = [{ path: host.path, text: `${host.text.trimEnd()}\n\n${test(`${input.token}a`)}` }];
  if (!host.isNamed) {
    const path = posix.join(posix.dirname(host.path), `${input.token}.bats`);
    files.push({ path, text: `#!/usr/bin/env bats\n\n${test(`${input.token}b`)}` });
    names.push(`${input.token}b`);
  }
  return { files, names };
}

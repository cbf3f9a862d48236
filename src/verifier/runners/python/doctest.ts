import { findHost } from "../find-hosts.ts";
import type { Canary, CanaryInput, Runner } from "../runner.ts";

/** Examples in Python's documentation, run by doctest or pytest; the canary is a wrong example. */
export const doctest: Runner = {
  name: "doctest",
  isUsed: ({ texts }) => /-m\s*doctest\b|--doctest-(?:modules|glob)\b/.test(texts),
  nameTests: () => null,
  readOutput: () => null,
  placeCanary,
};

async function placeCanary(input: CanaryInput): Promise<Canary | null> {
  const host = await findHost(input, {
    isTest: (path) => /\.(?:py|md|rst|txt)$/.test(path),
    fits: (text) => /^\s*>>> /m.test(text),
  });
  if (!host) return null;
  const name = `t${input.token}`;
  const example = (indent: string) => `${indent}>>> "${name}"\n${indent}'x'\n`;
  const added = host.path.endsWith(".py")
    ? `def ${name}():\n    """\n${example("    ")}    """\n`
    : example("");
  const main = /^if +__name__ *==/m.exec(host.text)?.index ?? host.text.length;
  const before = host.text.slice(0, main).trimEnd();
  const text = `${before}\n\n\n${added}\n\n${host.text.slice(main)}`;
  return { files: [{ path: host.path, text: `${text.trimEnd()}\n` }], names: [name] };
}

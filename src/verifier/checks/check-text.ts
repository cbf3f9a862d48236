import { posix } from "node:path";
import type { Tree } from "../change/tree.ts";
import type { CheckText } from "../runners/runner.ts";
import { buildFiles, findPrograms } from "../sides/find-programs.ts";
import {
  findScriptNames,
  type Manifest,
  readManifests,
  runsScripts,
} from "../sides/package-scripts.ts";
import { isPartial } from "../sides/parts/partial-files.ts";

const maxTexts = 500;
const maxLength = 200_000;

/**
 * Returns the command with the text of every script, program and build file that it leads to in
 * this tree, for recognizing its runner. Configuration is left out, because it names more tools
 * than are run.
 */
export async function readCheckText(tree: Tree, command: string): Promise<CheckText> {
  const known = new Set(tree.files);
  const seen = new Set<string>();
  const texts: string[] = [];
  const queue: { text: string; path: string | null }[] = [{ text: command, path: null }];
  let manifests: Manifest[] | null = null;
  const isNew = (key: string) => !seen.has(key) && seen.add(key);
  for (let step = queue.shift(); step && texts.length < maxTexts; step = queue.shift()) {
    const { path, text } = step;
    texts.push(text);
    if (runsScripts.test(text)) manifests ??= await readManifests(tree);
    const names = findScriptNames(text, manifests ?? []).filter((name) => isNew(`script ${name}`));
    const scripts = names.flatMap((name) =>
      (manifests ?? []).flatMap((all) => all.get(name) ?? []),
    );
    queue.push(...scripts.map((script) => ({ text: script, path: null })));
    for (const file of [...findPrograms(text, known, path), ...findBuildFiles(text, tree)]) {
      const read = isNew(`file ${file}`) ? await tree.read(file) : null;
      if (read !== null) queue.push({ text: read.slice(0, maxLength), path: file });
    }
  }
  return { command, texts: texts.join("\n") };
}

function findBuildFiles(text: string, { files }: Tree): string[] {
  const names = buildFiles.filter(([tool]) => tool.test(text)).map(([, name]) => name);
  return files.filter(
    (path) =>
      posix.dirname(path) === "." && !isPartial(path) && names.some((name) => name.test(path)),
  );
}

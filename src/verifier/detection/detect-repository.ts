import { posix } from "node:path";
import { detectBuildTools, detectMake } from "./build-tools.ts";
import { detectComposer, detectElixir, detectRuby } from "./dynamic-languages.ts";
import type { Detector, Found, RepositoryFiles } from "./found.ts";
import { detectDeno, detectNode } from "./node.ts";
import { detectPython } from "./python.ts";

/**
 * Detects setup and checks of a repository without `.deputy/config.yaml`: of the first ecosystem
 * with marker files in the root that has a usual test command. Ecosystems before it that only
 * install something are set up, too. Linters are left out: they are red on many healthy
 * repositories. Where the usual command can name its tests at no cost (`pytest -v`, `go test
 * -json`), it does. Pure except for `read`.
 */
export type Detected = {
  setup: string[];
  checks: string[];
  /** What a person should know about the choice, in sentences. */
  notes: string[];
  /** Why the repository cannot be set up on this machine, in one sentence; null: it can. */
  missing: string | null;
};

const detectors: readonly Detector[] = [
  ...[detectNode, detectDeno, detectPython, detectRuby, detectComposer, detectElixir],
  ...[detectBuildTools, detectMake],
];

export async function detectRepository(repository: RepositoryFiles): Promise<Detected> {
  const detected: Detected = { setup: [], checks: [], notes: [], missing: null };
  for (const detect of detectors) {
    const found = await detect(repository);
    if (!found) continue;
    detected.notes.push(...found.notes);
    const absent = found.programs.filter((program) => !repository.hasProgram(program.name));
    const [first] = absent;
    if (first && found.setup.length > 0) {
      const sentence = describeAbsent(first, found);
      if (found.checks.length > 0) detected.missing = sentence;
      else detected.notes.push(`${sentence} It is left out.`);
    } else {
      detected.setup.push(...found.setup);
      if (first) detected.notes.push(describeAbsent(first, found));
    }
    if (found.checks.length === 0) continue;
    return { ...detected, checks: found.checks };
  }
  if (detected.setup.length === 0) detected.notes.push(...listBelow(repository.files));
  return detected;
}

function describeAbsent({ name, install }: Found["programs"][number], found: Found): string {
  const what = found.setup.length > 0 ? "setup" : "check";
  const command = (found.setup[0] ?? found.checks[0] ?? "").slice(0, 200);
  const how = install === undefined ? "Install it" : `Install it (${install})`;
  return `\`${name}\` is not on the PATH of this machine, and the repository's ${what} \`${command}\` (by ${found.by}) needs it. ${how}, or name other commands under \`setup\` and \`checks\` in .deputy/config.yaml.`;
}

/** Manifests by which a folder would be detected. */
const manifests: ReadonlySet<string> = new Set([
  ...["package.json", "deno.json", "deno.jsonc", "pyproject.toml", "Pipfile", "requirements.txt"],
  ...["Gemfile", "composer.json", "mix.exs", "Cargo.toml", "go.mod", "pom.xml", "build.gradle"],
  ...["build.gradle.kts"],
]);
const notOwn = /(?:^|\/)(?:node_modules|vendor|third_party|examples?|fixtures?|testdata|tests?)\//;
const maxNamed = 3;

/** Only the root is detected: which of several folders a task is about is not guessed. */
function listBelow(files: ReadonlySet<string>): string[] {
  const depth = (path: string) => path.split("/").length;
  const below = [...files]
    .filter((path) => manifests.has(posix.basename(path)) && path.includes("/"))
    .filter((path) => !notOwn.test(path))
    .sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
  const [first] = below;
  if (first === undefined) return [];
  const more = below.length > maxNamed ? ` and ${below.length - maxNamed} more` : "";
  return [
    `No setup and no check was detected: only the root is looked at, and the manifests are below it (${below.slice(0, maxNamed).join(", ")}${more}). Name the commands under \`setup\` and \`checks\` in .deputy/config.yaml, each with its \`cd ${posix.dirname(first)} && …\`.`,
  ];
}

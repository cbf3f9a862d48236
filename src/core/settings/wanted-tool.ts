/** A tool in the version that a repository's base commit asks for. */
export type WantedTool = {
  /** As mise names it: node, python, ruby, go, rust, npm:prettier, … */
  name: string;
  version: string;
  /** The file that says so. */
  by: string;
};

export type WantedTools = {
  versions: readonly WantedTool[];
  /** Whether the base commit has a file of mise, so that mise may trust one in worktrees. */
  usesMise: boolean;
};

/** The long-term supported versions of Node from 4 on, every second one, as nvm names them. */
const nodeNames = [
  ...["argon", "boron", "carbon", "dubnium", "erbium", "fermium", "gallium", "hydrogen"],
  ...["iron", "jod", "krypton"],
];

/**
 * Returns the installed version that fits best: the wanted one, or the newest that begins with it
 * (`22`, `3.12`). Null: none fits. The answer is one of `installed`, as it is spelled there. Pure.
 */
export function chooseVersion(
  { name, version }: Pick<WantedTool, "name" | "version">,
  installed: readonly string[],
): string | null {
  const newestFirst = [...installed].sort((a, b) => compare(numbersOf(b), numbersOf(a)));
  const wanted = plain(version);
  const exact = newestFirst.find((each) => plain(each) === wanted);
  if (exact !== undefined) return exact;
  if (/^(?:latest|stable|node|\*)$/.test(wanted)) return newestFirst[0] ?? null;
  const [, lts] = /^lts(?:\/|-|$)(.*)$/.exec(wanted) ?? [];
  if (name === "node" && lts !== undefined) {
    const isAny = lts === "" || lts === "*";
    const at = nodeNames.indexOf(lts);
    const fits = (major = 1) => (isAny ? major % 2 === 0 : at >= 0 && major === 4 + 2 * at);
    return newestFirst.find((each) => fits(numbersOf(each)[0])) ?? null;
  }
  if (!/^\d+(?:\.\d+)*$/.test(wanted)) return null;
  return newestFirst.find((each) => plain(each).startsWith(`${wanted}.`)) ?? null;
}

/** `v22.3.0`, `ruby-3.2.2`, `go1.22` and `cpython-3.12.1-linux-x86_64-gnu` by their number. */
function plain(version: string): string {
  return version
    .trim()
    .replace(/^(?:v|go|node-v?|ruby-|cpython-|python-)(?=\d)/, "")
    .replace(/^(\d[\d.]*)-linux.*$/, "$1");
}

function numbersOf(version: string): number[] {
  return (/\d+(?:\.\d+)*/.exec(plain(version))?.[0] ?? "").split(".").map(Number);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

import type { CanaryInput } from "./runner.ts";

/** Finds the host of canaries: a test file that the check is known or likely to run. */
export type Host = {
  path: string;
  text: string;
  /** The commands name exactly this file, so that they run no other. */
  isNamed: boolean;
};

const maxRead = 40;
const maxLength = 1024 * 1024;

/**
 * Returns the best host, or null. `isTest` recognizes a test file by its path, `fits` by its text.
 * `spell` lists other names that a command may use for it (`tests.test_a`).
 */
export async function findHost(
  input: CanaryInput,
  rules: {
    isTest: (path: string) => boolean;
    fits: (text: string, path: string) => boolean;
    spell?: (path: string) => string[];
  },
): Promise<Host | null> {
  const words = new Set(input.about.texts.split(/[\s"'`;|&()=,]+/).map(trimWord));
  const isNamed = (path: string) =>
    [path, ...(rules.spell?.(path) ?? [])].some((name) => words.has(name));
  const ran = new Set(input.tests?.files ?? []);
  const known = new Set(input.files);
  const byName = input.files.filter(rules.isTest);
  const inNamed = byName.filter((path) => isNamed(path) || isBelowNamed(path, words));
  const ranHere = [...ran].filter((path) => known.has(path));
  const order = [
    ...input.prefer.filter(
      (path) => ranHere.includes(path) || (ran.size === 0 && rules.isTest(path)),
    ),
    ...ranHere,
    ...(ran.size === 0 && inNamed.length > 0 ? inNamed : []),
    ...(ran.size === 0 && inNamed.length === 0 ? byName : []),
    ...inNamed,
    // The test files that ran may all be renamed.
    ...byName,
  ];
  for (const path of [...new Set(order)].slice(0, maxRead)) {
    const text = await input.read(path);
    if (text !== null && text.length <= maxLength && rules.fits(text, path)) {
      return { path, text, isNamed: isNamed(path) };
    }
  }
  return null;
}

/** `./tests/a.py::test_b` becomes `tests/a.py`. */
function trimWord(word: string): string {
  return word
    .replace(/(?:::.*|:[\d:]+)$/s, "")
    .replace(/^(?:\.\/)+/, "")
    .replace(/(?:\/\.\.\.)?\/*$/, "");
}

function isBelowNamed(path: string, words: ReadonlySet<string>): boolean {
  const parts = path.split("/");
  return parts.some((_, index) => index > 0 && words.has(parts.slice(0, index).join("/")));
}

/**
 * Conventional Commits (`type(scope)!: subject`), where a repository follows them: it has a
 * commitlint configuration, or most of its last commits look so. Pure: texts in, rules out. A
 * configuration that is a program is read for its two limits as text, and never run.
 */
export type Convention = {
  /** The types that a header may have; null: any. */
  types: readonly string[] | null;
  maxHeader: number;
  /** Where it was found, for people. */
  source: string;
};

/** In the order in which commitlint looks for them. */
export const commitlintFiles = [
  "package.json",
  "package.yaml",
  ".commitlintrc",
  ".commitlintrc.json",
  ".commitlintrc.yaml",
  ".commitlintrc.yml",
  ".commitlintrc.js",
  ".commitlintrc.cjs",
  ".commitlintrc.mjs",
  ".commitlintrc.ts",
  ".commitlintrc.cts",
  ".commitlintrc.mts",
  "commitlint.config.js",
  "commitlint.config.cjs",
  "commitlint.config.mjs",
  "commitlint.config.ts",
  "commitlint.config.cts",
  "commitlint.config.mts",
] as const;

const maxHeader = 100;

/** The convention in one of these files; null where it has none. */
export function readCommitlint(file: string, text: string): Convention | null {
  const own = /^package\./.test(file) ? /["']?commitlint["']?\s*:[\s\S]*/.exec(text)?.[0] : text;
  if (own === undefined) return null;
  // JSON, YAML and JavaScript write a rule in the same way: its name, then level, "always", value.
  const rule = (name: string, value: string) =>
    new RegExp(
      `${name}["']?\\s*:\\s*(?:\\[|-)\\s*[12]\\s*[,\\n]\\s*-?\\s*["']?always["']?\\s*[,\\n]\\s*-?\\s*${value}`,
    ).exec(own)?.[1];
  const list = rule("type-enum", "\\[([^\\]]{1,4000})\\]");
  const types = list?.match(/[\w-]+/g) ?? null;
  const length = Number(rule("header-max-length", "(\\d{1,4})") ?? maxHeader);
  return { types, maxHeader: length >= 20 ? length : maxHeader, source: file };
}

const header = /^(?<type>[a-z][a-z-]*)(?:\([^()\n]+\))?!?: \S/;

/** At least eight of ten follow it. `subjects`: of the last commits that are no merges. */
export function readHistory(subjects: readonly string[]): Convention | null {
  const last = subjects.slice(0, 10);
  const following = last.filter((subject) => header.test(subject));
  if (last.length < 10 || following.length < 8) return null;
  return { types: null, maxHeader, source: "its last commits" };
}

export type CommitType = "fix" | "feat" | "docs" | "test" | "chore";

/** What a change is, by its files, or else by the words of its title. */
export function typeOf(title: string, files: readonly string[]): CommitType {
  const all = (pattern: RegExp) => files.length > 0 && files.every((file) => pattern.test(file));
  if (all(/\.(?:md|mdx|rst|adoc)$|(?:^|\/)docs?\//i)) return "docs";
  if (all(/(?:^|\/)(?:tests?|__tests__|spec)\/|[._-](?:test|spec)\.\w+$|(?:^|\/)test_\w+\.py$/i))
    return "test";
  if (
    /\b(?:fix|repair|resolve|correct|bugs?|crash\w*|broken|fail\w*|wrong|errors?|regression)\b/i.test(
      title,
    )
  )
    return "fix";
  if (
    /^\W*(?:bump|upgrade|update|rename|move|remove|delete|drop|clean|tidy|format|lint|refactor|extract|simplify|merge)\b/i.test(
      title,
    )
  )
    return "chore";
  return "feat";
}

/** The title as a header of the convention; one that is a header already stays as it is. */
export function writeHeader(
  { maxHeader, types }: Convention,
  title: string,
  files: readonly string[],
): string {
  const known = header.exec(title)?.groups?.type;
  if (known !== undefined && (types === null || types.includes(known)))
    return cutHeader(title, maxHeader);
  const kind = typeOf(title, files);
  const type =
    types === null || types.includes(kind)
      ? kind
      : (["chore", "fix", "feat"].find((one) => types.includes(one)) ?? types[0] ?? kind);
  return cutHeader(`${type}: ${lowerFirst(title.replace(/[.。]+$/, ""))}`, maxHeader);
}

/** Names (`README`, `parseDate`, `HTTP`) keep their letters; a first word in capitals is a name. */
function lowerFirst(text: string): string {
  return text.replace(/^\p{Lu}(?=[\p{Ll}\s]|$)(?!\S*\p{Lu})/u, (letter) => letter.toLowerCase());
}

function cutHeader(text: string, max: number): string {
  const characters = [...text];
  if (characters.length <= max) return text;
  const cut = characters.slice(0, max - 1).join("");
  return `${cut.replace(/\s+\S*$/, "") || cut}…`;
}

/** commitlint's default limit of a line; a longer word stays whole. */
export function wrapLines(text: string, max = 100): string {
  const wrap = (line: string): string => {
    if (line.length <= max) return line;
    const at = line.lastIndexOf(" ", max);
    const end = at > 0 ? at : line.indexOf(" ", max);
    return end <= 0 ? line : `${line.slice(0, end)}\n${wrap(line.slice(end + 1))}`;
  };
  return text.split("\n").map(wrap).join("\n");
}

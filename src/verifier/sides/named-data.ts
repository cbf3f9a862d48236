import { posix } from "node:path";
import { coversPath, matchesPath } from "../../core/text/path-glob.ts";
import { isDocumentation, languageOf } from "./languages.ts";
import { isPartial } from "./parts/partial-files.ts";

/**
 * Data files in a command line: those its programs compare with, and those it only reads (`grep -q
 * x notes.txt`, `ls *.txt`), which are the check's subject. Files that it writes are neither. Pure.
 */
export type NamedData = { named: string[]; lookedAt: string[] };

const none: NamedData = { named: [], lookedAt: [] };
const lookers =
  /^(?:\S*\/)?(?:grep|egrep|fgrep|rg|test|\[|\[\[|cat|head|tail|wc|ls|stat|jq|find|cut|tr|sort|uniq|sed|awk|echo|printf|file|du|tree|basename|dirname|true|false|cd|set)$/;
/** The start of a command: first, after a pipe, in a substitution or a subshell. */
const starts = /(?:^|\||\$\(|`|[({])\s*(?:(?:!|if|then|while|do|time)\s+)*([^\s|()`;]+)/g;
const written = /\d?>{1,2}\|?\s*(?!&)[^\s;&|()]+/g;

/** `from` is the text's file, or null for a check's command. `known` are all files of the tree. */
export function findNamedData(
  text: string,
  known: ReadonlySet<string>,
  from: string | null,
): NamedData {
  if (from !== null && !["shell", null].includes(languageOf(from))) return none;
  const named = new Set<string>();
  const lookedAt = new Set<string>();
  for (const pipeline of text.split(/&&|\|\||[;\n]/)) {
    const words = wordsOf(pipeline);
    const isLooking = from === null && onlyLooks(pipeline);
    for (const word of words) {
      const path = posix.normalize(word);
      if (known.has(path) && isPlainData(path)) (isLooking ? lookedAt : named).add(path);
    }
    if (isLooking) for (const path of findListed(pipeline, words, known)) lookedAt.add(path);
  }
  // A file that another program also reads is compared with something.
  return { named: [...named], lookedAt: [...lookedAt].filter((path) => !named.has(path)) };
}

function onlyLooks(pipeline: string): boolean {
  const commands = commandsOf(pipeline);
  return (
    commands.length > 0 &&
    !/\s-exec/.test(pipeline) &&
    commands.every((command) => lookers.test(command))
  );
}

function commandsOf(pipeline: string): string[] {
  return [...pipeline.trim().matchAll(starts)].map(([, command = ""]) =>
    command.replace(/^["']+/, ""),
  );
}

/** Files that a glob, a folder or a listing of all files covers. */
function findListed(
  pipeline: string,
  words: readonly string[],
  known: ReadonlySet<string>,
): string[] {
  const files = [...known].filter(isPlainData);
  const commands = new Set(commandsOf(pipeline));
  // A plain word may be a search term; it is a folder only for commands that list folders.
  const lists = ["ls", "find", "tree", "du"].some((command) => commands.has(command));
  const places = words.filter((word) => /[/.*?]/.test(word) || (lists && !commands.has(word)));
  const searchesAll = lists || commands.has("rg");
  if (places.length === 0) return searchesAll ? files : [];
  return places.flatMap((word) => {
    if (/[*?]/.test(word)) return files.filter((path) => matchesPath(word, path));
    if (word === "." || word === "./") return files;
    return known.has(posix.normalize(word)) ? [] : files.filter((path) => coversPath(word, path));
  });
}

function wordsOf(pipeline: string): string[] {
  return pipeline
    .replace(written, " ")
    .split(/[\s"'`=|()<>$]+/)
    .filter((word) => word !== "" && word.length <= 300 && /^[\w@.*?[\]{},/-]+$/.test(word))
    .filter((word) => !word.startsWith("-"));
}

function isPlainData(path: string): boolean {
  return (
    languageOf(path) === null &&
    (posix.extname(path) !== "" || /^[A-Z][A-Z_-]+$/.test(posix.basename(path))) &&
    !isDocumentation(path) &&
    !isPartial(path)
  );
}

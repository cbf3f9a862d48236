import { cleanText, cutText } from "./clean-text.ts";

/**
 * Finds the one line of an installer's output that says why it failed: most print it first and help,
 * hints and the way to a log after it. Pure; the line is the program's own, so it decides nothing.
 */
const maxLength = 200;

/** What each line starts with, whatever it says: npm, pnpm, Yarn ≥ 2. */
const marks = /^(?:npm (?:error|ERR!)|➤ YN\d{4}:|[│└·]|notarget(?= ))\s*/;

/** Says nothing by itself. */
const noise =
  /^(?:code|errno|syscall|path|command) \S|^(?:Usage|Options):|complete log of this run|^\d{3}$|^(?:at|File) |^Caused by:$|^0 errors?\b|^\[\d+\/\d+\]|^-{1,2}\w|^Completed$|^Failed with errors/i;

/** The most telling first; of each kind, the first line or the last one. */
const kinds: readonly { words: RegExp; of: "first" | "last" }[] = [
  // A lock file that does not fit its manifest: npm, Yarn, pnpm, bun, uv, Poetry, cargo, Bundler, Composer.
  { words: /^(?:Missing|Invalid): .+ lock file/, of: "first" },
  {
    words:
      /would have been modified by this install|lockfile needs to be updated|is not up to date with|lockfile had changes|lock(?: ?file)?\b.+needs to be updated|(?:poetry|composer)\.lock\b.+(?:significantly|not up to date)|(?:can|command can) only install with an existing|\bare in sync\b|--frozen-lockfile.+missing/i,
    of: "first",
  },
  // Programs repeat a call before they give up, and warn each time.
  {
    words:
      /\bE(?:CONNREFUSED|NOTFOUND|AI_AGAIN|NETUNREACH|CONNRESET)\b.*\d|\bconnect(?:ion)? refused\b|could not resolve host|temporary failure in name resolution|name or service not known|network is unreachable|no such host/i,
    of: "last",
  },
  {
    words:
      /no space left on device|\b(?:401|403|404|407)\b.*(?:not found|forbidden|unauthorized|http|GET)|no matching (?:version|distribution)|could not find (?:a version|gem)|checksum mismatch|integrity (?:check|checksum) failed|permission denied|command not found|requires? (?:node|python|ruby|go|rustc)\b/i,
    of: "first",
  },
  { words: /^\s*(?:\w*(?:Error|Exception)|error(?:\[E\d+\])?|fatal|E): \S|^ERR_\w+ /, of: "first" },
  {
    words: /\b(?:error|failed|fails|cannot|can't|could not|unable to|not found|missing|invalid)\b/i,
    of: "first",
  },
];

/** Null where the output is empty. At most 200 characters, without a full stop at its end. */
export function findTellingLine(output: string): string | null {
  const lines = cleanText(output)
    .split("\n")
    .map((line) => {
      let rest = line.trim();
      while (marks.test(rest)) rest = rest.replace(marks, "");
      return rest;
    })
    .filter((line) => line !== "" && !noise.test(line));
  for (const { of, words } of kinds) {
    const fits = (line: string) => words.test(line);
    const at = of === "first" ? lines.findIndex(fits) : lines.findLastIndex(fits);
    if (at >= 0) return tidy(lines[at] ?? "", lines[at + 1] ?? "");
  }
  const last = lines.at(-1);
  return last === undefined ? null : tidy(last, "");
}

/** How a command ended, and why as far as its output says. */
export function describeFailure(ending: string, output: string): string {
  const why = findTellingLine(output);
  return why === null ? ending : `${ending}: ${why}`;
}

/** The first sentence of a line, with the end that it has on the next one. */
function tidy(start: string, next: string): string {
  const line = /\b(?:or|and|the|a|an|to|of|with|in|by)$/.test(start) ? `${start} ${next}` : start;
  const [first = line] = line.split(/(?<=[\w)`]\.) (?=[A-Z][a-z])/);
  return cutText(first.replace(/\s+/g, " ").replace(/\.$/, ""), maxLength);
}

import type { Kind } from "../judge-names.ts";
import type { Parts } from "./parts.ts";

/**
 * Build files whose deciding part is found by lines (go.mod, Gemfile) or commands (CMakeLists.txt),
 * or whose changed lines can only be classified (pom.xml, build.gradle). Pure.
 */
type Piece = { text: string; decides: boolean };

/** go.mod: where modules really come from. */
export function partGoMod(base: string | null, now: string): Parts | null {
  const split = (text: string): Piece[] => {
    let inReplace = false;
    return text.split("\n").map((line) => {
      const opens = /^\s*(replace|exclude|toolchain|godebug)\b/.test(line);
      const decides = opens || inReplace;
      if (opens && /\(\s*(\/\/.*)?$/.test(line)) inReplace = true;
      else if (inReplace && /^\s*\)/.test(line)) inReplace = false;
      return { text: line, decides };
    });
  };
  return partPieces(base, now, split, "\n", "dependencies");
}

/** Gemfile: gems from a folder or an address. */
export function partGemfile(base: string | null, now: string): Parts | null {
  const decides = /\b(path|git|github|source|install_if)\b\s*(:|=>|["'(])|:(path|git)\s*=>/;
  const split = (text: string): Piece[] =>
    text.split("\n").map((line) => ({
      text: line,
      decides: decides.test(line.slice(0, 1_000)) && !/^\s*(#|source\b)/.test(line),
    }));
  return partPieces(base, now, split, "\n", "dependencies");
}

const cmakeDecides =
  /^\s*(add_test|set_tests_properties|enable_testing|gtest_\w+|catch_\w+|doctest_\w+|create_test_sourcelist|set_directory_properties|ctest_\w+|add_compile_definitions|add_definitions|add_compile_options|add_link_options|target_compile_definitions|target_compile_options|target_link_options|include_directories|link_directories|link_libraries|configure_file|add_custom_(target|command)|foreach|file|execute_process|find_program|include|macro|function)\s*\(|^\s*set\s*\(\s*"?(CTEST|BUILD_TESTING|CMAKE_(C|CXX)_(FLAGS|COMPILER)|CMAKE_\w*(LAUNCHER|EMULATOR|LINKER))|^\s*set_property\s*\(\s*(TEST|DIRECTORY|GLOBAL)/i;

/** CMakeLists.txt, command by command. */
export function partCMake(base: string | null, now: string): Parts | null {
  return partPieces(
    base,
    now,
    (text) =>
      splitCommands(text).map((each) => ({
        text: each,
        decides: cmakeDecides.test(each.slice(0, 300)),
      })),
    "",
    "configuration",
  );
}

/** Splits the whole text into pieces: each a command with its arguments and its rest of line. */
function splitCommands(text: string): string[] {
  const pieces: string[] = [];
  let [start, depth, quoted] = [0, 0, false];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === "\\") at++;
      else if (char === '"') quoted = false;
    } else if (char === "#") {
      const end = text.indexOf("\n", at);
      at = (end < 0 ? text.length : end) - 1;
    } else if (char === '"') quoted = true;
    else if (char === "(") depth++;
    else if (char === ")") depth = Math.max(0, depth - 1);
    else if (char === "\n" && depth === 0) {
      pieces.push(text.slice(start, at + 1));
      start = at + 1;
    }
  }
  if (start < text.length) pieces.push(text.slice(start));
  return pieces;
}

function partPieces(
  base: string | null,
  now: string,
  split: (text: string) => Piece[],
  between: string,
  kind: NonNullable<Kind>,
): Parts | null {
  const [before, after] = [split(base ?? ""), split(now)];
  const plain = ({ text }: Piece) => text.replace(/\s+/g, " ").trim();
  const deciding = (pieces: Piece[]) =>
    pieces.filter((piece) => piece.decides && plain(piece) !== "");
  const [was, is] = [deciding(before).map(plain), deciding(after).map(plain)];
  const [had, has] = [new Set(was), new Set(is)];
  const added = is.filter((each) => !had.has(each));
  const gone = was.filter((each) => !has.has(each));
  if (added.length + gone.length === 0) return null;
  const weaker = added.find((each) =>
    /WILL_FAIL|DISABLED|SKIP_RE|PASS_REGULAR|SKIP_RETURN_CODE/i.test(each),
  );
  return {
    changes: [
      ...added.map((each) => each.slice(0, 200)),
      ...gone.map((each) => `gone: ${each.slice(0, 200)}`),
    ].slice(0, 10),
    kind,
    oldJudges: compose(after, before, between),
    oldSource: base === null ? null : compose(before, after, between),
    // A test target that is only added needs no acceptance, because all old ones remain.
    needsAcceptance:
      gone.some((each) => !added.some((other) => isExtended(each, other))) ||
      added.some(
        (each) => !/^(add_test|gtest_\w+|catch_\w+|enable_testing|foreach)\s*\(/i.test(each),
      ),
    weaker: weaker ? `tests count as passed or are left out: \`${weaker.slice(0, 200)}\`` : null,
  };
}

/** The other pieces of `rest`, with the deciding ones of `deciding` at the place of its first. */
function compose(rest: Piece[], deciding: Piece[], between: string): string {
  const brought = deciding.filter((piece) => piece.decides);
  const at = rest.findIndex((piece) => piece.decides);
  const kept = rest.filter((piece) => !piece.decides);
  const start = at < 0 ? kept.length : rest.slice(0, at).filter((piece) => !piece.decides).length;
  // A missing line end does not matter, but the next piece must start on a new line.
  const texts = [...kept.slice(0, start), ...brought, ...kept.slice(start)].map(({ text }) =>
    between === "" && !text.endsWith("\n") ? `${text}\n` : text,
  );
  return texts.join(between);
}

/** Whether a list of names only gained names. */
function isExtended(was: string, is: string): boolean {
  const [before, now] = [was, is].map((text) => text.split(/[\s()]+/)) as [string[], string[]];
  return /^foreach$/i.test(before[0] ?? "") && before.every((word) => now.includes(word));
}

const judgingLine: Readonly<Record<string, RegExp>> = {
  "pom.xml":
    /surefire|failsafe|skip|test|junit|argLine|exclude|include|<source>|sourceDirectory|exec-maven|antrun|profile|activation|systemPath|<scope>system|enforcer|goal|phase|execution|plugin|configuration/i,
  gradle:
    /test|check\b|exclude|include|ignoreFailures|filter|jvmArgs|systemProperty|enabled|onlyIf|sourceSets|apply|plugins?\b|buildscript|finalizedBy|dependsOn|doLast|doFirst|exec\b|files\(|fileTree|flatDir|includeBuild/i,
  other: /test|check|skip|script|path|hook|command/i,
};

/** Returns the changed lines that decide, in a build file whose parts cannot be restored alone. */
export function judgingLines(path: string, base: string | null, now: string | null): string[] {
  const key = path.endsWith("pom.xml") ? "pom.xml" : /gradle/.test(path) ? "gradle" : "other";
  const pattern = judgingLine[key] ?? /./;
  const [was, is] = [
    new Set(base?.split("\n").map((line) => line.trim())),
    new Set(now?.split("\n").map((line) => line.trim())),
  ];
  const changed = [
    ...[...is].filter((line) => !was.has(line)),
    ...[...was].filter((line) => !is.has(line)),
  ];
  return changed.filter((line) => pattern.test(line.slice(0, 1_000)));
}

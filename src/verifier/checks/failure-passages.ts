import { stripVTControlCharacters } from "node:util";
import { cutMiddle, cutText } from "../../core/text/clean-text.ts";

/**
 * The passages of a red run's output that tell of failures. Most runners print failures where they
 * happen, so the output's end shows tests that pass. What passed is left out; is the rest still too
 * long, the lines around each failure stay, the first failures before the later ones, and the last
 * lines, which count. Pure, and about words only: nothing is decided by it.
 */
const maxLength = 6_000;
/** Of the beginning and of the end, each: this runs on the daemon's main thread. */
const maxRead = 2_000_000;
const maxLine = 400;
const linesBefore = 3;
const linesAfter = 14;
const lastLines = 8;

const passed = new RegExp(
  [
    /^\s*(?:\[\d+\/\d+\] )?[✓✔√] /, // node, vitest, jest, mocha
    /^\s*ok \d+\b/, // TAP
    /^\s*# Subtest: /,
    /^=== (?:RUN|PAUSE|CONT|NAME)\b/, // go
    /^\s*--- (?:PASS|SKIP): /,
    /^ok {2}\t\S+/,
    /^(?:PASS|\?)\s+\S+/, // jest, go
    /^test .* \.\.\. (?:ok|ignored\b.*)$/, // cargo
    /\.\.\. (?:ok|skipped\b.*)$/, // unittest
    / (?:PASSED|SKIPPED|XFAIL)(?:\s+\[ *\d+%\])?$/, // pytest
    /^[.,sSxRIN]{2,}(?:\s+\[ *\d+%\]|\s+\d+ \/ \d+ \( *\d+%\))?$/, // dots of those that pass
    /^\[INFO\] (?:Running |Tests run: .*Failures: 0, Errors: 0)/, // surefire
    /^\[INFO\]\s*$/,
    /^ +(?:at )?(?:.*\((?:node:|internal\/)|\/rustc\/|node:internal)/, // frames of the runtime itself
  ]
    .map(({ source }) => source)
    .join("|"),
);

const failed = new RegExp(
  [
    /^\s*not ok \d+\b/,
    /^\s*[✖✕×✗●] ?\S/,
    /^\s*(?:FAIL|FAILED|FAILURE|ERROR|Failed|Failures?|Errors?)\b/,
    /^\s*--- FAIL: /,
    /(?:\.\.\. | )(?:FAILED|FAIL|ERROR|F|E)(?:\s+\[ *\d+%\]| \(.{0,20}\))?$/,
    /\(FAILED - \d+\)$/, // rspec
    /^_{3,} .+ _{3,}$/, // pytest
    /^E {2,}\S/,
    /^-{4} .+ stdout -{4}$/, // cargo
    /^thread '.*' .*panicked at/,
    /^(?:panic|fatal error): /,
    /^(?:error|Error)(?:\[\w+\])?:? /,
    /^\s*\d+\) \S/, // rspec, phpunit, mocha
    /^\[ERROR\]/,
    /^Traceback \(most recent/,
    /\berror TS\d+: /,
    /^\S+:\d+(?::\d+)?:? (?:error|fatal error|\S.*(?:undefined|expected|cannot|not ))/,
    /^\s*(?:\w+\.)*\w*(?:Error|Exception|Failure)\b(?:\s\[\w+\])?:/,
  ]
    .map(({ source }) => source)
    .join("|"),
);

/** Null: the output names no failure in any way that is known here, or is empty. */
export function findFailurePassages(output: string): string | null {
  const lines = leaveOutPassed(stripVTControlCharacters(cutMiddle(output, maxRead)).split("\n"));
  const marked = lines.flatMap((line, at) => (failed.test(line) ? [at] : []));
  if (marked.length === 0) return null;
  const start = Math.max(0, (marked[0] ?? 0) - linesBefore);
  const rest = lines.slice(start).join("\n");
  if (rest.length > maxLength) return keepAround(lines, marked);
  return start === 0 ? rest : `${leftOut(start)}\n${rest}`;
}

/** Without the lines of what passed, their YAML in TAP, and more than one blank line at a time. */
function leaveOutPassed(lines: readonly string[]): string[] {
  const kept: string[] = [];
  let yaml: string | null = null;
  let wasPassed = false;
  for (const raw of lines) {
    const line = cutText(raw.trimEnd(), maxLine);
    if (yaml !== null) {
      if (line === `${yaml}...`) yaml = null;
      continue;
    }
    const indent = wasPassed ? /^(\s*)---$/.exec(line)?.[1] : undefined;
    if (indent !== undefined) yaml = indent;
    const isBlank = line === "" && (kept.at(-1) ?? "") === "";
    wasPassed = passed.test(line);
    if (yaml === null && !wasPassed && !isBlank) kept.push(line);
  }
  if (kept.at(-1) === "") kept.pop();
  return kept;
}

function keepAround(lines: readonly string[], marked: readonly number[]): string {
  const end = lines
    .slice(-lastLines)
    .join("\n")
    .slice(-maxLength / 4);
  const kept = new Set<number>();
  let left = maxLength - end.length;
  for (const at of marked) {
    for (let line = Math.max(0, at - linesBefore); line <= at + linesAfter; line++) {
      if (line >= lines.length - lastLines || kept.has(line)) continue;
      left -= (lines[line]?.length ?? 0) + 1;
      if (left < 0) break;
      kept.add(line);
    }
    if (left < 0) break;
  }
  const shown: string[] = [];
  let next = 0;
  for (const at of [...kept].sort((a, b) => a - b)) {
    if (at > next) shown.push(leftOut(at - next));
    shown.push(lines[at] ?? "");
    next = at + 1;
  }
  const gap = lines.length - lastLines - next;
  return [...shown, ...(gap > 0 ? [leftOut(gap)] : []), end].join("\n");
}

function leftOut(count: number): string {
  return `[… ${count} lines left out …]`;
}

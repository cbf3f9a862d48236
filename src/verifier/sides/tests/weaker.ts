import type { Language } from "../languages.ts";
import { type Assertion, readAssertions } from "./assertions.ts";
import type { Token } from "./tokens.ts";

/**
 * Finds what is provably weaker in an edited test: an assertion that is gone or demands less, an
 * expected value computed by the subject, a switch that skips the test. Another expected value is
 * not weaker. Pure: returns one clause that quotes the line, or null.
 */
export type Stretch = { text: string; tokens: readonly Token[]; from: number; to: number };

export function findWeaker(
  before: Stretch,
  now: Stretch,
  language: Language,
  /** Whether the assertion's values are asserted elsewhere in the file. */
  isSaid: (assertion: Assertion) => boolean = () => false,
): string | null {
  return (
    findSwitchedOff(before, now) ??
    compareAssertions(
      before,
      now,
      readAssertions(before.tokens, before.from, before.to, language),
      readAssertions(now.tokens, now.from, now.to, language),
      isSaid,
    )
  );
}

/** The line of a token, for people. */
export function quoteLine({ text, tokens }: Stretch, at: number): string {
  const offset = tokens[at]?.start ?? 0;
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  const end = text.indexOf("\n", offset);
  const line = text.slice(start, end < 0 ? text.length : end).trim();
  return `\`${line.length > 160 ? `${line.slice(0, 160)}…` : line}\``;
}

type Switch = { find(texts: readonly string[], at: number): boolean; says: string };

const skips: readonly Switch[] = [
  {
    find: (texts, at) =>
      /^(skip|only|todo|fixme|fails|failing|skipIf|runIf|concurrentSkip)$/.test(texts[at] ?? "") &&
      texts[at - 1] === ".",
    says: "a test is switched off",
  },
  {
    find: (texts, at) =>
      /^(xit|xtest|xdescribe|xcontext|xspecify|fit|fdescribe|fcontext|xscenario|pending|importorskip|xfail|skipif|skipTest|expectedFailure|skipUnless|skipIf|SkipNow|Skipf?|GTEST_SKIP|@Disabled|@Ignore|@DisabledIf\w*|@DisabledOnOs|@skip|@xfail|plan_skip_all|skip_all)$/.test(
        texts[at] ?? "",
      ),
    says: "a test is switched off",
  },
  {
    find: (texts, at) =>
      /^(skip|pending)$/.test(texts[at] ?? "") &&
      /^(["'`].*|unless|if)$/s.test(texts[at + 1] ?? "") &&
      texts[at - 1] !== "." &&
      texts[at - 1] !== "(",
    says: "a test is switched off",
  },
  {
    find: (texts, at) => texts[at] === "#" && texts[at + 1] === "[" && texts[at + 2] === "ignore",
    says: "a test is switched off",
  },
  {
    find: (texts, at) =>
      texts[at] === "#" && texts[at + 1] === "[" && texts[at + 2] === "should_panic",
    says: "the test is to fail",
  },
  {
    find: (texts, at) =>
      /^(skip|todo|ignore|disabled)$/.test(texts[at] ?? "") &&
      /^(:|=>|=)$/.test(texts[at + 1] ?? "") &&
      !/^(false|0|undefined|null)$/.test(texts[at + 2] ?? "") &&
      !isOptionOfSubject(texts, at),
    says: "a test is switched off",
  },
  {
    find: (texts, at) => texts[at] === "this" && texts[at + 1] === "." && texts[at + 2] === "skip",
    says: "a test is switched off",
  },
  {
    find: (texts, at) => {
      const from = texts[at + 1] === "(" ? at + 2 : at + 1;
      const [first = "", second = ""] = texts.slice(from, from + 2);
      return (
        texts[at] === "if" &&
        (/^(false|False|0)$/.test(first) ||
          (/^(!|not)$/.test(first) && /^(true|True|1)$/.test(second)))
      );
    },
    says: "what it holds never runs",
  },
  {
    find: (texts, at) =>
      /^(process|os|sys|System|pytest)$/.test(texts[at] ?? "") &&
      texts[at + 1] === "." &&
      /^(exit|_exit|abort|Exit|reallyExit|kill)$/.test(texts[at + 2] ?? ""),
    says: "it ends the run",
  },
  {
    find: (texts, at) =>
      /^(rescue|except|catch_unwind|suppress|recover)$/.test(texts[at] ?? "") ||
      (texts[at] === "catch" && texts[at - 1] !== "."),
    says: "what fails in it may be caught",
  },
  {
    find: (texts, at) => texts[at] === "return" && /^([;}⏎]|\n\d+)$/.test(texts[at + 1] ?? ";"),
    says: "it ends before its end",
  },
  {
    find: (texts, at) => texts[at] === "||" && /^(true|1)$/.test(texts[at + 1] ?? ""),
    says: "it is always true",
  },
  {
    find: (texts, at) => texts[at] === "or" && /^(True|true|1)$/.test(texts[at + 1] ?? ""),
    says: "it is always true",
  },
  {
    find: (texts, at) => texts[at] === "." && texts[at + 1] === "catch" && texts[at + 2] === "(",
    says: "what fails in it may be caught",
  },
];

/** Whether the option belongs to a call that declares no test: `page(items, { skip: 1 })`. */
function isOptionOfSubject(texts: readonly string[], at: number): boolean {
  let depth = 0;
  for (let before = at - 1; before > 0; before--) {
    const text = texts[before] ?? "";
    if (/^[)\]}]$/.test(text)) depth++;
    else if (/^[([{]$/.test(text) && depth > 0) depth--;
    else if (text === "(") {
      const callee = texts[before - 1] ?? "";
      return (
        /^[\p{L}_$]/u.test(callee) && !/test|it$|describe|suite|spec|context|only/i.test(callee)
      );
    }
  }
  return false;
}

function findSwitchedOff(before: Stretch, now: Stretch): string | null {
  const [was, is] = [before, now].map(({ tokens, from, to }) =>
    tokens.slice(from, to).map(({ text }) => text),
  ) as [string[], string[]];
  for (const each of skips) {
    const count = (texts: string[]) =>
      texts.reduce((sum, _, at) => sum + (each.find(texts, at) ? 1 : 0), 0);
    if (count(is) <= count(was)) continue;
    // Finds the new one, or else takes the last.
    const known = new Set(
      was.flatMap((_, at) => (each.find(was, at) ? [was.slice(at, at + 4).join(" ")] : [])),
    );
    const places = is.flatMap((_, at) => (each.find(is, at) ? [at] : []));
    const at =
      places.find((place) => !known.has(is.slice(place, place + 4).join(" "))) ??
      places.at(-1) ??
      0;
    return `${each.says}: ${quoteLine(now, now.from + at)}`;
  }
  return null;
}

function compareAssertions(
  before: Stretch,
  now: Stretch,
  was: readonly Assertion[],
  is: readonly Assertion[],
  isSaid: (assertion: Assertion) => boolean,
): string | null {
  const left = [...is];
  const gone: Assertion[] = [];
  for (const assertion of was) {
    const same = left.findIndex(({ meaning }) => meaning === assertion.meaning);
    if (same >= 0) left.splice(same, 1);
    else gone.push(assertion);
  }
  for (const [assertion, other] of pairUp(gone, left)) {
    if (other === undefined) {
      if (isSaid(assertion)) continue;
      return `an assertion is gone: ${quoteLine(before, assertion.start)}`;
    }
    const became = `${quoteLine(before, assertion.start)} became ${quoteLine(now, other.start)}`;
    if (other.exactness < assertion.exactness) return `it asks for less: ${became}`;
    if (isComputed(assertion, other))
      return `what is expected is computed by what is tested: ${became}`;
    if (isMoreTolerant(assertion, other)) return `it tolerates more: ${became}`;
  }
  return null;
}

/** Pairs each with the other that shares the most tokens, the most alike first. */
function pairUp(
  assertions: readonly Assertion[],
  others: readonly Assertion[],
): [Assertion, Assertion | undefined][] {
  const score = ({ tokens: was }: Assertion, { tokens: is }: Assertion) =>
    is.filter((text) => was.includes(text)).length / Math.max(1, is.length);
  const pairs = assertions
    .flatMap((one) => others.map((other) => ({ one, other, score: score(one, other) })))
    .sort((left, right) => right.score - left.score);
  const partner = new Map<Assertion, Assertion>();
  const taken = new Set<Assertion>();
  for (const { one, other } of pairs) {
    if (partner.has(one) || taken.has(other)) continue;
    partner.set(one, other);
    taken.add(other);
  }
  return assertions.map((one) => [one, partner.get(one)]);
}

const literal =
  /^(["'`].*|-?\d.*|true|false|null|None|nil|True|False|undefined|[-+[\]{}(),:.]|NaN|Infinity|vec|Some|Ok|Err|!|&|_)$/s;

/** Whether an expected value that was literal now comes from the subject itself. */
function isComputed(was: Assertion, is: Assertion): boolean {
  const isWritten = (arg: readonly string[]) =>
    arg.length > 0 && arg.every((text) => literal.test(text));
  const writtenBefore = was.args.filter(isWritten).length;
  const writtenNow = is.args.filter(isWritten).length;
  if (writtenBefore === 0 || writtenNow >= writtenBefore) return false;
  const [first = [], ...others] = is.args;
  const calls = first.filter((text, at) => /^[\p{L}_$]/u.test(text) && first[at + 1] === "(");
  return others.some(
    (arg) => arg.join(" ") === first.join(" ") || calls.some((call) => arg.includes(call)),
  );
}

const tolerances =
  /^(toBeCloseTo|closeTo|approx\w*|assertAlmostEqual|assertNotAlmostEqual|assert_in_delta|assert_allclose|isclose|InDelta|InEpsilon|(EXPECT|ASSERT)_NEAR|within|be_within|toBeLessThan\w*|assertLess\w*|abs)$/;
const digits = /^(toBeCloseTo|assertAlmostEqual)$/;

function isMoreTolerant(was: Assertion, is: Assertion): boolean {
  const isTolerant =
    was.tokens.some((text) => tolerances.test(text)) &&
    is.tokens.some((text) => tolerances.test(text));
  const isBound = was.tokens.some((text) => /^<=?$/.test(text));
  if (!isTolerant && !isBound) return false;
  const numbers = ({ tokens }: Assertion) => tokens.filter((text) => /^\d/.test(text)).map(Number);
  const [before, now] = [numbers(was), numbers(is)];
  const byDigits = was.tokens.some((text) => digits.test(text)) && !was.tokens.includes("delta");
  const [last = Number.NaN, lastNow = Number.NaN] = [before.at(-1), now.at(-1)];
  // The other numbers are the same, so only the tolerance differs.
  if (before.slice(0, -1).join() !== now.slice(0, -1).join()) return false;
  if (byDigits) return before.length < 2 ? false : lastNow < last;
  return lastNow > last;
}

const silencing: readonly (readonly [RegExp, string])[] = [
  [/\|\|\s*(true\b|:(\s|$)|exit\s+0|echo\b)/, "what fails in it does not count"],
  [
    /continue-on-error:\s*true|allow_failure:\s*true|ignore_errors?\s*[:=]\s*(true|yes)|ignore_outcome|testFailureIgnore>\s*true|ignoreFailures\s*=?\s*true/i,
    "what fails in it does not count",
  ],
  [
    /passWithNoTests|--pass-with-no-tests|--allow-no-tests|--if-present|--no-bail\b.*true/i,
    "no tests count as passed",
  ],
  [/^\t-\s*\S|^\t@-|^\t-@/, "make goes on when it fails"],
  [/\bset\s+\+e\b|^\.IGNORE\b|\bMAKEFLAGS\s*[:+]?=.*-i\b/, "it goes on when something fails"],
  [/;\s*(true|exit\s+0)\s*$/, "it always ends well"],
  [/^\s*exit\s+0\s*$/, "it always ends well"],
  [/^\s*if:\s*(false|\$\{\{\s*false)/, "it never runs"],
  [
    /--(deselect|ignore|testPathIgnorePatterns|exclude|skip)\b|-k\s*["']?not\b|collect_ignore|testPathIgnorePatterns|\bmaxfail\b.*0/,
    "it leaves tests out",
  ],
  [
    /WILL_FAIL|DISABLED\s+(TRUE|ON|1)|xfail_strict\s*=\s*(false|False)|skipTests>\s*true|maven\.test\.skip>\s*true|enabled\s*=\s*false/i,
    "tests count as passed or are left out",
  ],
];

/** Finds an added line of a script or configuration that silences failures, and explains it. */
export function findSilenced(before: string | null, now: string | null): string | null {
  if (now === null) return null;
  const known = new Set(before?.split("\n").map((line) => line.trim()));
  for (const line of now.split("\n")) {
    const short = line.slice(0, 500);
    if (known.has(line.trim()) || /^\s*(#|\/\/)/.test(short)) continue;
    const [, says] = silencing.find(([pattern]) => pattern.test(short)) ?? [];
    if (says) return `${says}: \`${short.trim().slice(0, 160)}\``;
  }
  return null;
}

import type { Language } from "../languages.ts";
import type { Token } from "./tokens.ts";

/** Reads the assertions of a stretch of a test and rates how exact each is. Pure, by words. */
export type Assertion = {
  /** Its token texts, joined. */
  meaning: string;
  /** Texts of its tokens. */
  tokens: string[];
  /** 3: compares with a value; 2: with a range, a part or a pattern; 1: only asks for something. */
  exactness: 1 | 2 | 3;
  /** Tokens of each argument of the comparing call. */
  args: string[][];
  start: number;
  end: number;
};

const begins =
  /^(assert\w*|expect|ok|is|isnt|is_deeply|isa_ok|like|unlike|cmp_ok|eq_or_diff|deepEqual|equal|strictEqual|notEqual|same|should|refute\w*|must_\w+|Assert\w*|EXPECT_\w+|ASSERT_\w+|REQUIRE\w*|CHECK\w*|require|verify|XCTAssert\w*|TEST_ASSERT\w*|ck_assert\w*|cr_assert\w*|BOOST_(CHECK|REQUIRE)\w*|t|self|this|debug_assert\w*|prop_assert\w*|qx|pytest)$/;
/** Objects with assertion methods: `t.equal(…)`, `self.assertEqual(…)`. */
const asked = /^(t|self|this|require|verify|should|qx|pytest)$/;
const askedFor =
  /^(assert\w*|expect\w*|fail\w*|[Ee]rrorf?|Fatalf?|equals?|Equal\w*|deep\w*|Deep\w*|ok|notOk|is\w*|not\w*|Not\w*|same\w*|like|match\w*|throws|rejects|true|false|truthy|falsy|assertions|end|Nil|NoError|True|False|Len|Contains|Error\w*|snapshot|pass|strictSame|regex|InDelta|raises)$/;
const exact =
  /^(equals?|strictEqual|deepEqual|deepStrictEqual|looseEqual|deepLooseEqual|same|strictSame|is|isDeeply|is_deeply|toBe|toEqual|toStrictEqual|eq|eql|eqv|equal\w*|Equal\w*|assertEquals?|assert_?[Ee]qual\w*|assert(Dict|List|Tuple|Set|Sequence|MultiLine|Count)Equal|assertIs|assertSame|assertArrayEquals|assertIterableEquals|assert_eq|assert_matches|assertStrictEquals|must_equal|isEqualTo|(EXPECT|ASSERT)_(EQ|STREQ|DOUBLE_EQ|FLOAT_EQ)|TEST_ASSERT_EQUAL\w*|ck_assert_(int|str|ptr|uint)_eq|DeepEqual|JSONEq|toMatchInlineSnapshot|toMatchSnapshot|toHaveBeenCalledWith|toHaveBeenLastCalledWith|toHaveBeenNthCalledWith|toThrowErrorMatchingInlineSnapshot|snapshot|eq_or_diff|assertThat|containsExactly|XCTAssertEqual|BOOST_(CHECK|REQUIRE)_EQUAL|assertXmlEqual|toHaveLength|Len|have_attributes|assert_snapshot|match_array|contain_exactly|throws|rejects|toThrow\w*|assertRaises\w*|raises|raise_error|assert_raises)$/;
const partly =
  /^(toMatchObject|toContain\w*|toMatch|match\w*|like|assertIn|assertRegex\w*|assert_match|assert_includes|includes?|contain\w*|toBeCloseTo|closeTo|approx\w*|assertAlmostEqual|assert_in_delta|InDelta|InEpsilon|toBeGreaterThan\w*|toBeLessThan\w*|assertGreater\w*|assertLess\w*|isAbove|isBelow|within|(EXPECT|ASSERT)_(LT|LE|GT|GE|NEAR)|toHaveProperty|property|Contains|Subset|Regexp|cmp_ok|toHaveBeenCalled\w*|toSatisfy|Greater\w*|Less\w*|start_with|end_with)$/;

export function readAssertions(
  tokens: readonly Token[],
  from: number,
  to: number,
  language: Language,
): Assertion[] {
  const found: Assertion[] = [];
  for (let at = from; at < to; at++) {
    const { kind, text } = tokens[at] as Token;
    if (kind !== "word") continue;
    if (language === "go" && text === "if") {
      const assertion = readGoCondition(tokens, at, to);
      if (assertion) found.push(assertion);
      continue;
    }
    if (!begins.test(text) || tokens[at - 1]?.text === "." || tokens[at - 1]?.text === "def")
      continue;
    if (
      asked.test(text) &&
      !(tokens[at + 1]?.text === "." && askedFor.test(tokens[at + 2]?.text ?? ""))
    )
      continue;
    if (
      /^(t|self|this)$/.test(text) &&
      /^([Ee]rrorf?|Fatalf?|fail\w*|end)$/.test(tokens[at + 2]?.text ?? "")
    )
      continue;
    const end = endOfAssertion(tokens, at, to, language);
    if (end <= at + 1) continue;
    found.push(describe(tokens, at, end, language));
    at = end - 1;
  }
  return found;
}

function endOfAssertion(
  tokens: readonly Token[],
  from: number,
  to: number,
  language: Language,
): number {
  const isStatement = language === "python" && tokens[from]?.text === "assert";
  const isBare =
    (language === "ruby" || language === "perl") &&
    tokens[from + 1]?.text !== "(" &&
    tokens[from + 1]?.text !== ".";
  let depth = 0;
  for (let at = from; at < to; at++) {
    const { kind, text } = tokens[at] as Token;
    if (kind === "indent" && depth === 0) return at;
    if (kind === "mark" && /^[([{]$/.test(text)) depth++;
    else if (kind === "mark" && /^[)\]}]$/.test(text)) {
      if (depth === 0) return at;
      depth--;
    } else if (depth === 0 && kind === "mark" && text === ";") return at;
    if (isStatement || isBare || depth > 0) continue;
    const next = tokens[at + 1];
    // A call continues with a dot, another call, or a word after a dot.
    const goesOn =
      /^(\.|\?\.|::|!|\(|\[)$/.test(next?.text ?? "") ||
      /^(\.|\?\.|::)$/.test(text) ||
      (kind === "mark" && text === "!") ||
      (language === "ruby" && /^(to|not_to|to_not|must_\w+|_)$/.test(next?.text ?? "")) ||
      (language === "ruby" && at > from && /^(to|not_to|to_not)$/.test(text)) ||
      (language === "ruby" &&
        /^(eq|eql|be\w*|match\w*|include|contain_exactly|raise_error|have_\w+)$/.test(text));
    if (!goesOn) return at + 1;
  }
  return to;
}

function describe(
  tokens: readonly Token[],
  from: number,
  end: number,
  language: Language,
): Assertion {
  const texts = tokens.slice(from, end).map(({ text }) => text);
  const args = lastArguments(tokens, from, end);
  return {
    meaning: texts.join(" "),
    tokens: texts,
    exactness: rate(tokens, from, end, language),
    args,
    start: from,
    end,
  };
}

function rate(tokens: readonly Token[], from: number, end: number, language: Language): 1 | 2 | 3 {
  // The words of the call itself, not of its arguments.
  const chain: string[] = [];
  let depth = 0;
  let compared: 1 | 2 | 3 = 1;
  const isPlain = language === "python" && tokens[from]?.text === "assert";
  for (let at = from; at < end; at++) {
    const { kind, text } = tokens[at] as Token;
    if (kind === "mark" && /^[([{]$/.test(text)) depth++;
    else if (kind === "mark" && /^[)\]}]$/.test(text)) depth--;
    if (kind === "word" && depth === 0) chain.push(text);
    if (depth <= 1 && /^(==|===|=~|eq)$/.test(text)) compared = 3;
    if (depth <= 1 && /^(<=|>=|<|>)$/.test(text) && compared < 2) compared = 2;
    if (kind === "word" && depth === 0 && isPlain && /^(in)$/.test(text) && compared < 2)
      compared = 2;
  }
  const isNegated =
    chain.some((word) =>
      /^(not|isNot|not_to|to_not)$|^(not|Not|refute|assertNot|isnt|unlike|assert_not|assert_ne|doesNot)/.test(
        word,
      ),
    ) && !isPlain;
  if (isNegated) return 1;
  const words = chain.slice(chain.length > 1 ? 1 : 0);
  const name = language === "ruby" ? words.concat(chain) : words;
  if (isPlain) return compared;
  if (name.some((word) => /^(approx|closeTo|toBeCloseTo)$/.test(word))) return 2;
  if (name.some((word) => exact.test(word)) || (chain.length === 1 && exact.test(chain[0] ?? "")))
    return 3;
  if (name.some((word) => partly.test(word)) || (chain.length === 1 && partly.test(chain[0] ?? "")))
    return 2;
  return compared;
}

/** The arguments of the last call that has any, or the sides of the comparison. */
function lastArguments(tokens: readonly Token[], from: number, end: number): string[][] {
  const args: string[][] = [];
  let depth = 0;
  let current: string[] = [];
  for (let at = from; at < end; at++) {
    const { kind, text } = tokens[at] as Token;
    const opens = kind === "mark" && /^[([{]$/.test(text);
    const closes = kind === "mark" && /^[)\]}]$/.test(text);
    if (closes) depth--;
    if (depth === 0 && closes) {
      if (current.length > 0) args.push(current);
      current = [];
    } else if (depth === 1 && kind === "mark" && text === ",") {
      args.push(current);
      current = [];
    } else if (depth <= 1 && /^(==|===|<=|>=|<|>|!=|!==)$/.test(text)) {
      args.push(current);
      current = [];
    } else if (depth > 0 || tokens[from]?.text === "assert") {
      if (!(opens && depth === 0)) current.push(text);
    }
    if (opens) depth++;
  }
  if (current.length > 0) args.push(current);
  return args;
}

/** Go: `if got != want { t.Errorf(…) }`. */
function readGoCondition(tokens: readonly Token[], from: number, to: number): Assertion | null {
  let open = from + 1;
  let depth = 0;
  for (; open < to; open++) {
    const text = tokens[open]?.text ?? "";
    if (text === "(" || text === "[") depth++;
    else if (text === ")" || text === "]") depth--;
    else if (text === "{" && depth === 0) break;
  }
  let isAssertion = false;
  let inner = 0;
  for (let at = open; at < to; at++) {
    const text = tokens[at]?.text ?? "";
    if (text === "{") inner++;
    else if (text === "}" && --inner <= 0) break;
    if (/^(Errorf?|Fatalf?|Fail|FailNow)$/.test(text) && tokens[at - 1]?.text === ".")
      isAssertion = true;
  }
  if (!isAssertion) return null;
  const texts = tokens.slice(from, open).map(({ text }) => text);
  const isExact = texts.some((text) => /^(!=|DeepEqual|Equal|Diff)$/.test(text));
  const args: string[][] = [[]];
  for (const text of texts.slice(1)) {
    if (/^(!=|==|<|>|<=|>=)$/.test(text)) args.push([]);
    else args.at(-1)?.push(text);
  }
  return {
    meaning: texts.join(" "),
    tokens: texts,
    exactness: isExact ? 3 : 2,
    args,
    start: from,
    end: open,
  };
}

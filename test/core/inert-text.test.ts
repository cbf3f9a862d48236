import fc from "fast-check";
import { expect, test } from "vitest";
import { makeInert } from "../../src/core/text/inert-text.ts";

/** Each form in which GitHub, git or a bot does something because of words. */
const acts: readonly (readonly [string, RegExp])[] = [
  ["Thanks @ada and @acme/team", /@\w/],
  ["_@ada_ \\@ada &#64;ada &commat;ada", /@\w|&#?\w+;/],
  ["Fixes #1, closes acme/app#2, resolves GH-3, gh\\-4", /#\d|gh\\?-\d/i],
  ["Closes https://github.com/acme/app/issues/1", /:\/\//],
  ["see https:\\/\\/github.com/acme/app/pull/1 or www.evil.example", /:\\?\/\\?\/|www\./],
  ["acme/app@0123456789abcdef0123456789abcdef01234567", /@\w/],
  ["<img src=x> </details> <!DOCTYPE> <?xml <script>", /<[a-z/!?]/i],
  ["a <!-- hidden --> b", /<!--/],
  ["![x](http://t.example/p.png) [y](javascript:alert)", /\]\(/],
  ["[redacted]: http://evil.example", /\]:/],
  ["- [ ] one\n- [x] two", /\[[ x]\]/],
  [
    "[skip ci] [ci skip] [no ci] [skip actions] [actions skip] ***NO_CI***",
    /\[[^\]]*(?:skip|ci)|\*\*\*NO/,
  ],
  ["ok\n/approve\n  /merge\n> /close", /^[\s>]*\/[a-z]/m],
  ["ok\n\nCo-authored-by: A <a@b.c>\nSigned-off-by: A\nskip-checks: true", /^[\w-]+-[\w-]+:/m],
  ["ok\n\nBREAKING CHANGE: all\nChange-Id: I1", /^(?:BREAKING CHANGE|Change-Id):/m],
  ["_GH-1_ *gh-2* closes GL-3", /G[HL]-\d/i],
  ["_www.evil.example_", /www\./],
  ["\u00a0/merge\n\u3000/approve", /^\s*\/[a-z]/m],
  ["[no\nci] [\tskip ci", /\[\s*(?:no|skip)/],
  ["JIRA-1 #close #time 2w", /#\w/],
  ["@\u200bada #\u200b1 @\u202eada", /@\w|#\w|[\u200b\u202e]/],
];

test.each(acts)("%j does nothing any more", (words, act) => {
  expect(words).toMatch(act);
  expect(makeInert(words)).not.toMatch(act);
});

test("what it says can still be read", () => {
  expect(makeInert("Thanks @ada, fixes #1: use a < b, `x[0](1)` and # Titles")).toBe(
    "Thanks ＠ada, fixes ＃1: use a < b, `x[0］(1)` and # Titles",
  );
  const plain = "Repaired src/a.ts: 2 of 3 tests were red.\n\n- one\n- two & three";
  expect(makeInert(plain)).toBe(plain);
});

test("no order of such forms gets one through", () => {
  const piece = fc.oneof(
    fc.constantFrom(...acts.map(([words]) => words), "@", "#", "/", "\\", "\n", "<", "\u200b", "&"),
    fc.string({ maxLength: 5 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const inert = makeInert(pieces.join(""));
      expect(inert).not.toMatch(/@\w|#\w|G[HL]\\?-\d|:\\?\/\\?\/|<[a-z/!?]|\][(:]|&#?\w{1,32};/i);
      expect(inert).not.toMatch(/^(?:[^\S\n]|[>*+-])*\/[a-z]/im);
      expect(makeInert(inert)).toBe(inert);
    }),
    { numRuns: 300 },
  );
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { fitsPattern } from "../../../src/triggers/hook/fits-pattern.ts";

test.each([
  ["", "", true],
  ["", "*", true],
  ["a", "", false],
  ["prod-web-failed", "*-failed", true],
  ["prod-web-failed", "*-*-*-failed", false],
  ["prod-eu-web-failed", "*-*-*-failed", true],
  ["firing", "firing", true],
  ["firing!", "firing", false],
  ["a/b", "*", true],
  ["ab", "a?", true],
  ["a", "a?", false],
  ["a.b", "a[.]b", false],
  ["{a,b}", "{a,b}", true],
])("%j fits %j: %s", (text, pattern, fits) => {
  expect(fitsPattern(text, pattern)).toBe(fits);
});

test("it is what the same regular expression says, and ends where that would not", () => {
  const some = fc.string({ unit: fc.constantFrom("a", "b", "*", "?", "-") });
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("a", "b", "-") }), some, (text, pattern) => {
      const source = pattern.replaceAll("*", "[^]*").replaceAll("?", "[^]");
      expect(fitsPattern(text, pattern)).toBe(new RegExp(`^${source}$`).test(text));
    }),
  );
  expect(fitsPattern("-".repeat(1000), "*-*-*-*-*-*-failed")).toBe(false);
});

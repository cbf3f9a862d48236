import { expect, test } from "vitest";
import { makeRedact, redactDeep, redactSecrets } from "../../src/core/redact.ts";

test("known values are replaced, the longest first", () => {
  expect(redactSecrets("a hunter22 b hunter22-more c", ["hunter22", "hunter22-more"])).toBe(
    "a [redacted] b [redacted] c",
  );
});

test("a value that is only a word stays", () => {
  expect(redactSecrets("main is main", ["main", ""])).toBe("main is main");
});

test.each([
  `ghp_${"a1B2".repeat(9)}`,
  `github_pat_${"a1B2_".repeat(10)}`,
  `sk-proj-${"a1B2".repeat(9)}`,
  `npm_${"a1B2".repeat(9)}`,
  `glpat-${"a1B2".repeat(5)}`,
  "AKIAIOSFODNN7EXAMPLE",
  "xoxb-1234567890-abcdefghij",
  `eyJ${"a".repeat(20)}.eyJ${"b".repeat(20)}.${"c".repeat(20)}`,
  "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
])("what looks like a credential is replaced: %s", (credential) => {
  expect(redactSecrets(`before ${credential} after`, [])).toBe("before [redacted] after");
});

test("a key that was cut off, and the password of a URL, are replaced", () => {
  expect(redactSecrets("-----BEGIN PRIVATE KEY-----\nMIIB\nAAAA", [])).toBe("[redacted]");
  expect(redactSecrets("postgres://me:hunter22@db/app", [])).toBe(
    "postgres://me:[redacted]@db/app",
  );
});

test("a name that only holds the beginning of a key stays", () => {
  const names = "deputy/ask-the-planner-about-the-greeting task-0123456789012345678901";
  expect(redactSecrets(names, [])).toBe(names);
});

test("JSON stays JSON, with the escaped form of a secret replaced, too", () => {
  const secret = 'two\nlines "quoted"';
  const line = JSON.stringify({
    a: `x ${secret} y`,
    b: "-----BEGIN PRIVATE KEY-----\nMIIB\n",
    c: 1,
  });
  expect(JSON.parse(makeRedact([secret])(line))).toEqual({
    a: "x [redacted] y",
    b: "[redacted]",
    c: 1,
  });
});

test("every text of a value is redacted, and nothing else of it", () => {
  const at = new Date(0);
  const value = { hunter22: ["a hunter22", { b: "hunter22", at, n: 1, none: null }] };
  expect(redactDeep(value, makeRedact(["hunter22"]))).toEqual({
    hunter22: ["a [redacted]", { b: "[redacted]", at, n: 1, none: null }],
  });
});

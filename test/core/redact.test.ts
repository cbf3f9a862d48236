import { expect, test } from "vitest";
import { redactSecrets } from "../../src/core/redact.ts";

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
  "AKIAIOSFODNN7EXAMPLE",
  "xoxb-1234567890-abcdefghij",
  `eyJ${"a".repeat(20)}.eyJ${"b".repeat(20)}.${"c".repeat(20)}`,
  "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----",
])("what looks like a credential is replaced: %s", (credential) => {
  expect(redactSecrets(`before ${credential} after`, [])).toBe("before [redacted] after");
});

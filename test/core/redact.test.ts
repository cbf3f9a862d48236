import { expect, test } from "vitest";
import { learnSecret, makeRedact, redactDeep, redactSecrets } from "../../src/core/text/redact.ts";

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

test.each(["_%s_", "**%s**", "key_%s_old", "`%s`"])(
  "Markdown beside one hides none: %s",
  (around) => {
    for (const credential of [`ghp_${"a1B2".repeat(9)}`, "AKIAIOSFODNN7EXAMPLE"])
      expect(redactSecrets(around.replace("%s", credential), [])).toBe(
        around.replace("%s", "[redacted]"),
      );
  },
);

test("a known value is found in base64 at any byte, in a URL, and broken over lines", () => {
  const secret = "tok/en?1 of the daemon";
  const forms = ["", "x", "x-access-token:"].map((before) =>
    Buffer.from(`${before}${secret}!!`).toString("base64"),
  );
  for (const form of forms) {
    const clean = redactSecrets(form, [secret]);
    expect(clean).toContain("[redacted]");
    expect(clean.length).toBeLessThan("[redacted]".length + 28);
  }
  expect(redactSecrets(`?key=${encodeURIComponent(secret)}&b`, [secret])).toBe("?key=[redacted]&b");
  expect(redactSecrets("a tok/en?1 of\n  the dae\r\nmon b", [secret])).toBe("a [redacted] b");
  expect(redactSecrets(JSON.stringify("a tok/en?1 of the\n daemon"), [secret])).toBe(
    '"a [redacted]"',
  );
});

test("headers of requests, URLs in capitals and PGP keys are replaced; code that makes them stays", () => {
  const redact = makeRedact([]);
  expect(redact("> Authorization: Basic eDphYmNkZWZnaGlqa2xtbm8x")).toBe(
    "> Authorization: Basic [redacted]",
  );
  expect(redact("HTTPS://me:hunter22@db/app")).toBe("HTTPS://me:[redacted]@db/app");
  const pgp = (word: string) => `-----${word} PGP PRIVATE KEY BLOCK-----`;
  expect(redact(`${pgp("BEGIN")}\n\nlQ==\n${pgp("END")}`)).toBe("[redacted]");
  const code = 'headers: { Authorization: "Bearer " + token1234567890123456 }';
  expect(redact(code)).toBe(code);
});

test("a secret that is read later is replaced from then on", () => {
  const secrets: string[] = [];
  const redact = makeRedact(secrets, ["own-token"]);
  expect(redact("own-token and hook-token-1")).toBe("[redacted] and hook-token-1");
  learnSecret(secrets, "hook-token-1");
  learnSecret(secrets, "hook-token-1");
  expect(secrets).toHaveLength(1);
  expect(redact("own-token and hook-token-1")).toBe("[redacted] and [redacted]");
});

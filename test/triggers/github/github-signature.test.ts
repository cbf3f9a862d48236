import { createHmac } from "node:crypto";
import { Webhooks } from "@octokit/webhooks";
import { expect, test } from "vitest";
import { isSignedByGithub } from "../../../src/triggers/github/github-signature.ts";

const body = Buffer.from(JSON.stringify({ text: "grüße 日本" }));
const sign = (secret: string, bytes: Buffer = body) =>
  `sha256=${createHmac("sha256", secret).update(bytes).digest("hex")}`;

test("a signature made by GitHub's own library is accepted", async () => {
  const signature = await new Webhooks({ secret: "s3cret" }).sign(body.toString("utf8"));
  expect(isSignedByGithub(body, signature, ["s3cret"])).toBe(true);
});

test("either secret is accepted while one replaces the other", () => {
  expect(isSignedByGithub(body, sign("old"), ["new", "old"])).toBe(true);
  expect(isSignedByGithub(body, sign("new"), ["new", "old"])).toBe(true);
});

test("the bytes are signed, not the text that they decode to", () => {
  const broken = Buffer.from([0x7b, 0xff, 0xfe, 0x7d]);
  expect(isSignedByGithub(broken, sign("s3cret", broken), ["s3cret"])).toBe(true);
  const decoded = Buffer.from(broken.toString("utf8"));
  expect(isSignedByGithub(decoded, sign("s3cret", broken), ["s3cret"])).toBe(false);
});

const good = sign("s3cret");
test.each([
  ["missing", undefined],
  ["empty", ""],
  ["forged", `sha256=${"0".repeat(64)}`],
  ["truncated", good.slice(0, -1)],
  ["longer", `${good}0`],
  ["of another secret", sign("wrong")],
  ["with a non-ASCII character", `${good.slice(0, -1)}é`],
  ["with a letter that is no digit", `${good.slice(0, -1)}g`],
  ["in capitals", good.toUpperCase()],
  ["of the old kind", good.replace("sha256", "sha1")],
  ["repeated", `${good}, ${good}`],
])("a signature that is %s is refused without an error", (_, header) => {
  expect(isSignedByGithub(body, header, ["s3cret"])).toBe(false);
});

test("without a secret, and with an empty one, nothing is accepted", () => {
  expect(isSignedByGithub(body, sign(""), [])).toBe(false);
  expect(isSignedByGithub(body, sign(""), [""])).toBe(false);
});

import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * Checks GitHub's signature over the raw bytes of a delivery. It works on buffers and checks the
 * header first: the library's takes a decoded string, and comparing values of unequal length
 * throws, so that one odd character in a header would become a server error.
 */
export function isSignedByGithub(
  rawBody: Buffer,
  header: string | undefined,
  /** Several while a secret is being replaced. */
  secrets: readonly string[],
): boolean {
  const hex = /^sha256=([0-9a-f]{64})$/.exec(header ?? "")?.[1];
  if (hex === undefined) return false;
  const given = Buffer.from(hex, "hex");
  let matches = false;
  for (const secret of secrets) {
    const expected = createHmac("sha256", secret).update(rawBody).digest();
    // Every secret is tried, so that the time taken does not reveal which one matched.
    if (secret !== "" && timingSafeEqual(given, expected)) matches = true;
  }
  return matches;
}

import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * GitHub signs the raw bytes of a delivery with the shared secret. The check works on buffers: the
 * library's takes a decoded string, and comparing strings or buffers of unequal length throws,
 * which a header with one odd character would turn into a server error.
 */
export function isSignedByGithub(
  rawBody: Buffer,
  header: string | undefined,
  /** More than one while a secret is being replaced. */
  secrets: readonly string[],
): boolean {
  const hex = /^sha256=([0-9a-f]{64})$/.exec(header ?? "")?.[1];
  if (hex === undefined) return false;
  const given = Buffer.from(hex, "hex");
  let matches = false;
  for (const secret of secrets) {
    const expected = createHmac("sha256", secret).update(rawBody).digest();
    // Every secret is tried, so the time taken does not tell which one fitted.
    if (secret !== "" && timingSafeEqual(given, expected)) matches = true;
  }
  return matches;
}

/** What a device may: look, or do all that its person may. */
export const scopes = ["view", "act"] as const;
export type Scope = (typeof scopes)[number];

/**
 * A phone or browser that was paired: with a code that `deputy pair` printed on the daemon's machine.
 * Its session, a cookie, is for the page, the API behind it and answer pages.
 */
export type Device = {
  id: string;
  name: string;
  scope: Scope;
  /** Whether it gets pushes by Web Push. */
  push: boolean;
  pairedAt: Date;
  seenAt: Date;
};

/** What pairs one device: `code` is for typing, `link` for an address or its QR code. */
export type Pairing = { code: string; link: string; scope: Scope; expiresAt: Date };

/** Its session ends after so long without use. */
export const sessionDays = 90;

/** Without letters that look alike; 40 bits. */
export const codeAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
export const codeLength = 8;
/** Of a link: 128 bits, so nobody has to count who tries. */
export const linkPattern = /^[\w-]{22}$/;
export const codeMinutes = 10;
export const codeTries = 5;

/** A code as somebody typed it; null: it cannot be one. */
export function readCode(text: string): string | null {
  const code = text.toLowerCase().replace(/[\s-]/g, "").replace(/o/g, "0").replace(/[il]/g, "1");
  return code.length === codeLength && [...code].every((sign) => codeAlphabet.includes(sign))
    ? code
    : null;
}

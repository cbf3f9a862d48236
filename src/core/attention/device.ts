/**
 * A phone or browser that was paired: with a code that `deputy pair` printed on the daemon's machine.
 * Its answer pages may do what has a high risk.
 */
export type Device = { id: string; name: string; pairedAt: Date; seenAt: Date };

/** Its session ends after so long without use. */
export const sessionDays = 180;

/** Without letters that look alike; 40 bits. */
export const codeAlphabet = "0123456789abcdefghjkmnpqrstvwxyz";
export const codeLength = 8;
export const codeMinutes = 10;
export const codeTries = 5;

/** A code as somebody typed it; null: it cannot be one. */
export function readCode(text: string): string | null {
  const code = text.toLowerCase().replace(/[\s-]/g, "").replace(/o/g, "0").replace(/[il]/g, "1");
  return code.length === codeLength && [...code].every((sign) => codeAlphabet.includes(sign))
    ? code
    : null;
}

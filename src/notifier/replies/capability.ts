import { createHmac, timingSafeEqual } from "node:crypto";
import { buttonHours } from "../../core/attention/ask.ts";

/**
 * The right to press one button, as text: `v1.<ask>.<option>.<expiry in s>.<HMAC>`. It is signed with
 * a key of the daemon, bound to one option of one ask, and good for twelve hours; that it is used
 * once is up to the ask's row. Pure: whoever reads it learns the ask's id and nothing else.
 */
export type Capability = { ask: string; option: number; expiresS: number };

const shape = /^v1\.([\w-]{12})\.(\d)\.(\d{9,11})\.([\w-]{27})$/;
const maxS = buttonHours * 60 * 60;
const macBytes = 20;

export function signCapability(key: Buffer, { ask, option, expiresS }: Capability): string {
  const said = `v1.${ask}.${option}.${expiresS}`;
  return `${said}.${macOf(key, said)}`;
}

/** The longest that a button may be good for, from `nowS` on. */
export function latestExpiryS(nowS: number): number {
  return Math.floor(nowS) + maxS;
}

/**
 * Null for whatever this key did not sign. `isOver`: it has expired, or is good for longer than any
 * button is made (the clock was set back).
 */
export function readCapability(
  key: Buffer,
  text: string,
  nowS: number,
): (Capability & { isOver: boolean }) | null {
  const [, ask = "", option = "", expires = "", mac = ""] = shape.exec(text) ?? [];
  if (mac === "") return null;
  // The texts are compared, not their bytes: the last character has two bits that decode to nothing.
  const expected = macOf(key, `v1.${ask}.${option}.${expires}`);
  if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) return null;
  const expiresS = Number(expires);
  const isOver = expiresS <= nowS || expiresS > latestExpiryS(nowS);
  return { ask, option: Number(option), expiresS, isOver };
}

function macOf(key: Buffer, said: string): string {
  return createHmac("sha256", key)
    .update(said)
    .digest()
    .subarray(0, macBytes)
    .toString("base64url");
}

import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  latestExpiryS,
  readCapability,
  signCapability,
} from "../../src/notifier/replies/capability.ts";
import { deriveReplySecrets } from "../../src/notifier/replies/reply-secrets.ts";

const key = randomBytes(32);
const now = 1_800_000_000;
const word = fc.array(fc.constantFrom(..."abcXYZ019-_"), { minLength: 12, maxLength: 12 });
const capability = fc.record({
  ask: word.map((letters) => letters.join("")),
  option: fc.integer({ min: 0, max: 9 }),
  expiresS: fc.integer({ min: now + 1, max: latestExpiryS(now) }),
});

test("a capability says what it was made for, until it expires", () => {
  fc.assert(
    fc.property(capability, (made) => {
      const text = signCapability(key, made);
      expect(Buffer.byteLength(text)).toBeLessThan(64);
      expect(readCapability(key, text, now)).toEqual({ ...made, isOver: false });
      expect(readCapability(key, text, made.expiresS)?.isOver).toBe(true);
      // A clock that was set back makes no button live longer than twelve hours.
      expect(readCapability(key, text, made.expiresS - 12 * 3600 - 1)?.isOver).toBe(true);
    }),
  );
});

test("whatever is changed in it, and whoever else signs, it is refused", () => {
  const letters = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.v"];
  fc.assert(
    fc.property(capability, fc.nat(), fc.constantFrom(...letters), (made, place, letter) => {
      const text = signCapability(key, made);
      const at = place % text.length;
      const changed = text.slice(0, at) + letter + text.slice(at + 1);
      if (changed !== text) expect(readCapability(key, changed, now)).toBeNull();
      for (const other of [text.slice(1), text.slice(0, -1), `${text}x`, ` ${text}`, `${text}\n`])
        expect(readCapability(key, other, now)).toBeNull();
      expect(readCapability(randomBytes(32), text, now)).toBeNull();
    }),
  );
  fc.assert(fc.property(fc.string(), (text) => readCapability(key, text, now) === null));
});

test("another key gives another topic and other pages, and a topic that ntfy accepts", () => {
  const [one, other] = [deriveReplySecrets("one"), deriveReplySecrets("other")];
  expect(one.topic).toMatch(/^deputy-reply-[\w-]{22}$/);
  expect(deriveReplySecrets("one").topic).toBe(one.topic);
  expect(other.topic).not.toBe(one.topic);
  expect(one.pageToken("a")).not.toBe(one.pageToken("b"));
  expect(one.pageToken("a")).not.toBe(other.pageToken("a"));
  expect(one.pageToken("a")).toMatch(/^[\w-]{22}$/);
});

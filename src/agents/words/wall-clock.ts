/**
 * Wall-clock times in a zone: an IANA name, with the rules and daylight saving of the system
 * (Intl), or a fixed offset from UTC.
 */
export type Zone = { name: string } | { offsetMs: number };

export type WallTime = {
  year: number;
  /** From 1. */
  month: number;
  /** Of the month; overflow rolls into the next month. */
  day: number;
  hour: number;
  minute: number;
  second: number;
};

const hourMs = 3_600_000;
const minuteMs = 60_000;

/** Names that Intl does not know, as hours from UTC; those without a season map to a place. */
const offsets: Readonly<Record<string, number>> = {
  ...{ UTC: 0, GMT: 0, Z: 0, WET: 0, WEST: 1, BST: 1, CET: 1, CEST: 2, EET: 2, EEST: 3, MSK: 3 },
  ...{ IST: 5.5, SGT: 8, HKT: 8, AWST: 8, KST: 9, JST: 9, AEST: 10, AEDT: 11, NZST: 12, NZDT: 13 },
  ...{ EST: -5, EDT: -4, CST: -6, CDT: -5, MST: -7, MDT: -6, PST: -8, PDT: -7, BRT: -3 },
};
const places: Readonly<Record<string, string>> = {
  ET: "America/New_York",
  CT: "America/Chicago",
  MT: "America/Denver",
  PT: "America/Los_Angeles",
};

/** Returns the zone that a text names; null if it names none or an unknown one. */
export function findZone(text: string): Zone | null {
  const name = /\b([A-Z][A-Za-z_]+(?:\/[A-Z][A-Za-z0-9_+-]+){1,2})/.exec(text)?.[1];
  if (name && isZone(name)) return { name };
  const offset =
    /\b(?:UTC|GMT) ?([+-])(\d{1,2})(?::?(\d\d))?\b/.exec(text) ??
    /(?:^|\d|[ap]m|\() ?([+-])(\d\d):?(\d\d)\b/i.exec(text);
  if (offset) {
    const [, sign, hours = 0, minutes = 0] = offset;
    const ms = Number(hours) * hourMs + Number(minutes) * minuteMs;
    return { offsetMs: sign === "-" ? -ms : ms };
  }
  for (const [, word = ""] of text.matchAll(/(?<![A-Za-z])([A-Z]{1,4}T?|Z)(?![A-Za-z])/g)) {
    const place = places[word];
    if (place) return { name: place };
    const hours = offsets[word];
    if (hours !== undefined) return { offsetMs: hours * hourMs };
  }
  return null;
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en-US", { timeZone: name });
    return true;
  } catch {
    return false; // a path, or a word with a slash
  }
}

/** The wall-clock time in the zone at this moment; `weekday` from 0, Sunday. */
export function wallClock(zone: Zone, at: Date): WallTime & { weekday: number } {
  const shown = new Date(at.getTime() + offsetAt(zone, at.getTime()));
  return {
    year: shown.getUTCFullYear(),
    month: shown.getUTCMonth() + 1,
    day: shown.getUTCDate(),
    hour: shown.getUTCHours(),
    minute: shown.getUTCMinutes(),
    second: shown.getUTCSeconds(),
    weekday: shown.getUTCDay(),
  };
}

/** The moment of a wall-clock time; one that daylight saving skips moves an hour later. */
export function toInstant(zone: Zone, wall: WallTime): Date {
  const { year, month, day, hour, minute, second } = wall;
  const asUtc = Date.UTC(year, month - 1, day, hour, minute, second);
  // Find the offset from a nearby moment, then again, because it may change in between.
  const near = asUtc - offsetAt(zone, asUtc);
  return new Date(asUtc - offsetAt(zone, near));
}

function offsetAt(zone: Zone, at: number): number {
  if ("offsetMs" in zone) return zone.offsetMs;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone.name,
    ...{ year: "numeric", month: "numeric", day: "numeric" },
    ...{ hour: "numeric", minute: "numeric", second: "numeric", hourCycle: "h23" },
  });
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes) => parts.get(name) ?? 0;
  const shown = Date.UTC(
    part("year"),
    part("month") - 1,
    part("day"),
    part("hour"),
    part("minute"),
    part("second"),
  );
  return shown - Math.floor(at / 1_000) * 1_000;
}

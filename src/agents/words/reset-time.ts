import { plainWords } from "./plain-words.ts";
import { findZone, toInstant, wallClock } from "./wall-clock.ts";

/**
 * Returns when a limit ends according to a program's message; null if it names no time. Pure: `now`
 * and `zone`, the IANA name of the zone for times without one, are given. Programs use many formats
 * and change them: a point in time (unix seconds, ISO), a span ("in 3 days 2 hours"), or a clock
 * time with or without date and zone ("resets 3:10am (Asia/Seoul)", "try again at Dec 3rd, 2026
 * 5:42 PM").
 */
export function readResetTime(words: string, now: Date, zone: string): Date | null {
  const text = plainWords(words);
  const stamp = readStamp(text, now);
  if (stamp) return stamp;
  // Only a time after such a word is about the end of the limit.
  for (const { index } of text.matchAll(anchor)) {
    const tail = text.slice(index, index + 160);
    const found = readSpan(tail, now) ?? readIso(tail, zone) ?? readClock(tail, now, zone);
    if (found) return found;
  }
  return null;
}

const anchor =
  /\b(?:reset|again|retry|available|until|resum|renew|refresh|restor|returns?\b|opens?\b|unlock|wait|come back|back (?:at|in|on)|next (?:window|at)|ends?\b|expires?\b)/gi;

const secondsAhead =
  /"?(?:resets?_in_seconds|retry[-_ ]after(?:_seconds)?)"?\s*[:=]?\s*(\d+(?:\.\d+)?)(?![\d:])/i;
const unixTime = /(?:\||"?resets?_?(?:at|time)?"?\s*[:=]?\s*)(\d{13}|\d{10})\b/i;

function readStamp(text: string, now: Date): Date | null {
  const unix = unixTime.exec(text)?.[1];
  if (unix) return new Date(Number(unix) * (unix.length === 10 ? 1_000 : 1));
  const ahead = secondsAhead.exec(text)?.[1];
  if (ahead) return new Date(now.getTime() + Number(ahead) * 1_000);
  const http = /retry-after"?\s*[:=]?\s*"?(\w{3}, \d{1,2} \w{3} \d{4} [\d:]{8} GMT)/i.exec(
    text,
  )?.[1];
  return http && !Number.isNaN(Date.parse(http)) ? new Date(http) : null;
}

const unitMs: Readonly<Record<string, number>> = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
};
const amount =
  /(\d+(?:\.\d+)?|an?\b)\s*(ms\b|milliseconds?|w(?:eeks?)?|d(?:ays?)?|h(?:(?:ou)?rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)(?![a-z])/gi;
const span = new RegExp(
  String.raw`\b(?:in|after|for|wait)(?: about| around| approximately| another)? ((?:(?:and |, ?)?${amount.source}[ ,]*)+)`,
  "i",
);

/** Reads `in 3 days 2 hours 5 minutes`, `in 1m30.5s`, `wait 20 s`. */
function readSpan(text: string, now: Date): Date | null {
  const said = span.exec(text)?.[1];
  if (!said) return null;
  const ms = [...said.matchAll(amount)].reduce((sum, [, count = "", unit = ""]) => {
    const each = unitMs[/^m(?:s|illi)/i.test(unit) ? "ms" : (unit[0] ?? "").toLowerCase()] ?? 0;
    return sum + (/^a/i.test(count) ? 1 : Number(count)) * each;
  }, 0);
  return ms === 0 ? null : new Date(now.getTime() + ms);
}

function readIso(text: string, zone: string): Date | null {
  const found =
    /\b(\d{4})-(\d\d)-(\d\d)(?:T| |, | at )(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(.*)/i.exec(text);
  if (!found) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1, 7)
    .map((part) => Number(part ?? 0));
  const place = findZone(found[7] ?? "") ?? { name: zone };
  return toInstant(place, { year, month, day, hour, minute, second });
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const month = String.raw`(${months.join("|")})[a-z]*\.?`;
const monthFirst = new RegExp(
  String.raw`\b${month} (\d{1,2})(?:st|nd|rd|th)?(?!:)\b(?:,? (\d{4})\b)?`,
  "i",
);
const dayFirst = new RegExp(
  String.raw`\b(\d{1,2})(?:st|nd|rd|th)?\.? (?:of )?${month}(?:,? (\d{4})\b)?`,
  "i",
);
const weekday = new RegExp(String.raw`\b(${weekdays.join("|")})(?:[a-z]*day)?\b`, "i");
const hourOfTwelve = /\b(\d{1,2})(?:[:.](\d\d))?(?::\d\d)? ?([ap])\.? ?m\b\.?/i;
const hourOfDay = /(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::[0-5]\d)?(?!\d)/;

/** A time that passed at most this long ago is still the end that was meant, not tomorrow's. */
const justOverMs = 120_000;
const halfYearMs = 183 * 86_400_000;

function readClock(text: string, now: Date, zone: string): Date | null {
  const time = readTime(text);
  const place = findZone(text) ?? { name: zone };
  const today = wallClock(place, now);
  const date = readDate(text, today);
  if (!time && !date?.isDay) return null;
  const at = { ...today, ...date?.day, ...(time ?? { hour: 0, minute: 0 }), second: 0 };
  const found = toInstant(place, at);
  if (date?.isDay && !date.hasYear && now.getTime() - found.getTime() > halfYearMs)
    return toInstant(place, { ...at, year: at.year + 1 });
  const isOver = now.getTime() - found.getTime() > justOverMs;
  if (!isOver || date?.isDay) return found;
  return toInstant(place, { ...at, day: at.day + (date?.everyDays ?? 1) });
}

function readTime(text: string): { hour: number; minute: number } | null {
  const twelve = hourOfTwelve.exec(text);
  if (twelve && Number(twelve[1]) >= 1 && Number(twelve[1]) <= 12) {
    const isPm = twelve[3]?.toLowerCase() === "p";
    return { hour: (Number(twelve[1]) % 12) + (isPm ? 12 : 0), minute: Number(twelve[2] ?? 0) };
  }
  const day = hourOfDay.exec(text.replace(/(?:UTC|GMT)?[+-]\d\d:\d\d/g, " "));
  if (day) return { hour: Number(day[1]), minute: Number(day[2]) };
  if (/\bnoon\b/i.test(text)) return { hour: 12, minute: 0 };
  return /\bmidnight\b/i.test(text) ? { hour: 0, minute: 0 } : null;
}

type Day = { year?: number; month?: number; day: number };

/** `isDay`: the text names the exact day, so nothing rolls over. */
function readDate(
  text: string,
  today: { year: number; month: number; day: number; weekday: number },
): { day: Day; isDay: boolean; hasYear: boolean; everyDays: number } | null {
  const first = monthFirst.exec(text);
  const last = first ? null : dayFirst.exec(text);
  const [name, day, year] = first
    ? [first[1], first[2], first[3]]
    : [last?.[2], last?.[1], last?.[3]];
  if (name && day) {
    const month = months.indexOf(name.toLowerCase()) + 1;
    const said = { month, day: Number(day), year: year ? Number(year) : today.year };
    return { day: said, isDay: true, hasYear: year !== undefined, everyDays: 0 };
  }
  if (/\btomorrow\b/i.test(text))
    return { day: { day: today.day + 1 }, isDay: true, hasYear: true, everyDays: 0 };
  const named = weekday.exec(text)?.[1];
  if (!named) return null;
  const ahead = (weekdays.indexOf(named.toLowerCase()) - today.weekday + 7) % 7;
  return { day: { day: today.day + ahead }, isDay: false, hasYear: true, everyDays: 7 };
}

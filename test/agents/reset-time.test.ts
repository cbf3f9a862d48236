import { expect, test } from "vitest";
import { readResetTime } from "../../src/agents/words/reset-time.ts";

/** Sunday, 29 November 2026, 12:00 UTC; the daemon is in Berlin, where it is 13:00. */
const now = new Date("2026-11-29T12:00:00Z");
const read = (words: string, at = now, zone = "Europe/Berlin") =>
  readResetTime(words, at, zone)?.toISOString().replace(":00.000Z", "Z") ?? null;

test.each([
  // What programs say today.
  ["You've hit your session limit · resets 3:10am (Asia/Seoul)", "2026-11-29T18:10Z"],
  ["You've hit your session limit · resets 10:30pm (Asia/Seoul)", "2026-11-29T13:30Z"],
  ["You've hit your weekly limit · resets Dec 3, 4pm (Europe/Berlin)", "2026-12-03T15:00Z"],
  ["You've hit your weekly limit · resets Dec 3 at 4:30pm (America/New_York)", "2026-12-03T21:30Z"],
  ["You've hit your Opus limit · resets Dec 3 (UTC)", "2026-12-03T00:00Z"],
  ["5-hour limit reached ∙ resets 3pm", "2026-11-29T14:00Z"],
  ["You're out of extra usage · resets 12am (UTC)", "2026-11-30T00:00Z"],
  ["You've hit your usage limit. Upgrade to Pro or try again at 5:42 PM.", "2026-11-29T16:42Z"],
  ["…purchase more credits or try again at Dec 3rd, 2026 5:42 PM.", "2026-12-03T16:42Z"],
  ["Try again at Jan 1st, 2027 12:05 AM.", "2026-12-31T23:05Z"],
  ["Try again in 3 days 2 hours 5 minutes.", "2026-12-02T14:05Z"],
  ["Please try again in 2 hours and 5 minutes", "2026-11-29T14:05Z"],
  ["try again in 37 seconds", "2026-11-29T12:00:37.000Z"],
  ["Claude AI usage limit reached|1796000000", "2026-11-30T00:53:20.000Z"],
  ["Rate limit reached. Please try again in 20s. Visit …", "2026-11-29T12:00:20.000Z"],
  ["Please try again in 6m0s.", "2026-11-29T12:06Z"],
  ["Please try again in 1m30.5s.", "2026-11-29T12:01:30.500Z"],
  ["Please try again in 850ms.", "2026-11-29T12:00:00.850Z"],
  // Others.
  ["limit resets in 1 week", "2026-12-06T12:00Z"],
  ["resets in about an hour", "2026-11-29T13:00Z"],
  ["resets in 2h 5m", "2026-11-29T14:05Z"],
  ["wait 15 minutes", "2026-11-29T12:15Z"],
  ["resets at 2026-12-01 04:00 UTC", "2026-12-01T04:00Z"],
  ["resets at 2026-12-01T04:00:00Z", "2026-12-01T04:00Z"],
  ["resets at 2026-12-01T04:00:00.123+09:00", "2026-11-30T19:00Z"],
  ["resets 2026-12-01 04:00", "2026-12-01T03:00Z"],
  ["resets 2026-12-01 04:00 (America/Los_Angeles)", "2026-12-01T12:00Z"],
  ["resets at 15:10", "2026-11-29T14:10Z"],
  ["resets at 09:10", "2026-11-30T08:10Z"],
  ["resets at 15:10 UTC", "2026-11-29T15:10Z"],
  ["resets at 15:10 UTC+2", "2026-11-29T13:10Z"],
  ["resets at 15:10 GMT-05:00", "2026-11-29T20:10Z"],
  ["resets at 15:10 (+0900)", "2026-11-30T06:10Z"],
  ["resets 9am PST", "2026-11-29T17:00Z"],
  ["resets 9:00 a.m. PT", "2026-11-29T17:00Z"],
  ["resets 6 P.M. ET", "2026-11-29T23:00Z"],
  ["available again at 5:42\u202fPM", "2026-11-29T16:42Z"],
  ["available again at 5:42\u00a0pm\u00a0(Asia/Tokyo)", "2026-11-30T08:42Z"],
  ["resets tomorrow at 9am", "2026-11-30T08:00Z"],
  ["resets Mon 9:00 AM", "2026-11-30T08:00Z"],
  ["resets Sunday at 9am", "2026-12-06T08:00Z"],
  ["resets on Wednesday, 18:00 UTC", "2026-12-02T18:00Z"],
  ["resets 12pm (UTC)", "2026-11-29T12:00Z"],
  ["resets at noon", "2026-11-30T11:00Z"],
  ["resets at midnight", "2026-11-29T23:00Z"],
  ["resets 3 December at 16:00", "2026-12-03T15:00Z"],
  ["resets 3rd of Dec, 2026, 4 PM UTC", "2026-12-03T16:00Z"],
  ["resets December 3rd, 4 p.m.", "2026-12-03T15:00Z"],
  ["resets Jan 2, 8am", "2027-01-02T07:00Z"],
  ["Your limit lasts until 3:15PM", "2026-11-29T14:15Z"],
  ['{"error":{"type":"usage_limit_reached","resets_in_seconds":3600}}', "2026-11-29T13:00Z"],
  ['{"error":{"resets_at":1796000000}}', "2026-11-30T00:53:20.000Z"],
  ["resetsAt: 1796000000000", "2026-11-30T00:53:20.000Z"],
  ["429 Too Many Requests (Retry-After: 120)", "2026-11-29T12:02Z"],
  ["429 (Retry-After: Sun, 29 Nov 2026 12:30:00 GMT)", "2026-11-29T12:30Z"],
  ["[11:02:03] session limit; resets 3pm", "2026-11-29T14:00Z"],
  ["come back Thursday, 9 am", "2026-12-03T08:00Z"],
  ["Next window opens at 6 PM.", "2026-11-29T17:00Z"],
  ["Try\tagain\n  at  5:42   PM .", "2026-11-29T16:42Z"],
  ["Bitte versuche es um 15:10 Uhr erneut.", "2026-11-29T14:10Z"],
  ["wird um 15:10 Uhr zurückgesetzt (Asia/Seoul)", "2026-11-30T06:10Z"],
  ["Zurücksetzung am 3. Dezember um 16:00 Uhr", "2026-12-03T15:00Z"],
  ["in 3 Stunden und 5 Minuten wieder verfügbar", "2026-11-29T15:05Z"],
  ["Erneut versuchen in einer Stunde.", "2026-11-29T13:00Z"],
  ["gilt bis morgen, 9:00 Uhr", "2026-11-30T08:00Z"],
])("%s", (words, expected) => {
  expect(read(words)).toBe(expected);
});

test.each([
  "You've hit your usage limit. Try again later.",
  "usage limit reached at 3pm",
  "exceeded retry limit, last status: 429 Too Many Requests",
  "resets soon",
  "resets at 99:99",
  "try again with fewer files",
  "",
])("no time is said: %s", (words) => {
  expect(read(words)).toBeNull();
});

test("a time that is over is tomorrow's, but for a moment; one of a day is that day's", () => {
  expect(read("resets 12:59pm")).toBe("2026-11-29T11:59Z");
  expect(read("resets 12:50pm")).toBe("2026-11-30T11:50Z");
  expect(read("resets Nov 29, 12:50pm")).toBe("2026-11-29T11:50Z");
  expect(read("resets 3am", new Date("2026-12-31T20:00:00Z"), "UTC")).toBe("2027-01-01T03:00Z");
});

test("where clocks change in between, it is what a clock shows there", () => {
  const before = new Date("2026-10-24T20:00:00Z"); // summer in Berlin until the 25th, 3:00
  expect(read("resets 8am", before)).toBe("2026-10-25T07:00Z");
  expect(read("resets Oct 25, 1am", before)).toBe("2026-10-24T23:00Z");
  const spring = new Date("2027-03-27T22:00:00Z"); // winter until the 28th, 2:00
  expect(read("resets 8am", spring)).toBe("2027-03-28T06:00Z");
  expect(read("resets 2:30am", spring)).toMatch(/^2027-03-28T0[01]:30Z$/);
});

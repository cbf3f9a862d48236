import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type QuietHours,
  type Weekday,
  weekdays,
} from "../../src/core/settings/notify-settings.ts";
import { findQuietWindow } from "../../src/notifier/manners/quiet-hours.ts";

const hours = (
  from: string,
  to: string,
  tz = "UTC",
  days: readonly Weekday[] = weekdays,
): QuietHours => {
  const minutes = (text: string) => Number(text.split(":")[0]) * 60 + Number(text.split(":")[1]);
  return { ...{ from: minutes(from), to: minutes(to), tz, days }, breakThrough: 5 };
};
const shown = (quiet: QuietHours, now: string) => {
  const window = findQuietWindow(quiet, new Date(now));
  return (
    window && `${window.from.toISOString()} ${window.to.toISOString()}`.replaceAll(":00.000Z", "")
  );
};
const berlin = "Europe/Berlin";

test.each([
  ["by day", hours("12:00", "14:00"), "2026-06-01T13:00Z", "2026-06-01T12:00 2026-06-01T14:00"],
  [
    "its first moment",
    hours("12:00", "14:00"),
    "2026-06-01T12:00Z",
    "2026-06-01T12:00 2026-06-01T14:00",
  ],
  ["its end is not in it", hours("12:00", "14:00"), "2026-06-01T14:00Z", null],
  [
    "before midnight",
    hours("22:00", "07:00"),
    "2026-06-01T23:30Z",
    "2026-06-01T22:00 2026-06-02T07:00",
  ],
  [
    "after midnight",
    hours("22:00", "07:00"),
    "2026-06-02T06:59Z",
    "2026-06-01T22:00 2026-06-02T07:00",
  ],
  ["in the morning", hours("22:00", "07:00"), "2026-06-02T07:00Z", null],
  [
    "over the new year",
    hours("22:00", "07:00"),
    "2027-01-01T00:00Z",
    "2026-12-31T22:00 2027-01-01T07:00",
  ],
  [
    "in a zone",
    hours("22:00", "07:00", berlin),
    "2026-06-01T20:00Z",
    "2026-06-01T20:00 2026-06-02T05:00",
  ],
  ["in a zone, not yet", hours("22:00", "07:00", berlin), "2026-06-01T19:59Z", null],
  [
    "half an hour off",
    hours("22:00", "06:00", "Asia/Kolkata"),
    "2026-06-01T16:30Z",
    "2026-06-01T16:30 2026-06-02T00:30",
  ],
  // The days on which it begins: Saturday's early morning belongs to Friday.
  [
    "a named day",
    hours("22:00", "07:00", "UTC", ["fri"]),
    "2026-06-06T05:00Z",
    "2026-06-05T22:00 2026-06-06T07:00",
  ],
  ["another day", hours("22:00", "07:00", "UTC", ["sat"]), "2026-06-06T05:00Z", null],
  // 2026-03-29: 02:00 becomes 03:00 (01:00Z). 2026-10-25: 03:00 becomes 02:00 (01:00Z).
  [
    "a short night",
    hours("22:00", "07:00", berlin),
    "2026-03-29T03:00Z",
    "2026-03-28T21:00 2026-03-29T05:00",
  ],
  [
    "a long night",
    hours("22:00", "07:00", berlin),
    "2026-10-25T03:00Z",
    "2026-10-24T20:00 2026-10-25T06:00",
  ],
  [
    "ends at a time that is left out",
    hours("22:00", "02:30", berlin),
    "2026-03-29T00:59Z",
    "2026-03-28T21:00 2026-03-29T01:00",
  ],
  ["is over then", hours("22:00", "02:30", berlin), "2026-03-29T01:00Z", null],
  [
    "begins at a time that is left out",
    hours("02:30", "07:00", berlin),
    "2026-03-29T01:00Z",
    "2026-03-29T01:00 2026-03-29T05:00",
  ],
  [
    "ends at the second of a time that comes twice",
    hours("22:00", "02:30", berlin),
    "2026-10-25T01:29Z",
    "2026-10-24T20:00 2026-10-25T01:30",
  ],
  [
    "begins at the first of a time that comes twice",
    hours("02:30", "07:00", berlin),
    "2026-10-25T00:30Z",
    "2026-10-25T00:30 2026-10-25T06:00",
  ],
])("quiet hours: %s", (_, quiet, now, window) => {
  expect(shown(quiet, now)).toBe(window);
});

test("whatever the zone and the clock: a window holds its moment, ends, and is the same all through it", () => {
  const zones = [
    ...["UTC", berlin, "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"],
    "Pacific/Apia",
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...zones),
      fc.integer({ min: 0, max: 1_439 }),
      fc.integer({ min: 0, max: 1_439 }),
      fc.date({ min: new Date("2024-01-01"), max: new Date("2028-01-01"), noInvalidDate: true }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (tz, from, to, now, part) => {
        fc.pre(from !== to);
        const quiet = { from, to, tz, days: weekdays, breakThrough: 5 };
        const window = findQuietWindow(quiet, now);
        if (window === null) return;
        const ms = window.to.getTime() - window.from.getTime();
        expect(window.from <= now && now < window.to).toBe(true);
        expect(ms).toBeLessThan(26 * 3_600_000);
        const inside = new Date(window.from.getTime() + Math.floor(ms * part));
        expect(findQuietWindow(quiet, inside)).toEqual(window);
        expect(findQuietWindow(quiet, window.to)?.from).not.toEqual(window.from);
      },
    ),
    { numRuns: 500 },
  );
});

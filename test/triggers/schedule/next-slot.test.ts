import fc from "fast-check";
import { expect, test } from "vitest";
import { dueSlot, nextSlot } from "../../../src/triggers/schedule/next-slot.ts";

const chain = (cron: string, tz: string, from: string, until: string): string[] => {
  const slots: string[] = [];
  let at: Date | null = new Date(from);
  for (;;) {
    at = nextSlot({ cron, tz }, at);
    if (at === null || at > new Date(until)) return slots;
    slots.push(at.toISOString().slice(0, 16));
  }
};

test.each([
  // The hour from 2 to 3 is left out: a fixed time comes right after the gap, once.
  ["30 2 * * *", "Europe/Berlin", "2026-03-28", "2026-03-31", ["28T01:30", "29T01:00", "30T00:30"]],
  [
    "30 2 * * *",
    "America/New_York",
    "2026-03-07",
    "2026-03-10",
    ["07T07:30", "08T07:00", "09T06:30"],
  ],
  // The hour from 2 to 3 comes twice: a fixed time comes in the first of them.
  ["30 2 * * *", "Europe/Berlin", "2026-10-24", "2026-10-27", ["24T00:30", "25T00:30", "26T01:30"]],
  [
    "30 1 * * *",
    "America/New_York",
    "2026-10-31",
    "2026-11-03",
    ["31T05:30", "01T05:30", "02T06:30"],
  ],
  // Every so often: through the doubled hours without a gap, and none more for the missing one.
  [
    "0 * * * *",
    "Europe/Berlin",
    "2026-10-24T23:30Z",
    "2026-10-25T03:00Z",
    ["25T00:00", "25T01:00", "25T02:00", "25T03:00"],
  ],
  [
    "0 * * * *",
    "America/New_York",
    "2026-03-08T05:30Z",
    "2026-03-08T08:00Z",
    ["08T06:00", "08T07:00", "08T08:00"],
  ],
])("%s in %s from %s to %s", (cron, tz, from, until, slots) => {
  expect(chain(cron, tz, from, until).map((slot) => slot.slice(8))).toEqual(slots);
});

test("from wherever one looks, the next slot is the same one, also around a change of clocks", () => {
  const zones = ["Europe/Berlin", "America/New_York"];
  const days = ["2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01"];
  const crons = [
    "30 2 * * *",
    "30 1 * * *",
    "0 * * * *",
    "*/20 * * * *",
    "15 1-3 * * *",
    "0 0 * * *",
  ];
  for (const tz of zones)
    for (const day of days)
      for (const cron of crons) {
        const slots = chain(cron, tz, `${day}T00:00Z`, `${day}T12:00Z`);
        fc.assert(
          fc.property(fc.integer({ min: 0, max: 12 * 60 - 1 }), (minutes) => {
            const at = new Date(Date.parse(`${day}T00:00Z`) + minutes * 60_000);
            const later = slots.find((slot) => new Date(`${slot}Z`) > at);
            if (later === undefined) return;
            expect(nextSlot({ cron, tz }, at)?.toISOString().slice(0, 16)).toBe(later);
          }),
        );
      }
});

test("what was missed is made up for once, or not at all", () => {
  const rule = { cron: "0 3 * * *", tz: "UTC", catchUp: "one" as const };
  const first = new Date("2026-05-01T03:00Z");
  const days = new Date("2026-05-04T12:00Z");
  const latest = new Date("2026-05-04T03:00Z");
  expect(dueSlot(rule, first, days)).toEqual({ slot: latest, missed: true });
  expect(dueSlot({ ...rule, catchUp: "none" }, first, days)).toEqual({ slot: null, missed: true });
  // A timer may be late, and a restart takes a moment.
  const soon = new Date("2026-05-01T03:01Z");
  expect(dueSlot({ ...rule, catchUp: "none" }, first, soon)).toEqual({
    slot: first,
    missed: false,
  });
  expect(dueSlot(rule, first, new Date("2026-05-01T02:59Z"))).toEqual({
    slot: null,
    missed: false,
  });
  // A year of minutes is not walked through.
  const minutely = { ...rule, cron: "* * * * *" };
  expect(dueSlot(minutely, new Date("2025-05-01T00:00Z"), days).slot).toEqual(days);
});

import { expect, test } from "vitest";
import { type Manners, plainManners, weekdays } from "../../src/core/settings/notify-settings.ts";
import { chooseChannels, chooseNext } from "../../src/notifier/manners/choose-channels.ts";
import { type DuePush, decidePush } from "../../src/notifier/manners/decide-push.ts";
import { digestText, type HeldItem } from "../../src/notifier/manners/digest-text.ts";

/** What happens with a push that is due, by the clock and by what happened meanwhile. */
const night: Manners = {
  ...plainManners,
  quiet: { from: 22 * 60, to: 7 * 60, tz: "UTC", days: weekdays, breakThrough: 5 },
};
const push: DuePush = {
  ...{ channel: "ntfy", taskId: "task_1", priority: 4, isAgain: false, heldFrom: null },
  ...{ isReplaced: false, isSettled: false, snoozedUntil: null, lastSentAt: null },
};
const noon = new Date("2026-06-02T12:00Z");
const late = new Date("2026-06-02T23:00Z");
const evening = new Date("2026-06-02T22:00Z");
const morning = new Date("2026-06-03T07:00Z");
const minutes = (count: number, from = noon) => new Date(from.getTime() + count * 60_000);

test.each<[string, Partial<DuePush>, Date, ReturnType<typeof decidePush>]>([
  ["by day it rings", {}, noon, { do: "send" }],
  ["at night it is held", {}, late, { do: "hold", from: evening, until: morning }],
  ["what is urgent breaks through", { priority: 5 }, late, { do: "send" }],
  ["Deputy's own trouble breaks through", { taskId: "", priority: 1 }, late, { do: "send" }],
  [
    "a program gets everything at once",
    { channel: "webhook", isReplaced: true },
    late,
    { do: "send" },
  ],
  ["what was held is gathered once it is day", { heldFrom: evening }, morning, { do: "digest" }],
  [
    "what was held stays so, where the night was made longer or the clock was set back",
    { heldFrom: evening },
    minutes(-60, morning),
    { do: "hold", from: evening, until: morning },
  ],
  [
    "a second ring at night comes after the digest, and has its time",
    { isAgain: true },
    late,
    { do: "wait", until: minutes(30, morning) },
  ],
  [
    "a snoozed task is silent",
    { snoozedUntil: minutes(9) },
    noon,
    { do: "wait", until: minutes(9) },
  ],
  [
    "also where it was held",
    { snoozedUntil: minutes(9), heldFrom: evening },
    noon,
    { do: "wait", until: minutes(9) },
  ],
  [
    "a second ring comes its time after the snooze",
    { snoozedUntil: minutes(9), isAgain: true },
    noon,
    { do: "wait", until: minutes(39) },
  ],
  ["a settled one is dropped", { isSettled: true }, noon, { do: "drop", why: expect.any(String) }],
  [
    "a replaced one is dropped, also at night",
    { isReplaced: true, heldFrom: evening },
    late,
    { do: "drop", why: expect.any(String) },
  ],
  [
    "news waits out the minute after another push of its task",
    { priority: 2, lastSentAt: minutes(-0.25) },
    noon,
    { do: "wait", until: minutes(0.75) },
  ],
  ["and no longer", { priority: 2, lastSentAt: minutes(-1) }, noon, { do: "send" }],
  [
    "a clock that was set back by an hour makes it wait a minute at most",
    { priority: 2, lastSentAt: minutes(60) },
    noon,
    { do: "wait", until: minutes(1) },
  ],
  ["the last word does not wait", { priority: 3, lastSentAt: minutes(-0.1) }, noon, { do: "send" }],
])("%s", (_, about, now, decision) => {
  expect(decidePush({ ...push, ...about }, night, now)).toEqual(decision);
});

test("a channel gets what it is to get; the next one is the first that did not", () => {
  const channels = {
    slack: { events: ["task.failed" as const], priority: 1, privacy: null },
    telegram: { events: null, priority: 5, privacy: null },
  };
  const manners = { ...plainManners, channels };
  const configured = ["ntfy", "webhook", "slack", "telegram"] as const;
  const choose = (type: "task.failed" | "question.asked", priority: number) =>
    chooseChannels(configured, { type, priority }, manners);
  expect(choose("task.failed", 4)).toEqual(["ntfy", "webhook", "slack"]);
  expect(choose("question.asked", 5)).toEqual(["ntfy", "webhook", "telegram"]);
  expect(chooseNext(configured, ["ntfy", "webhook"], null)).toBe("slack");
  expect(chooseNext(configured, ["ntfy", "webhook", "slack", "telegram"], null)).toBe("ntfy");
  expect(chooseNext(configured, ["ntfy"], "telegram")).toBe("telegram");
  expect(chooseNext(["webhook"], ["webhook"], null)).toBeNull();
});

test("a digest counts, and names the most urgent; there is none without anything", () => {
  const item = (type: string, title: string, priority: number, hour: number): HeldItem => ({
    ...{ type, title, priority },
    at: new Date(Date.UTC(2026, 5, 3, hour)),
  });
  const done = item("task.completed", "Done: a", 3, 1);
  const failed = item("task.failed", "Failed: b", 4, 2);
  const asked = item("question.asked", "Needs an answer: c", 4, 4);
  const older = item("question.asked", "Needs an answer: d", 4, 3);
  expect(digestText([done, failed, asked, older], 1.234)).toEqual({
    title: "While it was quiet: 1 done, 1 failed, 2 waiting for you",
    body: "First: Needs an answer: d\nSpent $1.23\ndeputy inbox",
    priority: 4,
  });
  const refused = item("task.needs_person", "Needs you: e", 4, 5);
  expect(digestText([failed, refused], 0)).toEqual({
    title: "While it was quiet: 1 failed, 1 waiting for you",
    body: "First: Needs you: e\ndeputy inbox",
    priority: 4,
  });
  expect(digestText([done], 0)).toEqual({
    ...{ title: "While it was quiet: 1 done", body: "Done: a\ndeputy inbox", priority: 3 },
  });
  expect(digestText([], 5)).toBeNull();
  expect(digestText([item("plan.revised", "Plan changed: a", 2, 1)], 5)).toBeNull();
});

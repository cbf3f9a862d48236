import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../notifier/receiver.ts";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type Phone, startPhone } from "../support/phone.ts";
import { until } from "../support/until.ts";

/** Several channels at once: each has its own server, and one that is broken takes only itself away. */
let phone: Phone;
let slack: Receiver;
let telegram: Receiver;
let discord: Receiver;
beforeAll(async () => {
  [phone, slack, telegram, discord] = await Promise.all([
    startPhone(),
    startReceiver(),
    startReceiver(),
    startReceiver(),
  ]);
  slack.answer = () => ({ status: 403, body: "invalid_token" });
  telegram.answer = () => ({ status: 401, body: '{"ok":false,"description":"Unauthorized"}' });
});
afterAll(() => Promise.all([phone, slack, telegram, discord].map((each) => each?.close())));

const token = "12345:AAsecretOfTheBot";
const { deputy, submit } = withDeputy({
  files: { "a.txt": "a\n", ".deputy/config.yaml": "checks: []\n" },
  keepLog: true,
  start: false,
  env: () => ({
    ...phone.env,
    DEPUTY_SLACK_URL: `${slack.url}/services/T0/B0/s3cret`,
    DEPUTY_DISCORD_URL: discord.url,
    DEPUTY_TELEGRAM_TOKEN: token,
    DEPUTY_TELEGRAM_CHAT: "77",
    DEPUTY_LOG_LEVEL: "info",
  }),
});

test("a refusal and a dead token are said in the log and by doctor, and the others ring", async () => {
  await writeFile(
    join(deputy.home, "config.yaml"),
    `telegram: {url: "${telegram.url}"}
notify:
  escalate: {after_minutes: 0.05, to: discord}
  channels: {discord: {priority: 5}}
`,
  );
  await deputy.start();
  const id = await submit({ goal: "Write it", agent: "command: echo b > b.txt" });
  await deputy.untilOver(id);
  await until(() => phone.titles().includes("Done: Write it"), "the phone was told");
  const log = () => readFile(join(deputy.home, "daemon.log"), "utf8");
  await until(
    async () => /answered 403: invalid_token/.test(await log()) && /answered 401/.test(await log()),
    "the log names both",
  );
  expect(await log()).toMatch(/"channel":"telegram".*notification not taken/);
  expect(await log()).not.toMatch(/AAsecret|s3cret/);
  expect(slack.received).toHaveLength(1);

  const { stdout } = await deputy.cli(["doctor"]);
  expect(stdout).toMatch(/phone: telegram .*Telegram does not accept the token \(401\)/);
  expect(stdout).toMatch(/phone: slack .*only a push can try it/);
  expect(stdout).not.toMatch(/AAsecret|s3cret/);
});

const told = () => discord.received.filter(({ method }) => method === "POST");

test("an important question that nobody answers rings once more, on the next channel, over restarts", async () => {
  const subtasks = [
    { id: "one", title: "One", brief: "Write it", agent: "command:echo c > c.txt" },
  ];
  const input = { goal: "Plan it", approval: "plan", plan: { subtasks } };
  const ids = [await submit(input), await submit({ ...input, goal: "Plan it quickly" })];
  for (const id of ids) await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  const answer = { answer: "cancel" };
  expect((await deputy.api("POST", `/v1/tasks/${ids[1]}/answer`, answer)).status).toBe(200);
  await until(() => phone.titles().includes("Needs an answer: Plan it"), "the phone rings");
  await deputy.kill();
  await deputy.start();
  await until(() => told().length > 0, "the next channel rings");
  await deputy.stop();
  await deputy.start();
  const id = await submit({ goal: "Write c", agent: "command:echo c > c.txt" });
  await deputy.untilOver(id);
  await until(() => phone.titles().includes("Done: Write c"), "the phone was told");
  expect(told()).toHaveLength(1);
  expect(JSON.parse(told()[0]?.body ?? "").content).toMatch(
    /^\*\*Still\\: Needs an answer\\: Plan it\*\*\nIs its plan right\?\nAnswer "approve" or "cancel"/,
  );
});

test("a snoozed task is silent and last in the inbox, and rings again by itself", async () => {
  const agent = `command:if [ -f asked.txt ]; then echo b > b.txt; else echo 1 > asked.txt; echo '{"question": "Left?"}'; fi`;
  const id = await submit({ goal: "Ask me", agent });
  const rings = () => phone.titles().filter((title) => title === "Needs an answer: Ask me").length;
  // Telegram refuses the bot's token here, which is Deputy's own trouble.
  const items = async () =>
    (await deputy.api("GET", "/v1/attention")).body.items.filter(
      ({ kind }: Json) => kind !== "replies",
    );
  await until(() => rings() === 1, "it rings");
  await submit({ goal: "Fail late", agent: "command:exit 1" }).then(deputy.untilOver);
  expect((await items()).at(-1).tier).toBe("failed");

  const put = await deputy.cli(["snooze", id, "1h"]);
  expect(put.stdout).toMatch(
    new RegExp(`^${id}: put off until 20\\S+; a push comes again then\\.\n$`),
  );
  expect((await items()).at(-1)).toMatchObject({
    ...{ task: { id }, tier: "blocking", snoozed_until: expect.stringMatching(/^20/) },
  });
  expect((await deputy.cli(["inbox"])).stdout).toMatch(
    new RegExp(`\\nPut off\\n {2}${id} .*, snoozed until 20[^]*$`),
  );
  await deputy.cli(["snooze", id, "off"]);
  await until(() => rings() === 2, "it rings at once, as it is put off no longer");
  expect((await items()).at(-1).tier).toBe("failed");
  expect(JSON.stringify(await items())).not.toContain("snoozed_until");
  await deputy.api("POST", `/v1/tasks/${id}/snooze`, { minutes: 0.02 });
  await until(() => rings() === 3, "it rings again by itself");

  expect((await deputy.api("POST", `/v1/tasks/${id}/snooze`, { minutes: 0.02 })).status).toBe(200);
  await deputy.api("POST", `/v1/tasks/${id}/answer`, { answer: "Left" });
  await deputy.untilOver(id);
  await until(() => phone.cards().some(({ title }) => title === "Done: Ask me"), "its end rings");
  expect(rings()).toBe(3);
  expect(phone.cards().filter(({ sequence_id: card }) => card === id)).toHaveLength(1);

  const soon = await deputy.cli(["snooze", id, "soon"]);
  expect([soon.code, soon.stderr]).toEqual([2, expect.stringContaining('"soon" is no time to')]);
  const long = await deputy.api("POST", `/v1/tasks/${id}/snooze`, { minutes: 1e9 });
  expect([long.status, long.body.field]).toEqual([400, "minutes"]);
  expect((await deputy.cli(["accept", id])).code).toBe(0);
  const over = await deputy.cli(["snooze", id, "2d"]);
  expect([over.code, over.stderr]).toEqual([2, expect.stringContaining("it is accepted")]);
});

test("a screen shows what a task is called, but no code, path, secret or hidden character", async () => {
  const goal = `Fix \`rm -rf /\` in src/a.ts\u202e for ${token}, see https://x.example/?q`;
  const id = await submit({ goal, agent: "command:echo /etc/shadow is mine >&2; exit 1" });
  await deputy.untilOver(id);
  const card = await until(
    () => phone.cards().find(({ sequence_id: card }) => card === id) ?? null,
    "its end rings",
  );
  expect(card.title).toBe("Failed: Fix [code] in [path] for [redacted], see [link]");
  expect(card.message).toMatch(new RegExp(`^\\S+ · ${id}$`));
});

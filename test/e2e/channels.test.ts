import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Receiver, startReceiver } from "../notifier/receiver.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type Phone, startPhone } from "../support/phone.ts";
import { until } from "../support/until.ts";

/** Several channels at once: each has its own server, and one that is broken takes only itself away. */
let phone: Phone;
let slack: Receiver;
let telegram: Receiver;
beforeAll(async () => {
  [phone, slack, telegram] = await Promise.all([startPhone(), startReceiver(), startReceiver()]);
  slack.answer = () => ({ status: 403, body: "invalid_token" });
  telegram.answer = () => ({ status: 401, body: '{"ok":false,"description":"Unauthorized"}' });
});
afterAll(() => Promise.all([phone?.close(), slack?.close(), telegram?.close()]));

const token = "12345:AAsecretOfTheBot";
const { deputy, submit } = withDeputy({
  files: { "a.txt": "a\n", ".deputy/config.yaml": "checks: []\n" },
  keepLog: true,
  start: false,
  env: () => ({
    ...phone.env,
    DEPUTY_SLACK_URL: `${slack.url}/services/T0/B0/s3cret`,
    DEPUTY_TELEGRAM_TOKEN: token,
    DEPUTY_TELEGRAM_CHAT: "77",
    DEPUTY_LOG_LEVEL: "info",
  }),
});

test("a refusal and a dead token are said in the log and by doctor, and the others ring", async () => {
  await writeFile(join(deputy.home, "config.yaml"), `telegram: {url: "${telegram.url}"}\n`);
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

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../src/config/config.ts";
import { plainManners } from "../src/core/settings/notify-settings.ts";

/** The channels as the environment and config.yaml configure them, and what is said of half of one. */
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "deputy-notify-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

const load = async (env: Record<string, string>, yaml = "") => {
  await writeFile(join(home, "config.yaml"), yaml);
  return loadConfig({ DEPUTY_HOME: home, HOME: home, ...env });
};

test("each channel has its secret from the environment or a file, and no text may contain one", async () => {
  const list = join(home, "urls");
  await writeFile(list, "slack://abc/def\nmailto://me:pass@example.org\n");
  const config = await load(
    {
      DEPUTY_SLACK_URL: "https://hooks.slack.com/services/T/B/s3cret",
      DEPUTY_DISCORD_URL: "https://discord.com/api/webhooks/1/t0ken",
      DEPUTY_TELEGRAM_TOKEN: "12:ab_c-d",
      DEPUTY_APPRISE_URLS_FILE: list,
    },
    "telegram: {chat: -1001}\n",
  );
  expect(config.notifier).toMatchObject({
    slack: { url: "https://hooks.slack.com/services/T/B/s3cret" },
    telegram: { token: "12:ab_c-d", chat: "-1001", url: "https://api.telegram.org" },
    apprise: { urls: ["slack://abc/def", "mailto://me:pass@example.org"] },
    ...{ ntfy: null, webhook: null },
  });
  for (const secret of [
    ...["https://hooks.slack.com/services/T/B/s3cret", "https://discord.com/api/webhooks/1/t0ken"],
    ...["12:ab_c-d", "mailto://me:pass@example.org"],
  ])
    expect(config.secrets).toContain(secret);
});

test("a public chat of Telegram has buttons only where its owner says so", async () => {
  const buttons = async (chat: string, env = {}) =>
    (await load({ DEPUTY_TELEGRAM_TOKEN: "12:abc", DEPUTY_TELEGRAM_CHAT: chat, ...env })).notifier
      .telegram?.buttons;
  expect([await buttons("5"), await buttons("-1001"), await buttons("@news")]).toEqual([
    ...[true, true, false],
  ]);
  expect(await buttons("@news", { DEPUTY_TELEGRAM_BUTTONS: "true" })).toBe(true);
});

test.each([
  [
    { DEPUTY_WEB_PUSH_SUBJECT: "mailto:me@localhost" },
    /must be a mailto: or https: address of yours/,
  ],
  [{ DEPUTY_WEB_PUSH_SUBJECT: "https://localhost" }, /^DEPUTY_WEB_PUSH_SUBJECT/],
  [{ DEPUTY_TELEGRAM_TOKEN: "12:abc" }, /needs a chat to write to: set DEPUTY_TELEGRAM_CHAT/],
  [{ DEPUTY_TELEGRAM_CHAT: "5" }, /needs the token of a bot: set DEPUTY_TELEGRAM_TOKEN/],
  [
    { DEPUTY_TELEGRAM_TOKEN: "../s3cret", DEPUTY_TELEGRAM_CHAT: "5" },
    /^DEPUTY_TELEGRAM_TOKEN must be a token as BotFather gives it/,
  ],
  [{ DEPUTY_SLACK_URL: "http://hooks.example/s3cret" }, /^DEPUTY_SLACK_URL must be an address/],
  [{ DEPUTY_DISCORD_URL: "s3cret" }, /^DEPUTY_DISCORD_URL must be an address/],
  [{ DEPUTY_APPRISE_URLS: "tgram://x s3cret" }, /DEPUTY_APPRISE_URLS must .* its entry 2 is none/],
])("%j is refused without its secret", async (env, message) => {
  const error = await load(env as Record<string, string>).catch((thrown: Error) => thrown);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).not.toContain("s3cret");
});

test("manners are read with their defaults, and a mistake is told with its line", async () => {
  expect((await load({})).notifier.manners).toEqual(plainManners);
  const yaml = `notify:
  privacy: minimal
  quiet: {from: 22:00, to: "7:05", tz: Europe/Berlin, days: [sat, sun], break_through: 4}
  coalesce_seconds: 0
  escalate: {after_minutes: 0}
  channels: {ntfy: {events: [task.failed], priority: 4}}
`;
  expect((await load({}, yaml)).notifier.manners).toEqual({
    privacy: "minimal",
    quiet: {
      ...{ from: 1_320, to: 425, tz: "Europe/Berlin", days: ["sat", "sun"], breakThrough: 4 },
    },
    ...{ coalesceMs: 0, escalate: null },
    channels: { ntfy: { events: ["task.failed"], priority: 4, privacy: null } },
  });
});

test.each([
  ["quiet: {from: '22:00', to: '24:00'}", /line 2: "notify.quiet.to" must be a time of day/],
  ["quiet: {from: '22:00', to: '22:00'}", /line 2: "notify.quiet" must not begin and end at/],
  [
    "quiet: {from: '22:00', to: '07:00', tz: Berlin}",
    /"notify.quiet.tz" must be a time zone, like/,
  ],
  ["channels: {pager: {}}", /line 2: .*pager/],
  ["channels: {ntfy: {priority: 6}}", /line 2: "notify.channels.ntfy.priority"/],
  ["escalate: {to: webhook}", /line 2: "notify.escalate.to"/],
  ["escalate: {to: slack}", /^notify: escalate: to in config.yaml names slack, which is not/],
])("%s is refused", async (line, message) => {
  await expect(load({}, `notify:\n  ${line}\n`)).rejects.toThrow(message);
});

test("Web Push says who asks: what is set, else the public URL where it is https", async () => {
  const read = async (env: Record<string, string>, yaml = "") =>
    (await load(env, yaml)).notifier.webPush;
  expect(await read({})).toBeNull();
  expect(await read({ DEPUTY_PUBLIC_URL: "http://nas.lan:7777" })).toBeNull();
  expect(await read({ DEPUTY_PUBLIC_URL: "https://deputy.example/x" })).toEqual({
    ...{ subject: "https://deputy.example", hosts: [] },
  });
  const yaml = 'web_push: {subject: "mailto:ada@example.org", hosts: ["push.lan:8443"]}\n';
  expect(await read({ DEPUTY_PUBLIC_URL: "https://deputy.example" }, yaml)).toEqual({
    ...{ subject: "mailto:ada@example.org", hosts: ["push.lan:8443"] },
  });
});

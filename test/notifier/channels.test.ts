import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { openChannels } from "../../src/notifier/channels/open-channels.ts";
import type { NotifierConfig } from "../../src/notifier/notifier-config.ts";
import type { ClaimedNotification } from "../../src/store/pushes/notifications.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";
import { noChannels, type Receiver, startReceiver } from "./receiver.ts";

/** Each channel as its server gets it: what a stranger wrote calls nobody and hides no link. */
let receiver: Receiver;
let scratch: Scratch;
beforeAll(async () => {
  scratch = await makeScratch();
});
afterAll(() => scratch.remove());
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

const hostile =
  "<!everyone> @everyone <@123> [see](https://evil.example) **b** <https://evil|ok> & `x`";
const push: ClaimedNotification = {
  ...{ id: "ntf_1", eventId: "evt_1", taskId: "task_1", channel: "", attempts: 1, ageMs: 0 },
  ...{ title: `Failed: ${hostile}`, body: `first ${hostile}\nsecond`, priority: 4 },
  ...{ clickUrl: "https://deputy.example/tasks/1?a=b|c&d", payload: { type: "task.failed" } },
};
const options = () => ({ timeoutMs: 10_000, signal: new AbortController().signal });
const open = (config: Partial<NotifierConfig>) => {
  const [channel] = openChannels({ ...noChannels, ...config });
  if (!channel) throw new Error("no channel is configured");
  return channel;
};
const sent = () => JSON.parse(receiver.received[0]?.body ?? "");

test("Slack gets plain text, in which nothing calls or links but the one button's address", async () => {
  expect(
    await open({ slack: { url: `${receiver.url}/services/T/B/x` } }).send(push, options()),
  ).toEqual({
    kind: "taken",
  });
  expect(receiver.received[0]?.path).toBe("/services/T/B/x");
  expect(sent()).toEqual({
    text: "Failed: &lt;!everyone&gt; @everyone &lt;@123&gt; [see](https://evil.example) **b** &lt;https://evil|ok&gt; &amp; `x`",
    blocks: [
      { type: "header", text: { type: "plain_text", text: push.title, emoji: false } },
      { type: "section", text: { type: "plain_text", text: push.body, emoji: false } },
      {
        type: "section",
        text: { type: "mrkdwn", text: "<https://deputy.example/tasks/1?a=b%7Cc&amp;d|Open>" },
      },
    ],
    ...{ unfurl_links: false, unfurl_media: false },
  });
});

test("Discord is told to call nobody, and no sign of Markdown is left alive", async () => {
  const channel = open({ discord: { url: receiver.url } });
  await channel.send(push, options());
  const { allowed_mentions: mentions, content, flags } = sent();
  expect({ mentions, flags }).toEqual({ mentions: { parse: [] }, flags: 4 });
  expect(content).toBe(
    `**Failed\\: \\<!everyone\\> \\@everyone \\<\\@123\\> \\[see\\]\\(https\\://evil.example\\) \\*\\*b\\*\\* \\<https\\://evil\\|ok\\> & \\\`x\\\`**\n` +
      `first \\<!everyone\\> \\@everyone \\<\\@123\\> \\[see\\]\\(https\\://evil.example\\) \\*\\*b\\*\\* \\<https\\://evil\\|ok\\> & \\\`x\\\`\nsecond\n<https://deputy.example/tasks/1?a=b|c&d>`,
  );
  receiver.received.length = 0;
  for (const body of ["*".repeat(1_500), `${"🦊".repeat(1_100)}`]) {
    await channel.send({ ...push, body }, options());
    const { content: cut } = JSON.parse(receiver.received.at(-1)?.body ?? "");
    expect(cut.length).toBeLessThanOrEqual(2_000);
    expect(cut).toMatch(/…\n<https:/);
    expect(cut).not.toMatch(/(?<!\\)(?:\\\\)*\\…|[\ud800-\udbff]…/);
  }
});

test("Telegram gets text without a parse mode; a limit's own time is kept", async () => {
  const telegram = { token: "12:ABCdef-secret", chat: "-100", url: receiver.url };
  const channel = open({ telegram });
  await channel.send(push, options());
  expect(receiver.received[0]?.path).toBe("/bot12:ABCdef-secret/sendMessage");
  expect(sent()).toEqual({
    chat_id: "-100",
    text: `${push.title}\n${push.body}\n${push.clickUrl}`,
    disable_notification: false,
    link_preview_options: { is_disabled: true },
  });
  receiver.answer = () => ({
    status: 429,
    body: '{"ok":false,"error_code":429,"parameters":{"retry_after":35}}',
  });
  expect(await channel.send(push, options())).toMatchObject({
    hope: "likely",
    retryAfterMs: 35_000,
  });
  await receiver.close();
  const refused = await channel.send(push, options());
  expect(JSON.stringify(refused)).toMatch(/ECONNREFUSED|other side closed/);
  expect(JSON.stringify(refused)).not.toContain("ABCdef");
});

test("what can be tried without ringing is tried", async () => {
  const telegram = { token: "12:ABCdef-secret", chat: "77", url: receiver.url };
  const examine = (config: Partial<NotifierConfig>) => open(config).examine?.(options());
  expect(await examine({ telegram })).toBeNull();
  expect(receiver.received.map(({ method, path }) => `${method} ${path}`)).toEqual([
    "GET /bot12:ABCdef-secret/getMe",
    "GET /bot12:ABCdef-secret/getChat?chat_id=77",
  ]);
  receiver.answer = ({ path }) => ({ status: path.endsWith("getMe") ? 200 : 400 });
  expect(await examine({ telegram })).toMatch(/^Telegram shows the bot no chat 77 \(400\)/);
  receiver.answer = () => ({ status: 401 });
  expect(await examine({ telegram })).toMatch(/^Telegram does not accept the token \(401\)/);
  receiver.answer = () => ({ status: 404 });
  expect(await examine({ discord: { url: receiver.url } })).toMatch(/^Discord does not know/);
  await receiver.close();
  expect(await examine({ telegram })).toMatch(
    /^Telegram was not reached \(\w+ .*, so it was not tried$/,
  );
});

test("apprise gets its addresses in a file of ours alone, the body on stdin, and leaves nothing", async () => {
  const folder = join(scratch.path, "bin");
  const notes = join(scratch.path, "notes");
  await mkdir(folder);
  const program = join(folder, "apprise");
  await writeFile(
    program,
    `#!/bin/sh
[ "$1" = --version ] && exit 0
list=\${1#--config=}
{ printf '%s\\n' "$@"; stat -c %a "$list"; cat "$list"; cat; } > ${notes}
case "$(cat "$list")" in *down*) echo "no luck with json://me:geheim@down" >&2; exit 1;; esac
`,
  );
  await chmod(program, 0o755);
  const before = process.env.PATH;
  process.env.PATH = `${folder}:${before}`;
  try {
    const urls = ["json://me:geheim@one", "json://two"];
    const channel = open({ apprise: { urls } });
    expect(await channel.examine?.(options())).toBeNull();
    expect(await channel.send(push, options())).toEqual({ kind: "taken" });
    const [config, format, type, title, mode, ...rest] = (await readFile(notes, "utf8")).split(
      "\n",
    );
    expect([format, type, title, mode]).toEqual([
      ...["--input-format=text", "--notification-type=warning", `--title=${push.title}`, "600"],
    ]);
    expect(rest.join("\n")).toBe(`${urls.join("\n")}\n${push.body}\n${push.clickUrl}`);
    await expect(readFile((config ?? "").replace("--config=", ""))).rejects.toThrow(/ENOENT/);
    const down = await open({ apprise: { urls: ["json://down"] } }).send(push, options());
    expect(down).toMatchObject({
      kind: "refused",
      error: expect.stringMatching(/^apprise ended with 1: no luck/),
    });
    process.env.PATH = "/nowhere";
    expect(await channel.examine?.(options())).toBe(
      "the program apprise does not start: install it",
    );
    expect(await channel.send(push, options())).toMatchObject({
      kind: "refused",
      hope: "unlikely",
    });
  } finally {
    process.env.PATH = before;
  }
});

import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type Ntfy, startNtfy } from "../support/ntfy.ts";

/** The page behind a push: what it shows, what it takes to press, what is true afterwards. */
let ntfy: Ntfy;
beforeAll(async () => {
  ntfy = await startNtfy();
});
afterAll(() => ntfy?.close());

const { deputy, repository, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: () => ({ ...ntfy.env, DEPUTY_PUBLIC_URL: "https://deputy.example/" }),
  keepLog: true,
});

type Page = { status: number; text: string; headers: Headers };
/** As a phone's browser sends it. */
async function open(path: string, form?: Record<string, string>, cookie = ""): Promise<Page> {
  const response = await fetch(deputy.url() + path, {
    method: form ? "POST" : "GET",
    headers: { ...(cookie ? { cookie } : {}) },
    redirect: "manual",
    ...(form ? { body: new URLSearchParams(form) } : {}),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}
/** The path of the page of the push with this title. */
async function pageOf(title: string): Promise<string> {
  const { click = "" } = await ntfy.card((card) => card.title === title);
  expect(click).toMatch(/^https:\/\/deputy\.example\/q\/[\w-]{22}$/);
  return new URL(click).pathname;
}
const pair = async () => JSON.parse((await deputy.cli(["pair", "--json"])).stdout).code as string;
const last = async (id: string) => (await deputy.api("GET", `/v1/tasks/${id}`)).body.task as Json;

test("looking changes nothing, pressing retries once, and then the page says so", async () => {
  const goal = `Break <img src=x onerror=alert(1)> & "it"`;
  const id = await submit({ goal, agent: "command:echo '<script>alert(2)</script>'; false" });
  await deputy.untilOver(id);
  const path = await pageOf(`Failed: ${goal}`);
  for (let n = 0; n < 3; n++) {
    const page = await open(path);
    expect(page.status).toBe(200);
    expect(page.text).toContain("Break &#60;img src=x onerror=alert(1)&#62; &#38; &#34;it&#34;");
    expect(page.text).not.toMatch(/<script|<img|javascript:/i);
  }
  expect((await last(id)).state).toBe("failed");
  const { headers } = await open(path);
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  expect(headers.get("content-security-policy")).toMatch(
    /^default-src 'none';style-src 'sha256-[\w+/=]+';form-action 'self';base-uri 'none';frame-ancestors 'none'$/,
  );
  for (const form of [{}, { option: "7" }, { option: "x" }])
    expect((await open(path, form as Record<string, string>)).status).toBe(400);
  const done = await open(path, { option: "0" });
  expect(done.status, done.text).toBe(200);
  expect(done.text).toContain("Answered: retry.");
  for (const again of [await open(path), await open(path, { option: "0" })]) {
    expect(again.status).toBe(410);
    expect(again.text).toMatch(/Already answered: retry, at .* by an answer page\./);
  }
  await deputy.untilOver(id);
  const wrong = await open(`/q/${"A".repeat(22)}`);
  expect(wrong.status).toBe(404);
  expect(wrong.text).toContain("This link leads to nothing");
});

test("an agent's question is answered in words; what the command line answered is told", async () => {
  const ask =
    'command:test -z "$(sed -n \'s/^A: //p\' "$DEPUTY_BRIEF_FILE")" && echo \'{"question": "Left or right?", "options": ["Left", "Right"]}\' || echo done > done.txt';
  const asking = await submit({ goal: "Ask me", agent: ask });
  const path = await pageOf("Needs an answer: Ask me");
  const offered = await open(path);
  expect(offered.text).toContain("Left or right?");
  expect(offered.text).toMatch(/>Left<\/button>.*>Right<\/button>/s);
  // A lock screen shows no words of an agent, neither in the text nor as buttons.
  const push = await ntfy.card(({ title }) => title === "Needs an answer: Ask me");
  expect(push.message).toContain("Choose one of 2 answers: deputy show");
  expect(JSON.stringify([push.message, push.actions])).not.toMatch(/left|right/i);
  const empty = await open(path, { option: "2", words: "  " });
  expect([empty.status, empty.text.includes("The answer is empty")]).toEqual([400, true]);
  const done = await open(path, { option: "2", words: "Left" });
  expect(done.text).toContain("Answered in your words.");
  expect((await deputy.untilOver(asking)).state).toBe("completed");
  const other = await submit({ goal: "Ask again", agent: ask });
  const second = await pageOf("Needs an answer: Ask again");
  await deputy.cli(["answer", other, "Right"]);
  const late = await open(second, { option: "0", words: "Left" });
  expect([late.status, /Already answered: Right, at /.test(late.text)]).toEqual([410, true]);
});

test("accepting takes a paired phone: one code, five tries, and a session that can be revoked", async () => {
  const agent = "command:echo hello > hello.txt";
  const id = await submit({ goal: "Greet", agent });
  await deputy.untilOver(id);
  const path = await pageOf("Done: Greet");
  const shown = await open(path);
  expect(shown.text).toContain("hello.txt");
  const unpaired = await open(path, { option: "0" });
  expect([unpaired.status, unpaired.text.includes("deputy pair")]).toEqual([403, true]);

  const burnt = await pair();
  const wrong = burnt.startsWith("0") ? "11111111" : "00000000";
  for (let n = 0; n < 5; n++)
    expect((await open(`${path}/pair`, { code: wrong })).status).toBe(403);
  expect((await open(`${path}/pair`, { code: burnt })).status).toBe(403);
  const code = await pair();
  expect((await open(`/q/${"A".repeat(22)}/pair`, { code })).status).toBe(404);
  const typed = `${code.slice(0, 4).toUpperCase()} ${code.slice(4)}`;
  const paired = await open(`${path}/pair`, { code: typed });
  expect([paired.status, paired.headers.get("location")]).toEqual([303, path]);
  const cookie = paired.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/^deputy=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
  const session = cookie.split(";")[0] ?? "";
  // A code works once.
  expect((await open(`${path}/pair`, { code })).status).toBe(403);
  // A page that shows an earlier delivery decides nothing about this one.
  const older = await open(path, { option: "0", shown: "0".repeat(40) }, session);
  expect([older.status, older.text.includes("delivered anew")]).toEqual([409, true]);
  const [, commit = ""] = /name="shown" value="([0-9a-f]{40})"/.exec(shown.text) ?? [];
  const accepted = await open(path, { option: "0", shown: commit }, session);
  expect(accepted.status, accepted.text).toBe(200);
  expect(repository.git("show", "HEAD:hello.txt")).toBe("hello");
  expect((await open(path, { option: "1" }, session)).text).toContain(
    "by the paired another device",
  );

  const listed = await deputy.cli(["devices", "ls"]);
  const [device = ""] = listed.stdout.split(" ");
  expect(device).toMatch(/^dev_/);
  expect((await deputy.cli(["devices", "revoke", device])).stdout).toContain("is forgotten");
  const next = await submit({ goal: "Again", agent: "command:echo more > more.txt" });
  await deputy.untilOver(next);
  const refused = await open(await pageOf("Done: Again"), { option: "1" }, session);
  expect(refused.status).toBe(403);
  expect((await last(next)).decision).toBe("open");
});

test("a link from another site is followed, and no other site may press", async () => {
  const path = await pageOf("Done: Again");
  const ask = (method: string, headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const url = new URL(deputy.url());
      const site = { "sec-fetch-site": "cross-site", ...headers };
      const sent = request({ host: url.hostname, port: url.port, path, method, headers: site });
      sent.on("response", (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      });
      sent.on("error", reject);
      sent.end();
    });
  const link = { "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };
  expect(await ask("GET", { ...link, host: "deputy.example" })).toBe(200);
  expect(await ask("GET", { ...link, host: "evil.example" })).toBe(403);
  expect(await ask("GET", { ...link, "sec-fetch-dest": "iframe" })).toBe(403);
  expect(await ask("POST", link)).toBe(403);
});

test.each(["decision:claimed", "task.accepted:reported"])(
  "killed at %s, an accepted page leaves one answer and one merge",
  async (moment) => {
    const name = moment.replace(/\W/g, "-");
    const id = await submit({ goal: name, agent: `command:echo right > ${name}.txt` });
    await deputy.untilOver(id);
    const path = await pageOf(`Done: ${name}`);
    await deputy.stop();
    await deputy.start({ DEPUTY_FAULT: moment });
    const code = await pair();
    const session = (await open(`${path}/pair`, { code })).headers.get("set-cookie")?.split(";")[0];
    const [, commit = ""] =
      /name="shown" value="([0-9a-f]{40})"/.exec((await open(path)).text) ?? [];
    const pressed = open(path, { option: "0", shown: commit }, session).catch(() => null);
    expect(await deputy.ended()).toBe("SIGKILL");
    await pressed;
    await deputy.start();
    const decided = async () => (await last(id)).decision;
    await expect.poll(decided, { timeout: 60_000 }).toBe("accepted");
    expect(repository.git("show", `HEAD:${name}.txt`)).toBe("right");
    expect((await open(path, { option: "1", shown: commit }, session)).text).toMatch(
      /Already answered: accept, at .* by the paired another device\./,
    );
    const events = await deputy.events(id);
    expect(events.filter(({ type }) => /accepted|discarded/.test(type))).toHaveLength(1);
  },
);

test("the page of work that was worked on again says so", async () => {
  const id = await submit({ goal: "Rework", agent: "command:date +%N > rework.txt" });
  await deputy.untilOver(id);
  const path = await pageOf("Done: Rework");
  await deputy.cli(["freeze"]);
  await deputy.cli(["comment", id, "rework.txt:1", "Another number."]);
  expect((await open(path)).text).toContain(`${id} is running now: it was worked on again.`);
  await deputy.cli(["cancel", id]);
  await deputy.cli(["thaw"]);
});

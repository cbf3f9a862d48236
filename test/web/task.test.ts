import { truncate } from "node:fs/promises";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Device, withBrowser } from "../support/browser.ts";
import { withDeputy } from "../support/fixtures.ts";
import { startPushService } from "../support/push-service.ts";
import { waitFor } from "../support/scratch.ts";

/** One task in the page, from what it asks to what is accepted, in a browser against its daemon. */
const pushes = await startPushService();
afterAll(() => pushes.close());
const { deputy, repository, scratch, submit, run } = withDeputy({
  files: {
    "greeting.txt": `${Array.from({ length: 30 }, (_, line) => `line ${line + 1}`).join("\n")}\n`,
    ".deputy/config.yaml": "checks: []\n",
  },
  config: `backoff_ms: 1\nweb_push: { subject: "mailto:ada@example.org", hosts: ["${pushes.host}"] }\n`,
});
const browser = withBrowser(deputy);
let device: Device;
let page: Page;
beforeAll(async () => {
  device = await browser.signIn();
  page = device.page;
});
afterAll(() => device?.close());

const open = async (id: string, tab: string) => {
  await page.goto(`${deputy.url()}/tasks/${id}/${tab}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
};
const countNodes = () => page.evaluate("document.querySelectorAll('*').length");
const file = (path: string): Locator => page.getByRole("region", { name: path, exact: true });
const focused = () => page.evaluate("document.activeElement?.ariaLabel");
const hostile = String.raw`printf '\033[32mgreen\033[0m <img src=x onerror="window.hacked=1"> \342\200\256odd\n'`;

test("a question is answered in the page, a line commented on, changed by the agent, and accepted", async () => {
  const agent = await scratch.agent(
    "greeter.sh",
    `${hostile}
if grep -q "in English" "$DEPUTY_BRIEF_FILE"; then
  ${waitFor(scratch.at("rework"))}
  sed -i s/Hallo/Hello/ greeting.txt
elif [ -n "$DEPUTY_ANSWER" ]; then
  sed -i "s/^line 3$/Hallo $DEPUTY_ANSWER/" greeting.txt
  printf 'a\\0b' > blob.bin
else
  printf '%s' '{"question":"Whom should it greet?"}'
fi`,
  );
  const id = await submit({
    goal: "Greet <b>people</b>",
    agent,
    checks: ["grep -q H greeting.txt"],
  });
  await open(id, "story");
  expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Greet <b>people</b>");
  const question = page.getByRole("region", { name: "A Question" });
  await question.getByText("Whom should it greet?").waitFor();
  await browser.expectAccessible(page);
  await question.getByLabel("Your answer").fill("World");
  await page.reload(); // what was typed stays, here and in the inbox
  await expect.poll(() => question.getByLabel("Your answer").inputValue()).toBe("World");
  await question.getByRole("button", { name: "Send the answer" }).click();
  await question.waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Accept", exact: true }).waitFor(); // live, without a reload
  await page.getByRole("region", { name: "Events" }).getByText("Answered: World").waitFor();
  await page
    .getByRole("link", { name: /^Attempt 2 with a command: done/ })
    .first()
    .waitFor();
  await browser.expectAccessible(page);

  await page.getByRole("link", { name: "Diff", exact: true }).click();
  await file("blob.bin").getByText("binary", { exact: true }).waitFor();
  await file("greeting.txt").getByRole("button", { name: "Comment on line 3" }).click();
  await page.getByRole("textbox", { name: /^Comment on line 3/ }).fill("Say it in English");
  await page.reload();
  const field = page.getByRole("textbox", { name: /^Comment on line 3/ });
  await expect.poll(() => field.inputValue()).toBe("Say it in English");
  await browser.expectAccessible(page);
  await page.getByRole("button", { name: "Send now" }).click();
  await file("greeting.txt")
    .getByText(/queued|delivered/)
    .waitFor();

  // While the agent works on it, another comment is written on what was shown, with the keyboard alone.
  await page.getByRole("group", { name: /^Lines of greeting.txt/ }).focus();
  for (const _ of [1, 2, 3]) await page.keyboard.press("ArrowDown");
  const before = await focused();
  await page.keyboard.press("Shift+ArrowDown");
  expect([before, await focused()]).toEqual(["Comment on old line 3", "Comment on line 3"]);
  await page.keyboard.press("Shift+ArrowDown");
  await page.keyboard.press("Shift+ArrowDown");
  expect(await focused()).toBe("Comment on line 5");
  await page.keyboard.press("Enter");
  await page.keyboard.type("And these?");
  await page.keyboard.press("Control+Enter");
  await page.getByText("1 comment to send").waitFor();
  await scratch.write("rework");
  await page.getByText("The change has moved since this was read.").waitFor();
  await page.getByRole("button", { name: "Send it", exact: true }).click();
  await page.getByText(/Nothing was sent: .* moved along|Nothing was sent: .* lost/).waitFor();
  await file("greeting.txt").getByText("Hello World").waitFor();
  await page.getByText("And these?").first().waitFor();
  await file("greeting.txt").getByText("changed", { exact: false }).first().waitFor();
  // Half written on a tree that is gone: its lines are looked for where the change that stands is shown.
  await page.evaluate(`{
    const key = "deputy.drafts.${id}";
    const [draft] = JSON.parse(sessionStorage.getItem(key));
    const earlier = { ...draft, tree: "a".repeat(40), editing: true, lost: false };
    const empty = { ...earlier, id: earlier.id + 1, text: "" };
    sessionStorage.setItem(key, JSON.stringify([earlier, empty]));
  }`);
  await page.goto(`${deputy.url()}/tasks/${id}/diff?subtask=main&attempt=2`);
  await file("greeting.txt").getByText("Hallo World").waitFor();
  const findLines = page.getByRole("button", { name: "Find its lines here" });
  expect(await findLines.count()).toBe(0);
  await open(id, "diff");
  await findLines.click();
  await page.getByText("1 lost its place").waitFor();
  await page.getByText("1 comment without a place").waitFor();
  await page.getByRole("button", { name: "Discard", exact: true }).first().click();

  for (const tab of ["Plan", "Checks", "Review", "Cost"]) {
    await page.getByRole("link", { name: tab, exact: true }).click();
    await page.locator(".task .skeleton").waitFor({ state: "detached" });
    await browser.expectAccessible(page);
  }
  await page.getByRole("link", { name: "Log", exact: true }).click();
  const lines = page.getByRole("region", { name: "Lines" });
  await lines.getByText('<img src=x onerror="window.hacked=1">').waitFor();
  expect(await lines.locator(".fg-green").first().textContent()).toBe("green");
  expect(await lines.locator(".hidden-character").first().textContent()).toBe("U+202E");
  expect(
    await page.evaluate("['hacked' in window, document.querySelectorAll('main img').length]"),
  ).toEqual([false, 0]);
  await browser.expectAccessible(page);

  await page.getByRole("button", { name: "Accept", exact: true }).click();
  await page.getByRole("button", { name: "Yes" }).click();
  await page.getByText(/is merged into your branch/).waitFor();
  expect(repository.git("show", "HEAD:greeting.txt")).toContain("Hello World");
  await page.getByRole("button", { name: "Accept", exact: true }).waitFor({ state: "detached" });
  browser.expectClean();
});

test("a file of 10,000 lines and thousands of files take few elements, and none is out of reach", async () => {
  const agent = await scratch.agent(
    "writer.sh",
    `seq 1 10000 | sed "s/^/number /" > long.txt
mkdir many && cd many && seq 1 2500 | xargs touch`,
  );
  const task = await run({ goal: "Write much", agent });
  await open(task.id, "diff");
  await page.getByText(/2501 files/).waitFor();
  expect(await countNodes()).toBeLessThan(3_000);
  await page.getByRole("searchbox", { name: "Files" }).fill("long");
  const long = file("long.txt");
  await long.getByText("10000 changed lines").waitFor();
  await long.getByRole("button", { expanded: false }).click();
  await long.getByText("number 1", { exact: true }).waitFor();
  expect(await countNodes()).toBeLessThan(5_000);
  await page.keyboard.press("End");
  await page.locator("main").press("End");
  await long.getByText("number 10000", { exact: true }).waitFor();
  expect(await countNodes()).toBeLessThan(5_000);
  browser.expectClean();
});

test("a log of 200 MB shows its end, and older lines on the way up", async () => {
  const agent = await scratch.agent("talker.sh", "echo first; echo x > x.txt");
  const task = await run({ goal: "Talk much", agent });
  const found = await deputy.database?.query<{ log_path: string }>(
    "select log_path from app.attempts where task_id = $1",
    [task.id],
  );
  await truncate(found?.[0]?.log_path ?? "", 200 * 1024 * 1024);
  // What could not be read at first is read once the stream says anything.
  let isAway = true;
  await page.route("**/log?*", (route) => (isAway ? route.abort() : route.continue()));
  await open(task.id, "log");
  await page.getByText(/^Deputy does not answer/).waitFor();
  isAway = false;
  await deputy.api("POST", "/v1/freeze", { reason: "to be heard" });
  await page.getByText("209.7M bytes", { exact: true }).waitFor();
  await deputy.api("POST", "/v1/thaw");
  await page.unroute("**/log?*");
  const older = page.getByRole("button", { name: /^Load older/ });
  const chunks = page.locator(".log-chunk");
  expect(await chunks.count()).toBe(1);
  await older.click();
  await expect.poll(() => chunks.count()).toBeGreaterThan(1);
  expect(await countNodes()).toBeLessThan(1_000);
  browser.expectClean();
});

test("a plan is shown as a picture and a list, and sent back in the page", async () => {
  const part = (id: string, ...depends_on: string[]) => ({
    ...{ id, title: `Part ${id}`, depends_on, agent: `command:echo ${id} > ${id}.txt` },
  });
  const id = await submit({
    ...{ goal: "Do it in parts", approval: "plan" },
    plan: { subtasks: [part("one"), part("two", "one")] },
  });
  await open(id, "plan");
  const asked = page.getByRole("region", { name: "A Plan to approve" });
  await asked.getByRole("button", { name: "Approve" }).click();
  await asked.getByText("Really approve?").waitFor();
  await asked.getByRole("button", { name: "Yes" }).click();
  await page.getByRole("button", { name: "Accept", exact: true }).waitFor();
  const graph = page.getByRole("group", { name: "2 subtasks and what they wait for" });
  await graph.getByRole("link", { name: /Part two/ }).waitFor();
  await page.getByRole("list", { name: "Subtasks" }).getByText("after one").waitFor();
  await browser.expectAccessible(page);
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await graph.isVisible()).toBe(false);
  await browser.expectAccessible(page);
  await page.setViewportSize({ width: 1280, height: 800 });
});

test("what is not there is said in one sentence", async () => {
  await page.goto(`${deputy.url()}/tasks/task_nowhere/story`);
  await page.getByText(/must be the id of a task/).waitFor();
  await page.goto(`${deputy.url()}/tasks/task_01m8sbvjpztmqy6k79aa`);
  await page.getByText("There is no task task_01m8sbvjpztmqy6k79aa.").waitFor();
  const idle = await run({ goal: "Nothing to do", agent: "command:true", checks: ["true"] });
  await open(idle.id, "diff");
  await page.getByText(/It changes nothing|Nothing was written yet/).waitFor();
  await deputy.database?.query("update app.tasks set pruned_at = now() where id = $1", [idle.id]);
  await open(idle.id, "log");
  await page.getByText(/Its logs were removed/).waitFor();
  browser.expectClean();
});

test("the worker shows what the daemon pushed, again when it comes again, and opens what it names", async () => {
  const { close, context, page: phone } = await browser.signIn({ phone: true });
  await context.grantPermissions(["notifications"]);
  // What the browser would tell the daemon if its maker's service were there.
  const subscription = JSON.stringify(pushes.subscribe("phone"));
  const status = await phone.evaluate(
    `fetch("/v1/push/subscriptions", { method: "POST", body: ${JSON.stringify(subscription)},
      headers: { "content-type": "application/json", "x-deputy": "1" } }).then(({ status }) => status)`,
  );
  expect(status).toBe(200);
  const id = await submit({ goal: "Break it", agent: "command:false" });
  const { payload } = await pushes.until(
    ({ payload: { notification } }) => notification.tag === id,
  );

  const browserSide = await context.newCDPSession(phone);
  const registered = new Promise<string>((resolve) =>
    browserSide.on("ServiceWorker.workerVersionUpdated", ({ versions }) => {
      const active = versions.find(({ status }) => status === "activated");
      if (active) resolve(active.registrationId);
    }),
  );
  await browserSide.send("ServiceWorker.enable");
  await phone.evaluate("navigator.serviceWorker.register('/sw.js').then(() => {})");
  const registrationId = await registered;
  const shown = () =>
    phone.evaluate(
      `navigator.serviceWorker.ready.then((registration) => registration.getNotifications()).then((all) =>
        all.map(({ title, body, tag, renotify, silent }) => ({ title, body, tag, renotify, silent })))`,
    );
  const push = (data: string) =>
    browserSide.send("ServiceWorker.deliverPushMessage", {
      ...{ origin: deputy.url(), registrationId, data },
    });
  await push(JSON.stringify(payload));
  const { body, tag, title } = payload.notification;
  const first = { title, body, tag, renotify: true, silent: false };
  await expect.poll(shown).toEqual([first]);
  const quiet = { title: "News", body: "", tag, silent: true };
  await push(JSON.stringify({ web_push: 8030, notification: quiet }));
  await expect.poll(shown).toEqual([{ ...quiet, renotify: false }]);
  await push("no JSON");
  await expect.poll(async () => ((await shown()) as unknown[]).length).toBe(2);
  await push(JSON.stringify(payload));
  await expect.poll(async () => JSON.stringify(await shown())).toContain(JSON.stringify(first));

  // Nobody can press what a headless browser shows, so the worker is told that somebody did.
  const [worker] = context.serviceWorkers();
  await worker?.evaluate(
    `self.registration.getNotifications({ tag: ${JSON.stringify(tag)} }).then(([notification]) => {
      const event = new NotificationEvent("notificationclick", { notification });
      event.waitUntil = () => {};
      self.dispatchEvent(event);
    })`,
  );
  await phone.waitForURL(
    (url) => url.pathname === new URL(String(payload.notification.navigate), deputy.url()).pathname,
  );
  await phone.getByText("Break it").first().waitFor();
  await close();
});

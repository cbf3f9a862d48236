import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { type Device, withBrowser } from "../support/browser.ts";
import { withDeputy } from "../support/fixtures.ts";

/** The page as people use it: in a browser, against the daemon that serves it. */
const { deputy, repository, run, scratch, submit } = withDeputy({
  files: { "a.txt": "a\n", ".deputy/config.yaml": "checks: []\n" },
  config: "backoff_ms: 1\n",
});
const browser = withBrowser(deputy);

/** Asks; once it is answered it works on, and asks no more. */
const ask = (question: string) => {
  const print = `printf '%s' '${JSON.stringify({ question })}'`;
  const sign = scratch.at(Buffer.from(question).toString("hex").slice(0, 60));
  return `command:if [ -e ${sign} ]; then sleep 600; else touch ${sign}; ${print}; fi`;
};
const untilAsked = (id: string) => deputy.untilEvent(id, ({ type }) => type === "question.asked");
const item = (page: Page, title: string) => page.locator(".item", { hasText: title });

describe("signing in", () => {
  test("takes the code that deputy pair prints, and says what is wrong with another", async () => {
    const { close, page } = await browser.open();
    await page.goto(`${deputy.url()}/tasks`);
    await page.getByLabel("Code").fill("0000-0000");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toMatch(/code/i);
    await browser.expectAccessible(page);
    const { body } = await deputy.api("POST", "/v1/pairing", {});
    await page.getByLabel("Code").fill(body.code);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await page.reload();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await close();
  });

  test("takes a link, whose secret does not stay in the address", async () => {
    const { close, page } = await browser.signIn();
    expect(page.url()).toBe(`${deputy.url()}/`);
    await page.goBack();
    expect(page.url()).not.toContain("#");
    await close();
  });
});

describe("a signed-in browser", () => {
  let device: Device;
  let page: Page;
  beforeAll(async () => {
    device = await browser.signIn();
    page = device.page;
    return () => device.close();
  });

  test("shows what needs a person as it comes, and settles it with the keyboard alone", async () => {
    await page.getByText("Nothing needs you.").waitFor();
    const first = await submit({ goal: "Ask first", agent: ask("Left or right?") });
    await untilAsked(first);
    const second = await submit({ goal: "Ask second", agent: ask("Up or down?") });
    await untilAsked(second);
    await item(page, "Ask second").waitFor();
    await page.getByRole("heading", { name: /^Blocks other work/ }).waitFor();
    await expect.poll(() => page.title()).toBe("(2) Inbox · Deputy");
    await browser.expectAccessible(page);
    const other = await device.tab("/");
    await item(other, "Ask first").waitFor();

    await page.keyboard.press("j");
    await page.keyboard.press("e");
    await page.keyboard.type("Left");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await item(page, "Ask first").waitFor({ state: "detached" });
    await item(other, "Ask first").waitFor({ state: "detached" });
    await other.close();
    // The next one has the focus.
    await page.keyboard.press("o");
    await page.waitForURL(`**/tasks/${second}`);
    await expect.poll(() => page.title()).toBe("(1) Ask second · Deputy");
    await page.keyboard.press("g");
    await page.keyboard.press("i");
    await page.getByRole("heading", { name: "Inbox" }).waitFor();
    const { body } = await deputy.api("GET", `/v1/tasks/${first}`);
    expect(body.questions[0].answer).toBe("Left");
    await deputy.api("POST", `/v1/tasks/${first}/cancel`);
    await deputy.api("POST", `/v1/tasks/${second}/cancel`);
    await page.getByText("Nothing needs you.").waitFor();
  });

  test("says a refusal beside what was refused, and takes it once the reason is gone", async () => {
    await run({ goal: "Write b", agent: "command:echo b > b.txt" });
    const ready = item(page, "Write b");
    await ready.getByRole("button", { name: "Accept" }).waitFor();
    await repository.write({ "a.txt": "changed by hand\n", "b.txt": "in the way\n" });
    await ready.getByRole("button", { name: "Accept" }).click();
    await ready.getByText("Merge it into the repository?").waitFor();
    await ready.getByRole("button", { name: "Yes" }).click();
    await ready.getByRole("alert").waitFor();
    expect(await ready.getByRole("alert").textContent()).toMatch(/\.$/);
    repository.git("checkout", "--", "a.txt");
    repository.git("clean", "-fdq");
    await ready.getByRole("button", { name: "Accept" }).click();
    await ready.getByRole("button", { name: "Yes" }).click();
    await ready.waitFor({ state: "detached" });
    expect(repository.git("ls-files")).toContain("b.txt");
  });

  test("puts an item off, and shows it under its own heading", async () => {
    const id = await submit({ goal: "Not now", agent: ask("When?") });
    await untilAsked(id);
    const later = item(page, "Not now").getByText("Later");
    const hour = item(page, "Not now").getByRole("button", { name: "For 1 hour" });
    await later.click();
    await hour.waitFor();
    await page.getByRole("banner").click({ position: { x: 300, y: 5 } });
    await hour.waitFor({ state: "hidden" });
    await later.click();
    await hour.click();
    await hour.waitFor({ state: "hidden" });
    await page.getByRole("heading", { name: /^Put off/ }).waitFor();
    await deputy.api("POST", `/v1/tasks/${id}/cancel`);
    await item(page, "Not now").waitFor({ state: "detached" });
  });

  test("shows text from outside as text", async () => {
    const id = await submit({
      goal: "Show <img src=x onerror=alert(1)> as it is",
      agent: ask("<script>alert(1)</script> \u202egpj.exe \u001b[31mred"),
    });
    await untilAsked(id);
    const shown = item(page, "as it is");
    await shown.waitFor();
    expect(await shown.textContent()).toContain("<script>alert(1)</script>");
    expect(await shown.textContent()).not.toContain("\u202e");
    expect(await shown.textContent()).not.toContain("\u001b");
    expect(await shown.locator("img, script").count()).toBe(0);
    await deputy.api("POST", `/v1/tasks/${id}/cancel`);
  });

  test("hands a task in: what is refused is said beside its field, what was typed survives a reload", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("n");
    await page.getByRole("heading", { name: "New task" }).waitFor();
    await page.getByRole("button", { name: "Start the task" }).click();
    const goal = page.getByLabel("Goal");
    await expect.poll(() => goal.getAttribute("aria-invalid")).toBe("true");
    expect(await page.evaluate("document.activeElement.tagName")).toBe("TEXTAREA");
    await browser.expectAccessible(page);
    await goal.fill("Wait for an answer");
    // A daemon that has seen repositories offers them.
    const place = page.getByLabel("Repository", { exact: true });
    await place.waitFor();
    const isOffered = (await place.and(page.locator("select")).count()) > 0;
    await (isOffered ? place.selectOption(repository.path) : place.fill(repository.path));
    await page.getByLabel("Agent", { exact: true }).selectOption({ label: "command:… or acp:…" });
    await page.getByPlaceholder("command:… or acp:…").fill(ask("Which?"));
    await page.reload();
    expect(await page.getByLabel("Goal").inputValue()).toBe("Wait for an answer");
    await page.getByRole("button", { name: "Start the task" }).click();
    await page.waitForURL("**/tasks/task_*");
    const id = page.url().split("/").at(-1) ?? "";
    await untilAsked(id);
    // The form is empty for the next one, and begins with the same fields where that is wanted.
    await page.getByText("More", { exact: true }).click();
    await page.getByRole("link", { name: "Again", exact: true }).click();
    await expect.poll(() => page.getByLabel("Goal").inputValue()).toBe("Wait for an answer");
    await page.getByRole("button", { name: "Clear" }).click();
    expect(await page.getByLabel("Goal").inputValue()).toBe("");
    // Neither does the field of an agent that was typed stay open.
    const chosen = page.getByLabel("Agent", { exact: true });
    await chosen.selectOption({ label: "command:… or acp:…" });
    await page.getByPlaceholder("command:… or acp:…").fill("command:true");
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByPlaceholder("command:… or acp:…").waitFor({ state: "detached" });
    expect(await chosen.inputValue()).toBe("");
  });

  test("keeps a form as a template without starting it, and takes it again", async () => {
    await page.goto(`${deputy.url()}/new`);
    await page.getByLabel("Goal").fill("From a template");
    await page.getByText("Templates", { exact: true }).click();
    await page.getByLabel("Name of a new template").fill("Usual");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByText("Templates", { exact: true }).click();
    await page.getByRole("button", { name: "Usual", exact: true }).click();
    expect(await page.getByLabel("Goal").inputValue()).toBe("From a template");
    await page.getByRole("button", { name: "Usual", exact: true }).waitFor({ state: "hidden" });
    await page.getByRole("button", { name: "Clear" }).click();
    const { body } = await deputy.api("GET", "/v1/tasks?q=From+a+template");
    expect(body.tasks).toEqual([]);
  });

  test("hands in one task where its answer was lost, through a reload", async () => {
    await page.goto(`${deputy.url()}/new`);
    await page.getByLabel("Goal").fill("Once alone");
    await page.getByLabel("Agent", { exact: true }).selectOption({ label: "command:… or acp:…" });
    await page.getByPlaceholder("command:… or acp:…").fill("command:sleep 600");
    await page.route("**/v1/tasks", async (route) => {
      await route.fetch();
      await route.abort();
    });
    await page.getByRole("button", { name: "Start the task" }).click();
    await page.getByText(/^Deputy does not answer/).waitFor();
    await page.unroute("**/v1/tasks");
    await page.reload();
    await page.getByRole("button", { name: "Start the task" }).click();
    await page.waitForURL("**/tasks/task_*");
    const { body } = await deputy.api("GET", "/v1/tasks?q=Once+alone");
    expect(body.tasks.length).toBe(1);
  });

  test("draws a view as it is alone, also after others were open", async () => {
    await page.getByRole("link", { name: "Checks", exact: true }).click();
    await page.locator(".task .skeleton").waitFor({ state: "detached" });
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    const readLooks = async () => {
      await page.locator(".row .state.run").waitFor();
      return page.evaluate(`[[".row:has(.state.run)", "display"], [".row .state.run", "padding"]].map(
        ([selector, name]) => getComputedStyle(document.querySelector(selector))[name])`);
    };
    const looks = await readLooks();
    expect(looks).toEqual(["grid", expect.any(String)]);
    await page.reload();
    expect(await readLooks()).toEqual(looks);
    const { body } = await deputy.api("GET", "/v1/tasks?q=Once+alone");
    await deputy.api("POST", `/v1/tasks/${body.tasks[0].id}/cancel`);
  });

  test("cancels several tasks, and says for each what became of it", async () => {
    await page.goto(`${deputy.url()}/tasks?state=waiting`);
    const rows = page.locator(".row");
    await rows.filter({ hasText: "Wait for an answer" }).waitFor();
    const other = await submit({ goal: "Wait as well", agent: ask("What?") });
    await untilAsked(other);
    await rows.filter({ hasText: "Wait as well" }).waitFor();
    await browser.expectAccessible(page);
    await page.getByLabel("Select all shown").check();
    await page.getByRole("button", { name: "Cancel 2" }).click();
    await page.getByRole("button", { name: "Yes" }).click();
    await page.getByText("Asked to stop: 2 tasks.").waitFor();
    await deputy.untilOver(other);
    await page.getByText("No task fits this filter.").waitFor();
    // A ticked box has the focus, and the keys of the list still act.
    await page.getByRole("button", { name: "Show all tasks" }).click();
    await page.locator(".row input").first().check();
    await page.keyboard.press("x");
    expect(await page.locator(".row input").first().isChecked()).toBe(false);
    await page.keyboard.press("j");
    expect(await page.evaluate("document.activeElement.tagName")).toBe("A");
  });

  test("finds tasks by the address alone", async () => {
    await page.goto(`${deputy.url()}/tasks?q=as+well`);
    await page.locator(".row", { hasText: "Wait as well" }).waitFor();
    expect(await page.locator(".row").count()).toBe(1);
    const search = page.getByLabel("Search", { exact: true });
    expect(await search.inputValue()).toBe("as well");
    // What is typed at the very moment when the address changes stays, and is asked for as well.
    await page.evaluate(`addEventListener("deputy:place", () => {
      const search = document.querySelector("input[type=search]");
      search.value = "as w";
      search.dispatchEvent(new Event("input", { bubbles: true }));
    }, { once: true })`);
    await search.fill("as");
    await page.waitForURL("**/tasks?q=as+w");
    expect(await search.inputValue()).toBe("as w");
  });

  test("pulls the brake and lets it go, which every view says", async () => {
    await page.goto(`${deputy.url()}/agents`);
    await page.getByLabel("Reason").fill("prices rose");
    await page.getByRole("button", { name: "Freeze" }).click();
    await page.getByRole("button", { name: "Yes" }).click();
    const banner = page.locator(".banner");
    await banner.getByText("prices rose").waitFor();
    await browser.expectAccessible(page);
    await banner.getByRole("button", { name: "Thaw" }).click();
    await banner.getByRole("button", { name: "Yes" }).click();
    await banner.waitFor({ state: "detached" });
  });

  test("lists its keys", async () => {
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("go to triggers").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
  });
});

describe("devices", () => {
  test("one that may only look has no button that acts", async () => {
    await run({ goal: "Fail at once", agent: "command:exit 1" });
    const { close, page } = await browser.signIn({ scope: "view" });
    await item(page, "Fail at once").waitFor();
    expect(await page.locator(".item button, .item textarea").count()).toBe(0);
    for (const path of ["/tasks", "/new", "/agents", "/settings", "/triggers"]) {
      await page.goto(deputy.url() + path);
      await page.locator("main h1, main .empty-title").first().waitFor();
      expect(await page.locator("main button.primary, main button.danger").count(), path).toBe(0);
    }
    await close();
  });

  test("one that is revoked is signed out where it stands, in all its tabs", async () => {
    const [mine, theirs] = [await browser.signIn({ path: "/settings" }), await browser.signIn()];
    const second = await theirs.tab("/tasks");
    await second.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await mine.page.reload();
    const card = mine.page.locator(".device").last();
    await card.getByRole("button", { name: "Revoke" }).click();
    await card.getByRole("button", { name: "Yes" }).click();
    await theirs.page.getByText("This browser is not signed in.").waitFor();
    await second.getByText("This browser is not signed in.").waitFor();
    await mine.page.getByRole("button", { name: "Show a code" }).click();
    await mine.page.getByRole("img", { name: "QR code for the device" }).waitFor();
    await browser.expectAccessible(mine.page);
    // With the code that is shown they come back, and the page that shows it knows.
    const code = (await mine.page.locator(".pair-digits").textContent()) ?? "";
    await theirs.page.getByLabel("Code").fill(code);
    await theirs.page.keyboard.press("Enter");
    await theirs.page.getByRole("heading", { name: "Inbox" }).waitFor();
    await mine.page.getByText("It is paired.").waitFor();
    await mine.close();
    await theirs.close();
  });

  test("the look for a used code ends with the view that shows it", async () => {
    const { close, page } = await browser.signIn({ path: "/settings" });
    await page.getByRole("heading", { name: "Pair another device" }).waitFor();
    let looks = 0;
    let answer = () => {};
    const asked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await page.route("**/v1/pairing", async (route) => {
      if (route.request().method() === "GET") {
        looks += 1;
        await asked;
      }
      await route.continue().catch(() => {}); // the page has broken it off
    });
    await page.clock.install();
    await page.getByRole("button", { name: "Show a code" }).click();
    await page.getByRole("img", { name: "QR code for the device" }).waitFor();
    await page.clock.fastForward(2_000);
    await expect.poll(() => looks).toBe(1);
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    await page.getByRole("heading", { name: "Machines", exact: true }).waitFor();
    answer();
    await page.clock.fastForward(10_000);
    await page.keyboard.press("g");
    await page.keyboard.press("i");
    await page.getByRole("heading", { name: "Inbox" }).waitFor();
    await page.clock.fastForward(10_000);
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    await page.getByRole("heading", { name: "Machines", exact: true }).waitFor();
    expect(looks).toBe(1);
    await close();
  });

  test("one that cannot get pushes is told why in one sentence, and has no switch for them", async () => {
    const { close, context, page } = await browser.signIn({ path: "/settings" });
    const card = page.locator(".push");
    await card.getByText(/^Web Push is not set up: set public_url to the https address/).waitFor();
    expect(await card.getByRole("button").count()).toBe(0);
    const devtools = await context.newCDPSession(page);
    const { targetInfo } = await devtools.send("Target.getTargetInfo");
    const { browserContextId } = targetInfo;
    await devtools.send("Browser.setPermission", {
      ...{ permission: { name: "notifications" }, setting: "denied", origin: deputy.url() },
      ...(browserContextId !== undefined && { browserContextId }),
    });
    await page.reload();
    await card.getByText(/^This browser refuses notifications of Deputy: allow them/).waitFor();
    expect(await card.getByRole("button").count()).toBe(0);
    await close();
  });

  test("a phone shows every view without scrolling sideways", async () => {
    const { close, page } = await browser.signIn({ phone: true });
    for (const path of ["/", "/tasks", "/new", "/triggers", "/agents", "/settings"]) {
      await page.goto(deputy.url() + path);
      await page.locator("main h1").first().waitFor();
      await page.getByRole("navigation", { name: "Views" }).waitFor();
      await browser.expectAccessible(page);
      expect(await page.evaluate("document.documentElement.scrollWidth"), path).toBe(390);
    }
    await close();
  });
});

test("a list of 200 items is drawn, and one in its middle is settled", async () => {
  const failed = await run({ goal: "One of many", agent: "command:exit 1" });
  await deputy.database?.query(
    `insert into tasks select (jsonb_populate_record(null::tasks,
       to_jsonb(t) || jsonb_build_object('id', 'task_copy' || lpad(n::text, 16, '0')))).*
     from tasks t, generate_series(1, 200) n where t.id = $1`,
    [failed.id],
  );
  const { close, page } = await browser.signIn();
  await page.locator(".item").nth(199).waitFor();
  await page.locator(".item").nth(150).getByRole("button", { name: "Retry" }).click();
  await page
    .getByRole("alert")
    .or(page.getByText(/^Done: retry/))
    .first()
    .waitFor();
  await deputy.database?.query("delete from tasks where id like 'task_copy%'");
  await close();
});

test("where a proxy holds the stream back, the page says that no news comes in", async () => {
  const { close, page } = await browser.signIn();
  await page.route("**/v1/stream*", () => {}); // it is never answered
  await page.clock.install();
  await page.reload();
  await page.getByText("connecting", { exact: true }).waitFor();
  await page.clock.fastForward(40_000);
  await page.getByText("not live", { exact: true }).waitFor();
  await page.getByText(/^No news comes in/).waitFor();
  await browser.expectAccessible(page);
  await page.unroute("**/v1/stream*");
  await page.clock.fastForward(60_000);
  await page.getByText("live", { exact: true }).waitFor();
  await close();
});

test("kill -9 in the middle: the page says that it is stale, comes back without a reload, and misses nothing", async () => {
  const { close, page, tab } = await browser.signIn();
  await page.getByText("live", { exact: true }).waitFor();
  await page.evaluate("window.sameDocument = true");
  const other = await tab("/agents");
  await other.getByRole("heading", { name: "Machines", exact: true }).waitFor();
  await other.keyboard.press("g");
  await other.keyboard.press("i");
  await other.getByRole("heading", { name: "Inbox" }).waitFor();
  const { port } = new URL(deputy.url());
  await deputy.kill();
  await page.getByText(/^stale since/).waitFor();
  // What is looked for meanwhile is not there, and comes by itself as soon as it can.
  await other.keyboard.press("g");
  await other.keyboard.press("a");
  await other
    .getByText(/^Deputy does not answer/)
    .first()
    .waitFor();
  await deputy.start({ DEPUTY_PORT: port });
  // Asked before the page is back.
  const id = await submit({ goal: "Ask after the crash", agent: ask("Still there?") });
  await untilAsked(id);
  await page.getByText("live", { exact: true }).waitFor();
  await item(page, "Ask after the crash").waitFor();
  expect(await page.evaluate("window.sameDocument")).toBe(true);
  await other.getByRole("heading", { name: "Machines", exact: true }).waitFor();
  await other.getByText(/^Deputy does not answer/).waitFor({ state: "detached" });
  await deputy.api("POST", `/v1/tasks/${id}/cancel`);
  await close();
});

test("nothing was asked of another origin, forbidden by the policy, or thrown", () =>
  browser.expectClean());

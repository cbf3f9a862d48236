import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { type PushService, startPushService } from "../support/push-service.ts";

/** A real browser and the real program: signed in by one command, and the page that it serves. */
let service: PushService;
const { deputy, scratch, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: { DEPUTY_PUBLIC_URL: "https://deputy.example" },
  start: false,
});
beforeAll(async () => {
  service = await startPushService();
  await writeFile(join(deputy.home, "config.yaml"), `web_push:\n  hosts: ["${service.host}"]\n`);
  await deputy.start();
});
afterAll(() => service?.close());
const chromium = "/usr/bin/chromium";

test("the program serves the page that was built with it", async () => {
  const page = await fetch(deputy.url(), { headers: { accept: "text/html" } });
  const document = await page.text();
  expect(page.headers.get("content-security-policy")).toContain("script-src 'self'");
  const [, script = ""] = /src="(\/assets\/[^"]+\.js)"/.exec(document) ?? [];
  const asset = await fetch(deputy.url() + script, {
    headers: { "accept-encoding": "br, gzip" },
  });
  expect([asset.status, asset.headers.get("cache-control")]).toEqual([
    200,
    "public, max-age=31536000, immutable",
  ]);
  expect(asset.headers.get("content-encoding")).toBe("br");
});

test.skipIf(!existsSync(chromium))(
  "deputy open signs the browser in, and no argument of a program shows how",
  async () => {
    const [bin, home] = [scratch.at("bin"), scratch.at("home")];
    await Promise.all([mkdir(bin), mkdir(home)]);
    const opener = join(bin, "xdg-open");
    const flags = `--headless --no-sandbox --disable-gpu --user-data-dir=${home}/profile`;
    await writeFile(
      opener,
      `#!/bin/sh\necho "$$ $*" > ${home}/opened\nstat -c %a "$1" >> ${home}/opened\nexec ${chromium} ${flags} --remote-debugging-port=0 "file://$1"\n`,
    );
    await chmod(opener, 0o755);
    onTestFinished(async () => {
      const said = await readFile(join(home, "opened"), "utf8");
      process.kill(Number.parseInt(said, 10));
    });
    const env = { PATH: `${bin}:${process.env.PATH}`, HOME: home, DISPLAY: ":99" };
    const opened = await deputy.cli(["open"], { env });
    expect(opened.stdout, opened.stderr).toBe("The page is open in your browser, signed in.\n");
    const said = (await readFile(join(home, "opened"), "utf8")).trim();
    expect(said).toMatch(new RegExp(`^\\d+ ${home}/deputy-open-[0-9a-f]{12}\\.html\\n600$`));
    expect((await readdir(home)).filter((name) => name.endsWith(".html"))).toEqual([]);
    expect((await deputy.cli(["devices", "ls"])).stdout).toMatch(/ {2}Chrome on Linux {2}act, /);
  },
);

test("a browser that subscribed gets a push, whose address is a page that retries", async () => {
  const { code } = JSON.parse((await deputy.cli(["pair", "--json"])).stdout);
  const own = {
    "content-type": "application/json",
    "x-deputy": "1",
    "sec-fetch-site": "same-origin",
  };
  const ask = async (method: string, path: string, body?: object, cookie = "") => {
    const sends = body === undefined ? {} : { body: JSON.stringify(body) };
    const headers = { ...own, ...(cookie ? { cookie } : {}) };
    const answer = await fetch(deputy.url() + path, { method, headers, ...sends });
    const said = (await answer.json()) as Json;
    return { status: answer.status, said, cookie: answer.headers.get("set-cookie") ?? "" };
  };
  const entered = await ask("POST", "/v1/session", { code, name: "Pixel" });
  const session = entered.cookie.split(";")[0] ?? "";
  const key = await ask("GET", "/v1/push/key", undefined, session);
  expect(Buffer.from(key.said.public_key, "base64url")).toHaveLength(65);
  const subscription = service.subscribe("pixel");
  const elsewhere = { ...subscription, endpoint: "https://169.254.169.254/latest" };
  const refused = await ask("POST", "/v1/push/subscriptions", elsewhere, session);
  expect([refused.status, refused.said.field]).toEqual([400, "endpoint"]);
  const done = await ask("POST", "/v1/push/subscriptions", subscription, session);
  expect(done.status, JSON.stringify(done.said)).toBe(200);
  expect((await deputy.cli(["devices", "ls"])).stdout).toContain("Pixel  act, gets pushes");
  // By a program there is no browser to send them to.
  expect((await deputy.api("POST", "/v1/push/subscriptions", subscription)).status).toBe(400);

  const id = await submit({ goal: "Break it", agent: "command:false" });
  const { headers, payload, subject } = await service.until(() => true);
  expect([subject, headers.urgency]).toEqual(["https://deputy.example", "high"]);
  const { navigate, ...shown } = payload.notification;
  expect(shown).toMatchObject({ title: "Failed: Break it", tag: id });
  expect(navigate).toMatch(/^https:\/\/deputy\.example\/q\/[\w-]{22}$/);
  const page = await fetch(deputy.url() + new URL(String(navigate)).pathname);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining("Break it")]);

  const tested = await deputy.api("POST", "/v1/notify/test");
  expect(tested.body.channels).toEqual([{ name: "web_push", problem: null }]);
  expect(service.pushed.at(-1)?.payload.notification.title).toBe("A test from Deputy");
  await ask("PATCH", `/v1/devices/${entered.said.device.id}`, { scope: "view" }, session);
  expect((await deputy.api("POST", "/v1/notify/test")).status).toBe(409);
});

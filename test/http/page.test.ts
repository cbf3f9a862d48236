import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { sendRaw, startTestServer } from "./helpers.ts";

/** What `npm run build` makes of the page, as far as the daemon looks. */
async function makePage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "deputy-page-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  await mkdir(join(folder, "assets"));
  const files: Record<string, string | Buffer> = {
    "index.html": "<!doctype html><title>Page</title>",
    "assets/main-1a2b.js": "console.log(1)",
    "assets/main-1a2b.js.gz": gzipSync("console.log(1)"),
    "sw.js": "addEventListener('push', () => {})",
    "manifest.webmanifest": "{}",
    "icon.svg": "<svg/>",
    ".secret.js": "no",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const asBrowser = { accept: "text/html,*/*;q=0.8" };
const paths = [
  ...["/", "/tasks", "/tasks?state=failed", "/tasks/task_1", "/tasks/task_1/diff"],
  ...["/new", "/triggers", "/agents", "/settings", "/pair"],
];

test("every address of the page is the one document, for everybody, and never kept", async () => {
  const { url } = await startTestServer({ page: await makePage() });
  for (const path of paths) {
    const page = await fetch(url + path, { headers: asBrowser });
    expect(await page.text(), path).toContain("<title>Page");
    expect(Object.fromEntries(page.headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "content-security-policy":
        "default-src 'self';script-src 'self';style-src 'self';img-src 'self' data:;connect-src 'self';object-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'self'",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    });
  }
  // For programs the first address says where to read on.
  expect(await (await fetch(url)).json()).toMatchObject({ name: "deputy" });
});

test("what has its content in its name is kept for ever and comes compressed, the rest is asked for", async () => {
  const { url } = await startTestServer({ page: await makePage() });
  const get = async (path: string) => {
    const { headers, status } = await fetch(url + path);
    const said = ["content-type", "cache-control", "content-encoding"].map((name) =>
      headers.get(name),
    );
    return [status, ...said];
  };
  const ever = "public, max-age=31536000, immutable";
  expect(await get("/assets/main-1a2b.js")).toEqual([
    ...[200, "application/javascript; charset=utf-8", ever, "gzip"],
  ]);
  expect(await get("/sw.js")).toEqual([
    200,
    "application/javascript; charset=utf-8",
    "no-cache",
    null,
  ]);
  expect(await get("/manifest.webmanifest")).toEqual([
    ...[200, "application/manifest+json", "no-cache", null],
  ]);
  expect((await get("/icon.svg"))[1]).toBe("image/svg+xml");
});

test("nothing else is the page: no other folder, no name of the API, no file with a dot", async () => {
  const { call, url } = await startTestServer({ page: await makePage() });
  const status = async (path: string) => (await fetch(url + path, { headers: asBrowser })).status;
  for (const path of [
    ...["/v2", "/v1", "/v1/nothing", "/hooks/x", "/q", "/q/x/y", "/tasks/a/b/c", "/x.html"],
    ...["/.secret.js", "/assets/", "/assets/none.js", "/assets/%2e%2e%2fsw.js", "/index.html"],
  ])
    expect([400, 401, 403, 404], path).toContain(await status(path));
  const raw = await sendRaw(
    url,
    "GET /assets/../sw.js HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
  );
  expect(raw).toContain("400 Bad Request");
  expect((await call("/v1/tasks")).headers.get("content-type")).toContain("application/json");
  expect((await call("/tasks", { method: "POST" })).status).toBe(404);
});

test("a link on another site is followed to the page, which no site puts into a frame", async () => {
  const { url } = await startTestServer({ page: await makePage() });
  const follow = async (path: string, dest: string, mode = "navigate") =>
    (
      await sendRaw(
        url,
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: ${mode}\r\nSec-Fetch-Dest: ${dest}\r\nAccept: text/html\r\nConnection: close\r\n\r\n`,
      )
    ).slice(9, 12);
  for (const path of ["/", "/tasks/task_1?tab=diff"])
    expect(await follow(path, "document")).toBe("200");
  expect(await follow("/tasks/task_1", "iframe")).toBe("403");
  expect(await follow("/v1/tasks", "document")).toBe("403");
  expect(await follow("/assets/main-1a2b.js", "script", "no-cors")).toBe("403");
});

test("where it was not built, one sentence says so", async () => {
  const { url } = await startTestServer({ page: "/nowhere/dist/web" });
  const first = await fetch(url, { headers: asBrowser });
  expect([first.status, await first.text()]).toEqual([
    200,
    expect.stringContaining("The page is not built here: npm run build"),
  ]);
  const task = await fetch(`${url}/tasks/task_1`, { headers: asBrowser });
  expect([task.status, await task.json()]).toMatchObject([
    404,
    { detail: expect.stringMatching(/^The page is not built here: npm run build/) },
  ]);
  expect((await fetch(`${url}/assets/x.js`)).status).toBe(404);
});

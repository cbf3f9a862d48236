import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";

/** A real browser and the real program: signed in by one command, and the page that it serves. */
const { deputy, scratch } = withDeputy();
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

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Page,
  type Request,
} from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import type { Deputy } from "./deputy.ts";

/**
 * A real browser at the daemon's page: the system's Chromium, one for a file. Each device is a context
 * of its own, as another person's browser would be, signed in by a code. What no page of ours may ever
 * do is noted all the time, and asked for by `expectClean`.
 */
export type Device = {
  page: Page;
  context: BrowserContext;
  /** Another tab of the same device. */
  tab(path: string): Promise<Page>;
  close(): Promise<void>;
};

export type DeviceOptions = {
  scope?: "view" | "act";
  /** 390 x 844, with touch. */
  phone?: boolean;
  /** Where it goes once it is signed in. */
  path?: string;
};

const require = createRequire(import.meta.url);
const axePath = require.resolve("axe-core/axe.min.js");

export function withBrowser(deputy: Deputy) {
  let browser: Browser | null = null;
  let axe = "";
  const faults: string[] = [];
  beforeAll(async () => {
    const executablePath = process.env.DEPUTY_CHROMIUM ?? "/usr/bin/chromium";
    const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
    browser = await chromium.launch({ executablePath, args });
    axe = await readFile(axePath, "utf8");
  });
  afterAll(() => browser?.close());

  const watch = (page: Page) => {
    page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
    page.on("console", (message) => {
      if (/content security policy/i.test(message.text())) faults.push(message.text());
    });
    page.on("request", (request: Request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && origin !== new URL(deputy.url()).origin)
        faults.push(`a request to ${origin}`);
    });
    return page;
  };

  /** A browser that nobody signed in. */
  const open = async ({ phone = false }: DeviceOptions = {}): Promise<Device> => {
    if (browser === null) throw new Error("no browser before the tests run");
    const context = await browser.newContext({
      viewport: phone ? { width: 390, height: 844 } : { width: 1280, height: 800 },
      ...(phone && { hasTouch: true, isMobile: true }),
    });
    context.setDefaultTimeout(30_000);
    const page = watch(await context.newPage());
    return {
      ...{ page, context, close: () => context.close() },
      tab: async (path) => {
        const other = watch(await context.newPage());
        await other.goto(deputy.url() + path);
        return other;
      },
    };
  };

  return {
    open,
    /** A browser that is signed in by a link, as `deputy open` and a QR code do it. */
    signIn: async (options: DeviceOptions = {}): Promise<Device> => {
      const { scope = "act", path = "/" } = options;
      const { body } = await deputy.api("POST", "/v1/pairing", { scope });
      const device = await open(options);
      await device.page.goto(deputy.url() + body.link);
      await device.page.getByRole("heading", { name: "Inbox" }).waitFor();
      if (path !== "/") await device.page.goto(deputy.url() + path);
      return device;
    },
    /** No error, no request to elsewhere, nothing that the page's policy forbids. */
    expectClean: () => expect(faults).toEqual([]),
    /** What axe finds wrong with what is shown now, in both themes. */
    expectAccessible: async (page: Page) => {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        await page.evaluate(axe);
        const found = (await page.evaluate(
          "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.map(({ target }) => target.join(' ')).join(', ')))",
        )) as string[];
        expect(found, `${page.url()}, ${colorScheme}`).toEqual([]);
      }
    },
  };
}

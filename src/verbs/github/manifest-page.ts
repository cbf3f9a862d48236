import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A page on loopback for one person, once: its button posts the manifest to GitHub, and GitHub leads
 * the browser back here with a code. Its address holds a word of chance, so that nobody else on this
 * machine can see the state that GitHub has to bring back.
 */
export type ManifestPage = {
  url: string;
  /** Ends when the App is made, and rejects with what kept it from being made. */
  done: Promise<void>;
  close(): void;
};

export async function openManifestPage(about: {
  /** Where the form goes, and what it posts. */
  target: (state: string) => string;
  manifest: (redirectUrl: string) => object;
  /** Makes the App, and returns where it is to be installed. */
  onCode: (code: string) => Promise<string>;
}): Promise<ManifestPage> {
  const [word, state] = [randomWord(), randomWord()];
  const target = about.target(state);
  let settle = { done: () => {}, failed: (_: unknown) => {} };
  const done = new Promise<void>((resolve, reject) => {
    settle = { done: resolve, failed: reject };
  });
  done.catch(() => {}); // whoever waits for it is told
  let isUsed = false;
  const server = createServer(async (request, response) => {
    const { host = "" } = request.headers;
    // Anybody on this machine may ask, for what is no address, too.
    const path = request.url ?? "/";
    const isAddress = URL.canParse(path, origin());
    // A page of elsewhere may have a name that leads to this machine.
    if (!isAddress || request.method !== "GET" || host !== new URL(origin()).host)
      return show(response, 404, "There is nothing here.");
    const { pathname, searchParams } = new URL(path, origin());
    if (isSame(pathname, `/${word}`))
      return show(response, 200, writeForm(target, about.manifest(`${origin()}/done`)), target);
    const code = searchParams.get("code") ?? "";
    if (pathname !== "/done" || !isSame(searchParams.get("state") ?? "", state) || isUsed)
      return show(response, 404, "There is nothing here.");
    if (!/^[\w-]{1,200}$/.test(code)) return show(response, 400, "GitHub sent no code.");
    isUsed = true;
    try {
      const next = escapeHtml(await about.onCode(code));
      show(
        response,
        200,
        `The App is made, and Deputy has its key. Now <a href="${next}">install it</a> where it is to work; the terminal says what comes after.`,
      );
      settle.done();
    } catch (error) {
      show(response, 502, "That did not work; the terminal says why.");
      settle.failed(error);
    }
  });
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo | null)?.port ?? 0}`;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `${origin()}/${word}`,
    done,
    close: () => {
      server.close();
      server.closeIdleConnections();
    },
  };
}

function randomWord(): string {
  return randomBytes(24).toString("base64url");
}

/** In a time that tells nothing about it but its length, which is known. */
function isSame(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

function writeForm(target: string, manifest: object): string {
  return `<form action="${escapeHtml(target)}" method="post"><input type="hidden" name="manifest" value="${escapeHtml(JSON.stringify(manifest))}"><p>GitHub will show what the App may do, and ask you to agree.</p><button>Make the GitHub App</button></form>`;
}

function show(response: ServerResponse, status: number, body: string, target?: string): void {
  const formAction = target === undefined ? "'none'" : new URL(target).origin;
  response
    .writeHead(status, {
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      // After GitHub's page the browser is led back here, which counts as part of the form.
      "content-security-policy": `default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action ${formAction}${target === undefined ? "" : " 'self'"}`,
      connection: "close",
    })
    .end(
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>Deputy</title><h1>Deputy</h1>${body}</html>\n`,
    );
}

function escapeHtml(text: string): string {
  const signs: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (sign) => signs[sign] ?? sign);
}

import { createPrivateKey, randomBytes } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { DeputyError } from "../core/base/error.ts";

/**
 * The GitHub App that Deputy acts as, in a file of its home that only its user may read: made by
 * `deputy github connect`, read once at start. A file that cannot be used takes the App away and says
 * why; nothing else stops.
 */
const appFile = z.strictObject({
  app_id: z.number().int().positive(),
  slug: z.string().regex(/^[a-z0-9-]{1,100}$/),
  /** Where its owner finds it. */
  html_url: z.url(),
  /** The API that it belongs to: an App is known to one GitHub. */
  api_url: z.url(),
  client_id: z.string(),
  client_secret: z.string(),
  /** Null: GitHub gave none, because nothing is delivered. */
  webhook_secret: z.string().nullable(),
  private_key: z.string().refine(isRsaKey, { error: "is not a private RSA key" }),
});

export type GithubAppFile = z.infer<typeof appFile>;

export type GithubAppSettings = {
  appId: number;
  slug: string;
  htmlUrl: string;
  apiUrl: string;
  privateKey: string;
  webhookSecret: string | null;
  clientSecret: string;
};

export function pathOfApp(home: string): string {
  return join(home, "github-app.json");
}

/** `app` null: there is none, or `problem` says in one sentence why it cannot be used. */
export function readGithubApp(
  home: string,
  apiUrl: string,
): { app: GithubAppSettings | null; problem: string | null } {
  const path = pathOfApp(home);
  const refuse = (why: string) => ({
    app: null,
    problem: `The GitHub App of ${path} cannot be used: ${why}.`,
  });
  try {
    const text = readOwnFile(path);
    if (text === null) return { app: null, problem: null };
    const { success, data, error } = appFile.safeParse(JSON.parse(text));
    if (!success) {
      const [issue] = error.issues;
      const field = issue?.path.join(".") || "the file";
      return refuse(
        `${field} ${issue?.code === "custom" ? issue.message : "is not as it was written"}; deputy github disconnect, and connect again`,
      );
    }
    if (plainUrl(data.api_url) !== plainUrl(apiUrl))
      return refuse(`it belongs to ${data.api_url}, and GITHUB_API_URL says ${apiUrl}`);
    return {
      app: {
        ...{ appId: data.app_id, slug: data.slug, htmlUrl: data.html_url, apiUrl: data.api_url },
        ...{ privateKey: data.private_key, webhookSecret: data.webhook_secret },
        clientSecret: data.client_secret,
      },
      problem: null,
    };
  } catch (error) {
    if (error instanceof DeputyError) return refuse(error.message);
    // The parser's message would quote the file, which holds secrets.
    const code = (error as NodeJS.ErrnoException).code;
    return refuse(code === undefined ? "it is no JSON" : `it cannot be read (${code})`);
  }
}

/** What is redacted by its value; a private key is known by its shape. */
export function secretsOfApp(app: GithubAppSettings | null): string[] {
  return app ? [app.clientSecret, app.webhookSecret ?? ""].filter(Boolean) : [];
}

/** Writes it whole or not at all, and never through a link. */
export async function writeGithubApp(home: string, app: GithubAppFile): Promise<void> {
  const path = pathOfApp(home);
  const beside = `${path}.${randomBytes(6).toString("hex")}`;
  const file = await open(beside, "wx", 0o600);
  try {
    await file.writeFile(`${JSON.stringify(app, null, 2)}\n`);
    await file.sync();
    await file.close();
    await rename(beside, path);
  } catch (error) {
    await file.close().catch(() => {}); // it was closed before the rename failed
    await rm(beside, { force: true });
    throw error;
  }
}

/** Null: there is no such file. Throws what others may read or write, and what is a link. */
function readOwnFile(path: string): string | null {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return null;
    if (code === "ELOOP") throw new DeputyError("invalid_input", "it is a link");
    throw error;
  }
  try {
    const at = fstatSync(file);
    const isOurs = process.getuid === undefined || at.uid === process.getuid();
    if (!at.isFile()) throw new DeputyError("invalid_input", "it is no file");
    if ((at.mode & 0o077) !== 0 || !isOurs)
      throw new DeputyError(
        "invalid_input",
        "others may read it; give it the daemon's user and mode 0600",
      );
    return readFileSync(file, "utf8");
  } finally {
    closeSync(file);
  }
}

function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === "rsa";
  } catch {
    return false; // the caller says so, without repeating any of it
  }
}

function plainUrl(url: string): string {
  return url.replace(/\/+$/, "").toLowerCase();
}

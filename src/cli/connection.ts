import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { z } from "zod";
import { CliError, type CliIo, exitCodes } from "./io.ts";

/**
 * The daemon's URL and token. A daemon writes its URL into `daemon.json` and its token into
 * `token`, both in its home and readable only by its user; DEPUTY_URL and DEPUTY_TOKEN win over
 * them. Read for every connection: a restarted daemon may listen elsewhere.
 */
type Connection = { url: string; token: string | null };

const daemonFile = z.object({ url: z.url() });

/** The daemon's folder: DEPUTY_HOME, or ~/.deputy. */
function findHome(env: CliIo["env"]): string {
  return resolve(env.DEPUTY_HOME || join(homedir(), ".deputy"));
}

/** Find the daemon. Throws a CliError with exit code 3 if there is none. */
export function findDaemon(env: CliIo["env"]): Connection {
  const home = findHome(env);
  const local = readUrl(home);
  if (!env.DEPUTY_URL) {
    if (local === null) {
      throw new CliError(
        exitCodes.noDaemon,
        `No daemon runs here (${join(home, "daemon.json")} does not exist); start one with: deputy up`,
      );
    }
    return { url: local, token: env.DEPUTY_TOKEN || readToken(home) };
  }
  const url = checkUrl(env.DEPUTY_URL);
  // The token file belongs to the daemon of this home: it is sent to no other machine.
  const isOurs = url === local || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostOf(url));
  return { url, token: env.DEPUTY_TOKEN || (isOurs ? readToken(home) : null) };
}

function checkUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new CliError(exitCodes.usage, `DEPUTY_URL is not an http or https URL: ${text}`);
  }
  return text.replace(/\/+$/, "");
}

function hostOf(url: string): string {
  return new URL(url).hostname;
}

function readUrl(home: string): string | null {
  const text = readIfThere(join(home, "daemon.json"));
  if (text === null) return null;
  try {
    return daemonFile.parse(JSON.parse(text)).url;
  } catch {
    throw new CliError(
      exitCodes.noDaemon,
      `${join(home, "daemon.json")} is damaged; start the daemon again with: deputy up`,
    );
  }
}

function readToken(home: string): string | null {
  return readIfThere(join(home, "token"))?.trim() || null;
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw new CliError(exitCodes.noDaemon, `${path} cannot be read (${code}).`);
  }
}

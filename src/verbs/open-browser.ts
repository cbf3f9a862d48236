import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { desktopEnvironment } from "../core/base/child-environment.ts";
import { findProgram } from "../sandbox/process/find-program.ts";
import { spawnDetached } from "../sandbox/process/spawn-detached.ts";

/**
 * Opens an address that is a secret in the person's browser. Arguments of a program can be read by every
 * user of the machine, so the system's opener gets the name of a file that only its owner reads, and
 * that leads on to the address. It is in the home, without a dot in front: browsers that are confined
 * (snap) read nothing hidden and no /tmp. Whoever called it removes it once the browser came.
 */
export async function openBrowser(
  address: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ remove(): Promise<void> } | null> {
  const opener = findOpener(env);
  if (opener === null) return null;
  const home = env.HOME || homedir();
  const file = join(home, `deputy-open-${randomBytes(6).toString("hex")}.html`);
  const remove = () => rm(file, { force: true });
  try {
    await writeFile(file, leadTo(address), { mode: 0o600, flag: "wx" });
    await spawnDetached([opener, file], { logPath: "/dev/null", env: desktopEnvironment(env) });
    return { remove };
  } catch {
    // A home that cannot be written, or an opener that does not start: the address is printed instead.
    await remove();
    return null;
  }
}

/** Null: there is no screen to open it on. */
function findOpener(env: NodeJS.ProcessEnv): string | null {
  if (process.platform === "darwin") return findProgram("open", env.PATH);
  const hasScreen = Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME);
  return hasScreen ? (findProgram("xdg-open", env.PATH) ?? findProgram("wslview", env.PATH)) : null;
}

/** A parsed URL has no quotes and no brackets. */
function leadTo(address: string): string {
  return `<!doctype html><meta charset="utf-8"><meta name="referrer" content="no-referrer"><title>Deputy</title>
<meta http-equiv="refresh" content="0; url=${new URL(address).href}"><p>Opening Deputy …</p>
`;
}

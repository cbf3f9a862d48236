import { lstat, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve, sep } from "node:path";
import { DeputyError } from "../../core/base/error.ts";

/**
 * Paths that no command may see, whatever is requested: the logins in the user's home and the
 * daemon's secrets. A folder that contains one, or lies in one, is refused as a whole and with a
 * message, because hiding parts of a mounted folder is easily forgotten.
 */
const secretsOfHome = [
  ".ssh",
  ".aws",
  ".gnupg",
  ".netrc",
  ".npmrc",
  ".pypirc",
  ".git-credentials",
  ".docker",
  ".kube",
  ".azure",
  ".config/gh",
  ".config/glab-cli",
  ".config/hub",
  ".config/git",
  ".config/gcloud",
  ".config/doctl",
  ".config/heroku",
  ".config/op",
  ".config/rclone",
  ".config/containers",
  ".password-store",
  ".local/share/keyrings",
  ".cargo/credentials.toml",
  ".cargo/credentials",
  ".m2/settings.xml",
  ".gradle/gradle.properties",
  ".bash_history",
];

export type Guard = {
  /** Returns the real path of what may be shown. Throws a DeputyError otherwise. */
  admit(path: string, kind: "writable" | "readable"): Promise<string>;
  /** Whether `admit` would refuse this path as secret. */
  isSecret(realPath: string): boolean;
  /** Whether this is a secret, or one is in it. */
  holdsSecret(realPath: string): boolean;
};

export async function makeGuard(
  secrets: readonly string[],
  home: string = homedir(),
): Promise<Guard> {
  const all = [...secretsOfHome.map((name) => join(home, name)), ...secrets];
  const known = new Set(all.map((path) => resolve(path)));
  for (const path of all) known.add(await realpath(path).catch(() => resolve(path))); // need not exist
  const isSecret = (path: string) => [...known].some((secret) => overlaps(path, secret));
  return {
    isSecret,
    holdsSecret: (path) => [...known].some((secret) => isWithin(secret, path)),
    admit: async (path, kind) => {
      const real = await realpath(path).catch(() => null);
      if (real === null) throw refuse(`The folder ${path} does not exist.`);
      // The path may lead over links, but its last part must be none: others may change it.
      if (kind === "writable" && !(await lstat(path)).isDirectory())
        throw refuse(`${path} is no folder, so a command cannot be given it to write in.`);
      if (isSecret(real) || isSecret(resolve(path)))
        throw refuse(
          `A command may not be given ${path}: it holds, or lies in, a secret of the daemon or of its user.`,
        );
      return real;
    },
  };
}

function refuse(sentence: string): DeputyError {
  return new DeputyError("invalid_input", sentence);
}

/** Whether one contains the other, or they are equal. */
function overlaps(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === sep || path.startsWith(folder + sep);
}

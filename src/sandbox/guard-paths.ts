import { lstat, realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve, sep } from "node:path";
import { DeputyError } from "../core/error.ts";

/**
 * What no command may ever see, whatever somebody asks to be shown: the logins of the user's home
 * and the daemon's own secrets. A folder that holds one of them, or lies in one, is refused, as a
 * whole and in words: to hide a part of what was bound is forgotten one day.
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
  /** The real path of a folder or file that may be shown. Throws a DeputyError otherwise. */
  admit(path: string, kind: "writable" | "readable"): Promise<string>;
  /** The same as an answer. */
  isSecret(realPath: string): boolean;
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
    admit: async (path, kind) => {
      const real = await realpath(path).catch(() => null);
      if (real === null) throw refuse(`The folder ${path} does not exist.`);
      // The place itself may be reached by links; it must not be one, for others may turn those.
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

/** Whether one of the two is the other, or holds it. */
function overlaps(a: string, b: string): boolean {
  return isWithin(a, b) || isWithin(b, a);
}

export function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === sep || path.startsWith(folder + sep);
}

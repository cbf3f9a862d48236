import { readdir, realpath, stat } from "node:fs/promises";
import { basename, delimiter, dirname, isAbsolute, join } from "node:path";
import { type Guard, isWithin } from "./guard-paths.ts";

/**
 * Tools outside the system's folders that a command must still find: the folders on PATH (nvm,
 * pyenv, cargo, a custom prefix), the targets of links in them, and the roots that some tools get
 * from a variable. They are discovered, so that unknown tools work too. A path that would show a
 * secret, the whole home or a repository is left out.
 */
export type Tools = {
  /** Folders and files to show, read-only, at their own paths. */
  paths: string[];
  /** Variables with the location of tools' files, because the home inside is different. */
  env: Record<string, string>;
};

/** A tool's default folder, and the variable that overrides it. */
const roots: readonly { folder: string; variable: string }[] = [
  { folder: ".rustup", variable: "RUSTUP_HOME" },
  { folder: ".pyenv", variable: "PYENV_ROOT" },
  { folder: ".nvm", variable: "NVM_DIR" },
  { folder: ".volta", variable: "VOLTA_HOME" },
  { folder: ".asdf", variable: "ASDF_DATA_DIR" },
  { folder: ".rbenv", variable: "RBENV_ROOT" },
  { folder: ".sdkman", variable: "SDKMAN_DIR" },
  { folder: ".local/share/mise", variable: "MISE_DATA_DIR" },
];
/** Folders directly in the home that contain only a tool. */
const wholeTools = new Set([".bun", ".deno", ".npm-global", ".dotnet", ".nix-profile", ".fnm"]);
const otherRoots = ["JAVA_HOME", "GOROOT", "VIRTUAL_ENV"];
const files = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/** The variables that the result depends on, for a cache key. */
export const toolVariables: readonly string[] = [
  ...["PATH", "HOME", ...otherRoots, ...files],
  ...roots.map(({ variable }) => variable),
];

export async function findTools(
  env: Readonly<Record<string, string>>,
  system: readonly string[],
  guard: Guard,
  /** What a person has named besides; it may lie in the home, but hold no secret. */
  named: readonly string[] = [],
): Promise<Tools> {
  const home = env.HOME ?? "/nonexistent";
  const found = new Set<string>();
  const own: Record<string, string> = {};
  const isShown = (path: string) => [...system, ...found].some((folder) => isWithin(path, folder));
  const show = async (path: string): Promise<boolean> => {
    const real = await realpath(path).catch(() => null);
    if (real === null || real === "/" || guard.isSecret(real) || isWithin(home, real)) return false;
    found.add(path);
    if (real !== path) found.add(real);
    return true;
  };
  for (const path of named) await show(path);
  /** A `bin` on PATH whose surroundings are secret: the programs in it are not. */
  const showAlone = async (folder: string) => {
    if (!isBin(folder) || isWithin(home, folder)) return;
    const real = await realpath(folder).catch(() => null); // does not exist
    if (real === null || !isBin(real) || isWithin(home, real) || guard.holdsSecret(real)) return;
    found.add(folder);
    found.add(real);
  };
  for (const { folder, variable } of roots) {
    const root = env[variable] ?? join(home, folder);
    if (isAbsolute(root) && (isShown(root) || (await show(root)))) own[variable] = root;
  }
  for (const name of [...otherRoots, ...files]) {
    const path = env[name];
    if (path !== undefined && isAbsolute(path) && !isShown(path)) await show(path);
  }
  const searched = (env.PATH ?? "").split(delimiter).filter((folder) => isAbsolute(folder));
  for (const folder of searched) {
    if (isShown(folder) || (await show(await packageOf(folder, home)))) continue;
    await showAlone(folder);
  }
  for (const folder of searched) {
    for (const target of await linksOutOf(folder)) {
      if (isShown(target)) continue;
      const place = dirname(target);
      await show(basename(place) === "bin" ? await packageOf(place, home) : target);
    }
  }
  return { paths: [...found], env: own };
}

function isBin(folder: string): boolean {
  return /^(?:s?bin|shims|\.bin)$/.test(basename(folder));
}

/** The parent of a `bin` if it contains only a tool; otherwise the `bin`. */
async function packageOf(folder: string, home: string): Promise<string> {
  const whole = dirname(folder);
  if (!isBin(folder) || dirname(whole) === "/") return folder;
  if (isWithin(home, whole)) return folder;
  if (dirname(whole) === home && !wholeTools.has(basename(whole))) return folder;
  const isRepository = await stat(join(whole, ".git")).then(
    () => true,
    () => false,
  );
  return isRepository ? folder : whole;
}

async function linksOutOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []); // does not exist
  const links = entries.filter((entry) => entry.isSymbolicLink());
  const targets = await Promise.all(
    links.map(({ name }) => realpath(join(folder, name)).catch(() => null)), // dangling
  );
  return targets.filter((target) => target !== null && dirname(target) !== folder) as string[];
}

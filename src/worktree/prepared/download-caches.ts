import { readdir } from "node:fs/promises";
import { withFolder } from "../../sandbox/files/open-folder.ts";

/**
 * Which of the downloads in a home another setup may start with: only caches whose every use is checked
 * against a digest in a lock file, as was tried with npm and Yarn: the script of a package may have
 * written in any of them, and the next lock may be the one that removes it. Cargo takes what it finds in
 * its own, whatever the lock says; others were not tried.
 */
const caches: readonly (readonly [path: string, lock: RegExp])[] = [
  [".npm/_cacache", /^(?:package-lock|npm-shrinkwrap)\.json$/],
  [".yarn/berry/cache", /^yarn\.lock$/],
];

/** The caches that the setup of a commit with these files may start with, as paths in its home. */
export function listCaches(files: readonly string[]): string[] {
  return caches.flatMap(([path, lock]) => (files.some((file) => lock.test(file)) ? [path] : []));
}

/** What an installer keeps of its downloads for the next installation, and nothing else ever reads. */
const spent = [".npm/_cacache", ".cache/pip"];
/** What pnpm links into a tree lies beside these, where it keeps any such thing in its store. */
const pnpmStore = { path: ".local/share/pnpm/store", names: ["files", "index"] };

/**
 * The paths of such downloads in a home, some of which may not be there. Others stay with it: Cargo
 * builds from its registry, Yarn runs programs from its cache, test runners start their browsers.
 */
export async function listSpent(home: string): Promise<string[]> {
  const versions = await withFolder(home, pnpmStore.path, ({ path }) => readdir(path)).catch(
    () => [], // there is none, or a link
  );
  const inStore = versions.flatMap((version) =>
    pnpmStore.names.map((name) => `${pnpmStore.path}/${version}/${name}`),
  );
  return [...spent, ...inStore];
}

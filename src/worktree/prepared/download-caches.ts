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

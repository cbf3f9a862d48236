import picomatch from "picomatch";

/** Returns a matcher for globs as people write them: a folder's name covers its contents. */
export function matchPaths(globs: readonly string[]): (path: string) => boolean {
  const all = globs.flatMap((glob) => {
    const plain = glob.replace(/^\.?\//, "").replace(/\/+$/, "");
    return [plain, `${plain}/**`];
  });
  return all.length === 0 ? () => false : picomatch(all, { dot: true });
}

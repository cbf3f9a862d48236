import picomatch from "picomatch";

/** Globs as people write them: a folder's name covers what is in it. */
export function matchPaths(globs: readonly string[]): (path: string) => boolean {
  const all = globs.flatMap((glob) => {
    const plain = glob.replace(/^\.?\//, "").replace(/\/+$/, "");
    return [plain, `${plain}/**`];
  });
  return all.length === 0 ? () => false : picomatch(all, { dot: true });
}

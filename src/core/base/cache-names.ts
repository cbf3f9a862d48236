/**
 * Folders that setup, a build or a test run makes again, by their names. Other ignored files may be
 * somebody's only copy: a dump, a key, notes.
 */
const cacheNames: ReadonlySet<string> = new Set([
  ...["node_modules", "bower_components", ".yarn", ".pnpm-store", ".npm"],
  ...[".venv", "venv", "__pycache__", ".tox", ".nox", ".eggs"],
  ...[".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis"],
  ...["target", "dist", "build", "_build", ".build", "DerivedData", "Pods"],
  ...[".cache", ".parcel-cache", ".turbo", ".next", ".nuxt", ".svelte-kit", ".angular"],
  ...[".gradle", ".dart_tool", "coverage", ".nyc_output"],
]);

/** Whether one of the names of a path is a cache's; `vendor/bundle` is that of Ruby. */
export function isCachePath(path: string): boolean {
  return (
    path.split("/").some((name) => cacheNames.has(name)) || /(^|\/)vendor\/bundle\//.test(path)
  );
}

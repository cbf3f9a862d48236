/** Whether a file is made by a program, by its name: people seldom read its lines. */
export function isGenerated(path: string): boolean {
  const name = path.split("/").at(-1) ?? path;
  return (
    lockFiles.has(name) ||
    /\.(min\.(js|css)|map|lock|lockb|snap|pb\.go|pb\.cc|pb\.h|g\.dart)$|_pb2(_grpc)?\.pyi?$|\.(generated|gen)\.\w+$/.test(
      name,
    ) ||
    /(^|\/)(__generated__|generated|node_modules|vendor|dist)\//.test(path)
  );
}

const lockFiles: ReadonlySet<string> = new Set([
  ...["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "go.sum", "packages.lock.json"],
  ...["Package.resolved", "gradle.lockfile", ".terraform.lock.hcl", "MODULE.bazel.lock"],
]);

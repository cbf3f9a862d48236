import { posix } from "node:path";

/**
 * Finds the programs and entry points that a repository ships, by its manifests. They are the
 * subject of the work, even where a check starts them. Pure except for `read`, and only of the
 * base, so that a change cannot declare its judges a product.
 */
export async function findShipped(
  files: readonly string[],
  read: (path: string) => Promise<string | null>,
): Promise<ReadonlySet<string>> {
  const known = new Set(files);
  const shipped = new Set<string>();
  const add = (folder: string, path: string) => {
    const full = posix.normalize(posix.join(folder, path));
    const endings = [
      "",
      ".js",
      ".mjs",
      ".cjs",
      ".ts",
      ".py",
      "/index.js",
      "/index.ts",
      "/__init__.py",
      "/__main__.py",
    ];
    for (const ending of endings) if (known.has(full + ending)) shipped.add(full + ending);
  };
  const manifests = files
    .filter((path) => manifestName.test(path) && !path.includes("node_modules/"))
    .sort((a, b) => a.length - b.length)
    .slice(0, 60);
  for (const path of manifests) {
    const folder = posix.dirname(path);
    const text = (await read(path)) ?? "";
    const named = path.endsWith(".json") ? namesInJson(text) : namesInText(text);
    for (const name of named) {
      if (name.endsWith("/")) {
        for (const file of files) if (file.startsWith(posix.join(folder, name))) shipped.add(file);
      } else add(folder, name);
    }
  }
  for (const path of files) if (programPlace.test(path)) shipped.add(path);
  return shipped;
}

const manifestName =
  /(^|\/)(package\.json|composer\.json|pyproject\.toml|setup\.(py|cfg)|Cargo\.toml|[\w-]+\.gemspec|Makefile\.PL|pubspec\.yaml)$/;
const programPlace =
  /(^|\/)(cmd\/.+|main\.(go|rs|c|cc|cpp)|src\/bin\/.+\.rs|__main__\.py|exe\/[^/]+)$/;
const maxText = 200_000;

function namesInJson(text: string): string[] {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch {
    return [];
  }
  if (typeof value !== "object" || value === null) return [];
  const manifest = value as Record<string, unknown>;
  const folder = (manifest.directories as { bin?: unknown } | undefined)?.bin;
  return [
    ...["bin", "main", "module", "browser", "exports", "types"].flatMap((key) =>
      Object.hasOwn(manifest, key) ? stringsIn(manifest[key], 0) : [],
    ),
    ...(typeof folder === "string" ? [`${folder.replace(/\/+$/, "")}/`] : []),
  ].filter((name) => !name.includes("*") && !name.startsWith(".."));
}

function stringsIn(value: unknown, depth: number): string[] {
  if (typeof value === "string") return [value];
  if (typeof value !== "object" || value === null || depth > 8) return [];
  return Object.values(value).flatMap((each) => stringsIn(each, depth + 1));
}

/** Entry points (`shelf = "shelf.cli:main"`) and quoted paths of programs. */
function namesInText(text: string): string[] {
  const names: string[] = [];
  for (const line of text.slice(0, maxText).split("\n")) {
    const entry = /=\s*["']?([A-Za-z_][\w.]{0,200}):[A-Za-z_]\w{0,100}/.exec(
      line.slice(0, 500),
    )?.[1];
    if (entry) {
      const path = entry.replaceAll(".", "/");
      names.push(path, `src/${path}`, `lib/${path}`);
    }
    for (const quoted of line.slice(0, 500).match(/["'][\w./-]{2,200}["']/g) ?? []) {
      const path = quoted.slice(1, -1);
      if (/^(bin|exe|scripts?)\/|\/main\.\w+$|^src\/bin\//.test(path)) names.push(path);
    }
  }
  return names;
}

import { rm } from "node:fs/promises";
import { nameTempFile } from "../../sandbox/files/temp.ts";
import { fetchFilesAt } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { isFullId } from "../mirror/read-cache.ts";
import { listFilesAt, readFileAt } from "../read/read-commit.ts";

/**
 * Files of a commit that its own `.gitattributes` put under a filter (`filter=lfs`,
 * `filter=git-crypt`): their blobs differ from what a checkout holds. Only the filter's name
 * counts; its command in somebody's configuration is not read.
 */
const sizeOfFilters = (filters: ReadonlyMap<string, string>) =>
  [...filters].reduce((sum, [path, name]) => sum + path.length + name.length + 32, 0);

/** The name of the filter, by path. */
export function findFilters(mirror: Mirror, commit: string): Promise<ReadonlyMap<string, string>> {
  const read = () => readFilters(mirror, commit);
  if (!isFullId(commit)) return read();
  return mirror.reads.read("filters", `${mirror.gitDir}\n${commit}`, sizeOfFilters, read);
}

async function readFilters(mirror: Mirror, commit: string): Promise<ReadonlyMap<string, string>> {
  const files = await listFilesAt(mirror, commit);
  const rules = files.filter((path) => path === rulesName || path.endsWith(`/${rulesName}`));
  await fetchFilesAt(mirror, commit, (path) => /(^|\/)\.gitattributes$/.test(path));
  const texts = await Promise.all(rules.map((path) => readFileAt(mirror, commit, path)));
  if (!texts.some((text) => text?.includes("filter"))) return new Map();
  const index = nameTempFile("attributes");
  try {
    const git = openMirror(mirror, { index });
    await git.run(["read-tree", "--end-of-options", commit]);
    const input = files.map((path) => `${path}\0`).join("");
    const told = await git.run(["check-attr", "--cached", "-z", "--stdin", "filter"], { input });
    const fields = told.split("\0");
    const filters = new Map<string, string>();
    for (let at = 0; at + 2 < fields.length; at += 3) {
      const [path = "", , name = ""] = fields.slice(at, at + 3);
      if (!["unspecified", "unset", "set"].includes(name)) filters.set(path, name);
    }
    return filters;
  } finally {
    await rm(index, { force: true });
  }
}

const rulesName = ".gitattributes";

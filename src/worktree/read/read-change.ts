import { GitFailure } from "../git/git-failure.ts";
import { fetchChange } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";
import { readSizes } from "./diff-trees.ts";

/**
 * A change with the texts of both sides, read by few git commands however many files it has. A
 * moved file is one file here, by git's similarity detection.
 */
export type ChangedFile = {
  path: string;
  /** Its previous path; null: it is new, or was at the same path. */
  from: string | null;
  status: "added" | "modified" | "deleted" | "renamed";
  before: FileSide | null;
  now: FileSide | null;
};

export type FileSide = {
  mode: string;
  /** Git's id of the content. */
  id: string;
  /** Null when it is binary, a link, a submodule, or too large to be read. */
  text: string | null;
};

const maxFileBytes = 1024 * 1024;
/** Package lists get this long in repositories with many packages. */
const maxLargeBytes = 16 * 1024 * 1024;
const maxReadBytes = 64 * 1024 * 1024;

/** The files that differ between two commits, by path. `isLarge`: read up to a higher limit. */
export async function readChange(
  mirror: Mirror,
  from: string,
  to: string,
  isLarge: (path: string) => boolean = () => false,
): Promise<ChangedFile[]> {
  await fetchChange(mirror, from, to);
  const entries = await listEntries(mirror, from, to);
  const idsOf = (some: readonly Entry[]) =>
    some.flatMap(({ before, now }) =>
      [before, now].filter((side) => side?.mode.startsWith("100")).map((side) => side?.id ?? ""),
    );
  const texts = await readTexts(mirror, [...new Set(idsOf(entries))]);
  const missing = idsOf(entries.filter(({ path }) => isLarge(path))).filter((id) => !texts.has(id));
  for (const [id, text] of await readTexts(mirror, [...new Set(missing)], maxLargeBytes))
    texts.set(id, text);
  const fill = (side: Side | null): FileSide | null =>
    side && { ...side, text: side.mode.startsWith("100") ? (texts.get(side.id) ?? null) : null };
  return entries.map((entry) => ({ ...entry, before: fill(entry.before), now: fill(entry.now) }));
}

type Side = { mode: string; id: string };
type Entry = Omit<ChangedFile, "before" | "now"> & { before: Side | null; now: Side | null };

async function listEntries(mirror: Mirror, from: string, to: string): Promise<Entry[]> {
  const args = ["diff-tree", "-r", "-z", "-M50%", "-l2000", "--raw", "--no-abbrev"];
  const whole = [...args, "--no-ext-diff", "--no-textconv", "--end-of-options", from, to];
  const fields = (await openMirror(mirror).run(whole)).split("\0");
  const entries: Entry[] = [];
  for (let at = 0; at + 1 < fields.length; ) {
    const [oldMode = "", mode = "", oldId = "", id = "", letter = ""] = (fields[at] ?? "")
      .replace(/^:/, "")
      .split(" ");
    const isMoved = letter.startsWith("R") || letter.startsWith("C");
    const first = fields[at + 1] ?? "";
    const path = isMoved ? (fields[at + 2] ?? "") : first;
    at += isMoved ? 3 : 2;
    entries.push({
      path,
      from: isMoved ? first : null,
      status: isMoved ? "renamed" : (statuses[letter[0] ?? ""] ?? "modified"),
      before: letter === "A" ? null : { mode: oldMode, id: oldId },
      now: letter === "D" ? null : { mode, id },
    });
  }
  return entries;
}

const statuses: Record<string, ChangedFile["status"]> = { A: "added", D: "deleted" };

/** Texts by id, of blobs that are text and within the size limits. */
export async function readTexts(
  mirror: Mirror,
  ids: readonly string[],
  maxBytes = maxFileBytes,
): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  let total = 0;
  const wanted: string[] = [];
  for (const [id, size] of await readSizes(mirror, ids)) {
    if (size > maxBytes || total + size > maxReadBytes) continue;
    total += size;
    wanted.push(id);
  }
  if (wanted.length === 0) return texts;
  const args = ["cat-file", "--batch"];
  const input = wanted.map((id) => `${id}\n`).join("");
  const { exitCode, stdout, stderr } = await openMirror(mirror).ask(args, { input });
  if (exitCode !== 0) throw new GitFailure(args, exitCode, stderr);
  for (let at = 0; at < stdout.length; ) {
    const end = stdout.indexOf(10, at);
    if (end < 0) break;
    const [id = "", kind, size] = stdout.toString("latin1", at, end).split(" ");
    if (kind === "missing") {
      at = end + 1;
      continue;
    }
    const content = stdout.subarray(end + 1, end + 1 + Number(size));
    at = end + 1 + Number(size) + 1;
    const text = content.toString("utf8");
    if (!content.includes(0) && Buffer.from(text, "utf8").equals(content)) texts.set(id, text);
  }
  return texts;
}

import { type Mirror, openMirror } from "../mirror/open-mirror.ts";

/** The history of a mirror as lists: what leads to a commit, and how far trees are from another. */
export type ListedCommit = { commit: string; tree: string; at: Date; subject: string };

/** The commits that lead to `tips` and to none of `without`, parents first. */
export async function listCommits(
  mirror: Mirror,
  tips: readonly string[],
  without: readonly string[],
): Promise<ListedCommit[]> {
  if (tips.length === 0) return []; // git would take HEAD
  const args = ["log", "--stdin", "--ignore-missing", "--topo-order", "--reverse"];
  const input = [...tips, ...without.map((commit) => `^${commit}`)].map((line) => `${line}\n`);
  const text = await openMirror(mirror).run([...args, "--format=%H %T %ct %s"], {
    input: input.join(""),
  });
  return text.split("\n").flatMap((line) => {
    const [, commit, tree, seconds, subject] =
      /^([0-9a-f]+) ([0-9a-f]+) (\d+) (.*)$/.exec(line) ?? [];
    if (!commit || !tree || subject === undefined) return [];
    return [{ commit, tree, at: new Date(Number(seconds) * 1_000), subject }];
  });
}

/** The first lines of the last commits that lead to this one and are no merges, newest first. */
export async function listSubjects(mirror: Mirror, commit: string, max: number): Promise<string[]> {
  const args = ["log", "--no-merges", `--max-count=${max}`, "--format=%s", commit];
  return (await openMirror(mirror).run(args)).split("\n").filter(Boolean);
}

/** The message of the last commit that is no merge. */
export function readMessage(mirror: Mirror, commit: string): Promise<string> {
  return openMirror(mirror).run(["log", "--no-merges", "--max-count=1", "--format=%B", commit]);
}

/** How many files of each of these trees differ from those of the tree `from`; one git for all. */
export async function countChanges(
  mirror: Mirror,
  from: string,
  trees: readonly string[],
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  if (trees.length === 0) return counts;
  const input = [...new Set(trees)].map((tree) => `${from} ${tree}\n`).join("");
  const args = ["diff-tree", "--stdin", "-r", "--raw", "--no-renames"];
  let tree = "";
  for (const line of (await openMirror(mirror).run(args, { input })).split("\n")) {
    if (line.startsWith(":")) counts.set(tree, (counts.get(tree) ?? 0) + 1);
    else tree = line.split(" ")[1] ?? "";
  }
  return counts;
}

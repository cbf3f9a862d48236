import { type Hunk, parseHunks } from "../../core/page/map-lines.ts";
import { fetchChange } from "../mirror/fetch-missing.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";

/**
 * What became of a file's lines between two trees; null where that cannot be said: one of the trees is
 * not there any more, or the file is not, or it is none of lines.
 */
export async function readHunks(
  mirror: Mirror,
  from: string,
  to: string,
  path: string,
): Promise<Hunk[] | null> {
  if (from === to) return [];
  const git = openMirror(mirror);
  const sides = await git.ask(["cat-file", "-e", `${from}^{tree}`]);
  if (sides.exitCode !== 0) return null;
  await fetchChange(mirror, from, to);
  const listed = await git.run(["ls-tree", "-z", "--full-tree", from, "--", path]);
  const there = await git.run(["ls-tree", "-z", "--full-tree", to, "--", path]);
  if (!/^100\d{3} blob /.test(listed) || !/^100\d{3} blob /.test(there)) return null;
  const how = ["-r", "-p", "-U0", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"];
  const bounded = ["-c", "core.bigFileThreshold=2m", "diff-tree", ...how];
  const patch = await git.run([...bounded, "--end-of-options", from, to, "--", path]);
  return /^Binary files /m.test(patch) ? null : parseHunks(patch);
}

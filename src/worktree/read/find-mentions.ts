import { GitFailure } from "../git/git-failure.ts";
import { type Mirror, openMirror } from "../mirror/open-mirror.ts";

/** Finds the text files of a commit that mention a word, without checking anything out. */

const maxWords = 200;
const maxOutput = 8 * 1024 * 1024;

/** For each word the paths of the files that contain it, whole words only. */
export async function findMentions(
  mirror: Mirror,
  commit: string,
  words: readonly string[],
): Promise<Map<string, string[]>> {
  const asked = [...new Set(words)].filter((word) => word !== "" && !/[\0\n\r]/.test(word));
  const found = new Map<string, Set<string>>();
  if (asked.length === 0) return new Map();
  const patterns = asked.slice(0, maxWords).flatMap((word) => ["-e", word]);
  const args = ["grep", "-I", "-F", "-w", "-o", "-z", "--full-name", "--no-color", ...patterns];
  const { exitCode, stdout, stderr } = await openMirror(mirror).ask([...args, commit, "--"]);
  if (exitCode > 1) throw new GitFailure(args, exitCode, stderr);
  for (const line of stdout.toString("utf8", 0, maxOutput).split("\n")) {
    const [place = "", word = ""] = line.split("\0");
    const path = place.slice(place.indexOf(":") + 1);
    if (word === "") continue;
    const paths = found.get(word) ?? new Set<string>();
    found.set(word, paths.add(path));
  }
  return new Map([...found].map(([word, paths]) => [word, [...paths]]));
}

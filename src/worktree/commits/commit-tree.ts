import { type Mirror, openMirror } from "../mirror/open-mirror.ts";

/** Creates a commit of ours from a tree. No ref moves: pin it, or it is unreachable. */
export async function commitTree(
  mirror: Mirror,
  tree: string,
  parents: readonly string[],
  message: string,
): Promise<string> {
  const args = ["commit-tree", ...parents.flatMap((parent) => ["-p", parent]), "-F", "-", tree];
  return (
    await openMirror(mirror).run(args, { input: message.endsWith("\n") ? message : `${message}\n` })
  ).trim();
}

import { cleanText } from "../../core/text/clean-text.ts";
import { openFile, readStart } from "../../sandbox/files/open-folder.ts";
import { containPath } from "./tools/contain-path.ts";
import { ToolProblem } from "./tools/tool.ts";

/**
 * Returns the first `maxBytes` of a text file of the worktree; null if it does not exist, is not a
 * file, or leads outside. `cut`: the file is longer.
 */
export async function readHead(
  worktree: string,
  path: string,
  maxBytes: number,
): Promise<{ text: string; cut: boolean } | null> {
  try {
    const spot = await containPath(worktree, path);
    const file = await openFile(spot.root, spot.path);
    try {
      if (!(await file.stat()).isFile()) return null;
      const head = await readStart(file, maxBytes + 1);
      const text = head.subarray(0, maxBytes).toString("utf8");
      return { text: cleanText(text).trim(), cut: head.length > maxBytes };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ToolProblem) return null;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "EACCES")
      return null;
    throw error;
  }
}

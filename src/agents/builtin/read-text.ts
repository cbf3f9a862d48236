import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { cleanText } from "../clean-text.ts";
import { containPath } from "./tools/contain-path.ts";
import { ToolProblem } from "./tools/tool.ts";

/**
 * The first `maxBytes` of a text file of the worktree, or null: when there is none, when it is no
 * file, and when it leads outside. `cut` says that there was more.
 */
export async function readHead(
  worktree: string,
  path: string,
  maxBytes: number,
): Promise<{ text: string; cut: boolean } | null> {
  try {
    const real = await containPath(worktree, path);
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(real, flags);
    try {
      if (!(await file.stat()).isFile()) return null;
      const buffer = Buffer.alloc(maxBytes + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      const text = buffer.subarray(0, Math.min(bytesRead, maxBytes)).toString("utf8");
      return { text: cleanText(text).trim(), cut: bytesRead > maxBytes };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ToolProblem) return null;
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ELOOP" || code === "EACCES") return null;
    throw error;
  }
}

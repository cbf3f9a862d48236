import { constants } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { containPath } from "./tools/contain-path.ts";
import { ToolProblem } from "./tools/tool.ts";

/** The package's prompts folder; the same distance from `src/agents/builtin` and `dist/agents/builtin`. */
const promptsFolder = new URL("../../../prompts/", import.meta.url);
const maxConventionsBytes = 32 * 1024;

/**
 * The system prompt: ours for this mode, then the repository's own conventions. A reader gets none:
 * the commit it reads may be a stranger's, and so may every rule in it.
 */
export async function writeSystemPrompt(
  mode: "write" | "read_only",
  worktree: string,
): Promise<string> {
  const file = mode === "write" ? "coder.md" : "reader.md";
  const prompt = (await readFile(new URL(file, promptsFolder), "utf8")).trim();
  const conventions = mode === "write" ? await readConventions(worktree) : null;
  if (conventions === null) return prompt;
  return `${prompt}\n\n# Conventions of this repository (its AGENTS.md)\n\n${conventions}`;
}

/** AGENTS.md of the worktree's root, or null. A link that leads outside counts as none. */
async function readConventions(worktree: string): Promise<string | null> {
  try {
    const path = await containPath(worktree, "AGENTS.md");
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const file = await open(path, flags);
    try {
      if (!(await file.stat()).isFile()) return null;
      const buffer = Buffer.alloc(maxConventionsBytes + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      const text = buffer.subarray(0, Math.min(bytesRead, maxConventionsBytes)).toString("utf8");
      return bytesRead > maxConventionsBytes ? `${text}\n[cut after 32 KiB]` : text.trim() || null;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof ToolProblem) return null;
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

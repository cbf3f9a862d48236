import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { containPath, writeTextFile } from "./contain-path.ts";
import { defineTool, type Tool, ToolProblem } from "./tool.ts";

/** Writes a whole file: a new one, or in place of an old one. */
export function makeWriteTool(worktree: string): Tool {
  return defineTool({
    name: "write",
    description:
      "Write a whole text file: create it, folders included, or replace it. To change a part of a file use edit.",
    input: z.strictObject({
      path: z.string().min(1).describe("relative to the root of the worktree"),
      content: z.string(),
    }),
    about: ({ path }) => path,
    async run({ path, content }) {
      const real = await containPath(worktree, path);
      const there = await stat(real).catch(() => null); // missing is the usual case
      if (there?.isDirectory()) throw new ToolProblem(`"${path}" is a folder`);
      if (there && !there.isFile()) throw new ToolProblem(`"${path}" is no regular file`);
      await mkdir(dirname(real), { recursive: true });
      await writeTextFile(real, content);
      const lines = content.split("\n").length - (content.endsWith("\n") ? 1 : 0);
      return { ok: true, text: `${there ? "Replaced" : "Created"} ${path} (${lines} lines).` };
    },
  });
}

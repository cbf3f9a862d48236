import { z } from "zod";
import { cutMiddle } from "../../../core/text/clean-text.ts";
import { findProgram } from "../../../sandbox/process/find-program.ts";
import { containPath } from "./contain-path.ts";
import type { Place } from "./place.ts";
import { type FoundLines, searchFiles } from "./search-files.ts";
import { defineTool, type Tool, type ToolAnswer, ToolProblem } from "./tool.ts";

const maxMatches = 100;

/** Finds lines by a regular expression, with ripgrep if it is installed, else by `searchFiles`. */
export function makeSearchTool(surroundings: Place): Tool {
  const ripgrep = findProgram("rg", surroundings.env.PATH ?? "");
  return defineTool({
    name: "search",
    effect: "reads",
    description: `Find lines by a regular expression (${ripgrep ? "ripgrep's; what git ignores is left out" : "JavaScript's; node_modules is left out"}; case counts), as path:line:text, at most ${maxMatches}.`,
    input: z.strictObject({
      pattern: z.string().min(1).max(1_000),
      path: z.string().min(1).optional(),
      glob: z.string().min(1).max(200).optional(),
    }),
    about: ({ pattern, path }) => (path ? `${pattern} in ${path}` : pattern),
    async run({ pattern, path = ".", glob }) {
      const spot = await containPath(surroundings.worktree, path);
      const where = spot.path || ".";
      const { lines, tooLarge } = ripgrep
        ? await runRipgrep(ripgrep, surroundings, { pattern, where, glob })
        : await searchFiles(spot.root, {
            pattern,
            where,
            glob,
            maxMatches,
            signal: surroundings.signal,
          });
      return showMatches(lines, tooLarge);
    },
  });
}

export type SearchRequest = { pattern: string; where: string; glob: string | undefined };

async function runRipgrep(
  program: string,
  { worktree, env, signal, runCommand }: Place,
  { pattern, where, glob }: SearchRequest,
): Promise<FoundLines> {
  const result = await runCommand({
    argv: [
      program,
      "--no-config",
      "--line-number",
      "--no-heading",
      "--with-filename",
      "--color=never",
      "--hidden",
      "--glob=!.git",
      "--sort=path",
      "--max-columns=300",
      "--max-columns-preview",
      `--max-count=${maxMatches + 1}`,
      ...(glob === undefined ? [] : [`--glob=${glob}`]),
      `--regexp=${pattern}`,
      "--",
      where,
    ],
    cwd: worktree,
    env,
    timeoutMs: 30_000,
    signal,
    keepBytes: 256 * 1024,
  });
  if (result.endedBy !== "exit") throw new ToolProblem("the search took too long; narrow it down");
  // 1: nothing found. 2: the pattern or the path is invalid.
  if (result.exitCode !== 0 && result.exitCode !== 1 && result.stdout === "") {
    throw new ToolProblem(`the search failed: ${result.output.trim().slice(0, 500)}`);
  }
  const lines = result.stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => line.replace(/^\.\//, ""));
  return { lines, tooLarge: [] };
}

function showMatches(lines: string[], tooLarge: string[]): ToolAnswer {
  const shown = cutMiddle(lines.slice(0, maxMatches).join("\n"), 10_000) || "No line matches.";
  const notes = [
    lines.length > maxMatches ? `\n[only the first ${maxMatches} matches]` : "",
    tooLarge.length > 0
      ? `\n[${tooLarge.length} very large files not searched: ${tooLarge.slice(0, 5).join(", ")}]`
      : "",
  ];
  return { ok: true, text: shown + notes.join("") };
}

import { join, relative } from "node:path";
import { z } from "zod";
import { findProgram } from "../../../sandbox/process/find-program.ts";
import type { CommandResult } from "../../../sandbox/process/run-command.ts";
import { containPath, lookAt } from "./contain-path.ts";
import type { Place } from "./place.ts";
import { openSpill } from "./spill.ts";
import { defineTool, type Tool } from "./tool.ts";

const defaultTimeoutS = 120;
const maxTimeoutS = 1_800;
const keepBytes = 8 * 1024;

/**
 * Runs a shell command in the worktree. Nothing it starts outlives it; only its last folder is
 * kept, and the next command starts there. The shell reports that folder on a separate descriptor,
 * so this works wherever the command runs and whatever it does with its output. With it bash reports
 * the exit codes of the last pipe, so that `npm test | tail` is no "exit 0" above red tests; `pipefail`
 * would change what a command means, where `head` or `grep -q` ends its writer early. `startIn` is
 * the folder, from the worktree's root, in which an earlier run of the same work left off.
 */
export function makeBashTool(place: Place, startIn = ""): Tool {
  const { worktree, env, signal, runCommand } = place;
  const isBash = findProgram("bash", env.PATH ?? "") !== null;
  const shell = isBash ? "bash" : "sh";
  let cwd = join(worktree, startIn);
  let outputs = 0;
  return defineTool({
    name: "bash",
    effect: "changes",
    description: `Run a ${shell} command in the worktree. cd lasts for the next call; stdin is empty; background processes end with the command. The result begins with the exit code${isBash ? ", and that of each part of the last pipe" : ""}. Long output keeps head and tail, the rest is in a file.`,
    input: z.strictObject({
      command: z.string().min(1),
      timeout_s: z
        .number()
        .positive()
        .max(maxTimeoutS)
        .optional()
        .describe(`default ${defaultTimeoutS}`),
    }),
    about: ({ command }) => command,
    async run({ command, timeout_s = defaultTimeoutS }) {
      const notes: string[] = [];
      if (cwd !== worktree && !(await isFolderInside(worktree, cwd))) {
        cwd = worktree;
        notes.push("[the folder you were in is gone: this ran in the worktree's root]");
      }
      const outputPath = join(place.outputs, `output-${++outputs}.txt`);
      const spill = openSpill(outputPath, 2 * keepBytes);
      const result = await runCommand({
        argv: [shell, "-c", tellEnd(isBash) + command],
        cwd,
        env,
        timeoutMs: timeout_s * 1_000,
        signal,
        graceMs: 2_000,
        keepBytes,
        onOutput: (chunk) => spill.add(chunk.includes(mark) ? splitEnd(chunk).output : chunk),
      });
      const isSpilled = await spill.close();
      const { output, folder, codes } = splitEnd(result.output);
      if (result.truncatedBytes > 0 && isSpilled) {
        notes.push(`[the whole output: read ${outputPath}]`);
      }
      if (output.trim() === "" && result.exitCode !== 0 && /\bgit\s+stash\b/.test(command))
        notes.push("[git's own files are read-only here, so nothing can be stashed]");
      const next = folder === null ? cwd : await insideOf(worktree, folder);
      if (next === null) notes.push(outsideNote);
      else if (next !== cwd) notes.push(`[now in ${relative(worktree, next) || rootName}]`);
      cwd = next ?? worktree;
      if (cwd !== worktree) place.touch(join(relative(worktree, cwd), "."));
      if (result.missed) notes.push(`[${result.missed}]`);
      const body = output.trimEnd() || "(no output)";
      return {
        ok: result.endedBy === "exit" && result.exitCode === 0,
        text: [describeEnd(result, timeout_s, codes), body, ...notes].join("\n"),
      };
    },
  });
}

const rootName = "the root";
const outsideNote = "[outside the worktree: the next command starts in its root]";

/** Returns the folder in which the next command starts, read from a result; null: unchanged. */
export function readFolder(result: string): string | null {
  const note = result.slice(result.lastIndexOf("\n") + 1);
  if (note === outsideNote) return "";
  const name = /^\[now in (.+)\]$/.exec(note)?.[1] ?? null;
  return name === rootName ? "" : name;
}

/** Delimits the report in the output: a control character that text does not contain. */
const mark = String.fromCharCode(30);

/** Prefixed on the command's first line, so that line numbers in shell messages stay right. */
function tellEnd(isBash: boolean): string {
  const codes = isBash ? `$\{PIPESTATUS[*]}` : "";
  return `exec 9>&1; trap 'printf "\\036end:%s:%s\\036" "${codes}" "$PWD" >&9' EXIT; `;
}

/** `codes`: the exit codes of the parts of the last pipe; none where they are not known. */
function splitEnd(output: string): { output: string; folder: string | null; codes: string[] } {
  const at = output.lastIndexOf(`${mark}end:`);
  const end = output.indexOf(mark, at + 1);
  if (at < 0 || end < 0) return { output, folder: null, codes: [] };
  const [codes = "", ...folder] = output.slice(at + 5, end).split(":");
  const rest = output.slice(0, at) + output.slice(end + 1);
  return { output: rest, folder: folder.join(":"), codes: codes.split(" ") };
}

/** Returns the folder as a path below the worktree's own path, or null if it is outside. */
async function insideOf(worktree: string, folder: string): Promise<string | null> {
  if (folder === worktree) return worktree;
  try {
    return join(worktree, (await containPath(worktree, folder)).path);
  } catch {
    return null; // outside, in .git, or gone
  }
}

async function isFolderInside(worktree: string, path: string): Promise<boolean> {
  const found = await containPath(worktree, path).then(lookAt, () => null); // as above
  return found?.isDirectory() === true;
}

function describeEnd(result: CommandResult, timeoutS: number, codes: readonly string[]): string {
  switch (result.endedBy) {
    case "exit": {
      if (result.signal) return `killed by ${result.signal}`;
      const hidesFailure = codes.slice(0, -1).some((code) => code !== "0");
      const parts = hidesFailure ? `; the parts of its last pipe: ${codes.join(" | ")}` : "";
      return `exit ${result.exitCode}${parts}`;
    }
    case "timeout":
      return `Error: stopped after ${timeoutS} s; give a larger timeout_s (at most ${maxTimeoutS}) or a smaller job`;
    case "abort":
      return "Error: stopped on request";
    case "not_started":
      return `Error: the command could not start: ${result.error}`;
  }
}

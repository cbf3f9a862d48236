import { realpath, stat } from "node:fs/promises";
import { isAbsolute, join, relative, sep } from "node:path";
import type { RunCommand } from "../../agent.ts";
import { containPath } from "./contain-path.ts";
import { ToolProblem } from "./tool.ts";

/**
 * Where the tools of one run work: the worktree, the folder of long outputs, and what this run knows
 * of the files it has seen. Each run has its own.
 */
export type Place = {
  worktree: string;
  /** Long outputs lie here, each in a file that `read` may read. */
  outputs: string;
  /** The whole environment of commands. */
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  runCommand: RunCommand;
  /** How files looked when the model last read or wrote them, by real path. */
  seen: Map<string, string>;
  /** Told of each path, relative to the worktree, that a tool works on. */
  touch: (path: string) => void;
};

/** A path of the worktree, contained and told to those who want to know. */
export async function findPlace(place: Place, path: string): Promise<string> {
  const real = await containPath(place.worktree, path);
  place.touch(await pathInside(place, real));
  return real;
}

/** A real path in the worktree as seen from its root. */
export async function pathInside({ worktree }: Place, real: string): Promise<string> {
  return relative(await realpath(worktree), real);
}

/** As `findPlace`, but the files of long outputs may be read too. */
export async function findReadable(place: Place, path: string): Promise<string> {
  const inOutputs = relative(place.outputs, path);
  if (!isAbsolute(path) || inOutputs.startsWith("..") || isAbsolute(inOutputs)) {
    return findPlace(place, path);
  }
  if (inOutputs.includes(sep)) throw new ToolProblem(`"${path}" is no output of a command`);
  return join(place.outputs, inOutputs);
}

/** Remember how the file looks now. */
export async function rememberFile(place: Place, real: string): Promise<void> {
  const look = await lookAt(real);
  if (look) place.seen.set(real, look);
}

/** Whether the model has seen the file, and it looks different now. */
export async function hasChangedSince(place: Place, real: string): Promise<boolean> {
  const before = place.seen.get(real);
  return before !== undefined && (await lookAt(real)) !== before;
}

async function lookAt(real: string): Promise<string | null> {
  const found = await stat(real, { bigint: true }).catch(() => null); // gone: unlike anything seen
  return found && `${found.ino} ${found.size} ${found.mtimeNs}`;
}

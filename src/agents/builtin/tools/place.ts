import { isAbsolute, join, relative, sep } from "node:path";
import type { RunCommand } from "../../agent.ts";
import { containPath, lookAt, type Spot } from "./contain-path.ts";
import { ToolProblem } from "./tool.ts";

/**
 * State that the tools of one run share: the worktree, the folder for long outputs, and the files
 * that the model has seen. Each run has its own.
 */
export type Place = {
  worktree: string;
  /** Folder for long outputs, each in a file that `read` can read. */
  outputs: string;
  /** The complete environment of commands. */
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  runCommand: RunCommand;
  /** State of each file when the model last read or wrote it, by real path. */
  seen: Map<string, string>;
  /** Called with each path, relative to the worktree, that a tool works on. */
  touch: (path: string) => void;
};

/** Resolves a path inside the worktree and reports it to `touch`. */
export async function findPlace(place: Place, path: string): Promise<Spot> {
  const spot = await containPath(place.worktree, path);
  place.touch(spot.path);
  return spot;
}

/** Like `findPlace`, but also accepts the files of long outputs. */
export async function findReadable(place: Place, path: string): Promise<Spot> {
  const inOutputs = relative(place.outputs, path);
  if (!isAbsolute(path) || inOutputs.startsWith("..") || isAbsolute(inOutputs)) {
    return findPlace(place, path);
  }
  if (inOutputs.includes(sep)) throw new ToolProblem(`"${path}" is no output of a command`);
  return { root: place.outputs, path: inOutputs };
}

/** Remembers the file's current state. */
export async function rememberFile(place: Place, spot: Spot): Promise<void> {
  const look = await describe(spot);
  if (look) place.seen.set(join(spot.root, spot.path), look);
}

/** Whether the file changed since the model last saw it; false if it never did. */
export async function hasChangedSince(place: Place, spot: Spot): Promise<boolean> {
  const before = place.seen.get(join(spot.root, spot.path));
  return before !== undefined && (await describe(spot)) !== before;
}

async function describe(spot: Spot): Promise<string | null> {
  const found = await lookAt(spot); // a missing file differs from any seen state
  return found && `${found.ino} ${found.size} ${found.mtimeNs}`;
}

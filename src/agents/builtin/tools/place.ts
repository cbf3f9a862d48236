import { isAbsolute, join, relative, sep } from "node:path";
import type { RunCommand } from "../../agent.ts";
import { containPath, lookAt, type Spot } from "./contain-path.ts";
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
export async function findPlace(place: Place, path: string): Promise<Spot> {
  const spot = await containPath(place.worktree, path);
  place.touch(spot.path);
  return spot;
}

/** As `findPlace`, but the files of long outputs may be read too. */
export async function findReadable(place: Place, path: string): Promise<Spot> {
  const inOutputs = relative(place.outputs, path);
  if (!isAbsolute(path) || inOutputs.startsWith("..") || isAbsolute(inOutputs)) {
    return findPlace(place, path);
  }
  if (inOutputs.includes(sep)) throw new ToolProblem(`"${path}" is no output of a command`);
  return { root: place.outputs, path: inOutputs };
}

/** Remember how the file looks now. */
export async function rememberFile(place: Place, spot: Spot): Promise<void> {
  const look = await describe(spot);
  if (look) place.seen.set(join(spot.root, spot.path), look);
}

/** Whether the model has seen the file, and it looks different now. */
export async function hasChangedSince(place: Place, spot: Spot): Promise<boolean> {
  const before = place.seen.get(join(spot.root, spot.path));
  return before !== undefined && (await describe(spot)) !== before;
}

async function describe(spot: Spot): Promise<string | null> {
  const found = await lookAt(spot); // gone: unlike anything seen
  return found && `${found.ino} ${found.size} ${found.mtimeNs}`;
}

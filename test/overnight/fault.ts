import type { Surroundings, Task } from "./system.ts";
import type { KillCost } from "./turns.ts";
import type { Usage, World } from "./world.ts";

/** What can go wrong in a night, how to make it happen, and what a good night ends with all the same. */
export type Fault = Pick<Surroundings, "engine" | "embedded" | "env" | "config"> & {
  name: string;
  layer:
    | "process"
    | "agent"
    | "model"
    | "database"
    | "queue"
    | "git"
    | "network"
    | "disk"
    | "http"
    | "clock";
  /** One line for the table. */
  what: string;
  /** For the system's first start. */
  startEnv?: Record<string, string> | ((world: World) => Record<string, string>);
  /** The tasks besides a plan of three parts and one of a scripted model; default: one that waits. */
  load?: (world: World) => Spec[];
  /** Why it cannot be tried here; null: it can. */
  missing?: () => string | null;
  /** Makes it happen and returns how that was seen; a fault that was not seen to fire voids the run. */
  inject(world: World): Promise<string>;
};

/** `asks`: a named question to a person. `failed`: it ended with a reason. `wrong`: "done" and is not. `lost`: neither over nor asking in time. */
export type End = "verified" | "asks" | "failed" | "wrong" | "lost";

/** How work ends well that its agent cannot do: it asks a person. */
export const exhausted: readonly End[] = ["asks"];

/** A task, and what its branch must hold once it is called done. */
export type Spec = {
  name: string;
  body: Omit<Task, "repository" | "goal">;
  wanted: Record<string, string>;
  /** How a good night ends for it; default: `verified`. */
  ends?: readonly End[];
  /** Its own agent misbehaves, so stopping it is no harm. */
  isIll?: boolean;
};

export type Observed = {
  fault: string;
  layer: Fault["layer"];
  what: string;
  /** How it was seen to fire; null: it was not, and the run is void. */
  fired: string | null;
  ends: Record<string, End>;
  /** Tasks that ended in another way than they had to, in the system's own words. */
  unexpected: string[];
  duplicates: string[];
  healthyStopped: string[];
  /** Commits that had to be made again. */
  lostWork: number;
  /** From the moment that the system answers again to the first event after it. */
  recoveryMs: number[];
  /** The same from the start of its program. */
  sinceStartMs: number[];
  /** Model calls above those that the scripts need. */
  repeatedTurns: number;
  kills: KillCost[];
  /** Processes of agents and checks that still run. */
  leftovers: string[];
  start: Usage;
  end: Usage;
};

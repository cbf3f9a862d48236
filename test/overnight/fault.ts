import type { Engine } from "../support/deputy.ts";
import type { World } from "./world.ts";

/** What can go wrong in a night, how to make it happen, and what a good night ends with all the same. */
export type Fault = {
  name: string;
  layer: "process" | "agent" | "model" | "database" | "queue" | "git" | "network" | "disk" | "http";
  /** One line for the table. */
  what: string;
  engine?: Engine;
  /** PostgreSQL as the daemon itself runs it; default: a database on a server of the run. */
  embedded?: boolean;
  env?: Record<string, string>;
  config?: string;
  /** For the daemon's first start. */
  startEnv?: Record<string, string>;
  /** The tasks besides a plan of three parts and one of a scripted model; default: one that waits. */
  load?: (world: World) => Spec[];
  /** Why it cannot be tried here; null: it can. */
  missing?: () => string | null;
  /** Makes it happen and returns how that was seen; a fault that was not seen to fire voids the run. */
  inject(world: World): Promise<string>;
};

/** `asks`: a named question to a person. `failed`: it ended with a reason. `wrong`: "done" and is not. `lost`: neither over nor asking in time. */
export type End = "verified" | "asks" | "failed" | "wrong" | "lost";

/** A task, and what its branch must hold once it is called done. */
export type Spec = {
  name: string;
  body: Record<string, unknown>;
  wanted: Record<string, string>;
  /** How a good night ends for it; default: `verified`. */
  ends?: End;
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
  wanted: Record<string, End>;
  /** Why a task did not end verified, in the system's own words. */
  words: Record<string, string>;
  duplicates: string[];
  healthyStopped: string[];
  /** From the moment that the daemon answers again to the first event after it. */
  recoveryMs: number[];
  /** Model calls above those that the script needs; null: the model's task was not part of it. */
  repeatedTurns: number | null;
  /** Processes of agents and checks that still run. */
  leftovers: string[];
  rssMb: { start: number; end: number };
  descriptors: { start: number; end: number };
};

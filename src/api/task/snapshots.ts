import { z } from "zod";
import { snapshotKinds } from "../../core/task/task-detail.ts";
import type { Lenient } from "../lenient.ts";
import { named } from "../registry.ts";
import { time } from "../to-wire.ts";

const snapshotWire = named(
  "Snapshot",
  z.object({
    number: z.number(),
    kind: z.enum(snapshotKinds),
    subtask_key: z.string(),
    attempt: z.number().nullable(),
    at: time,
    commit: z.string(),
    /** How many files differ from the task's base. */
    files: z.number(),
  }),
);

export const snapshotsWire = named(
  "Snapshots",
  z.object({ id: z.string(), snapshots: z.array(snapshotWire) }),
  { description: "The states of its files that are kept, the oldest first." },
);
export type SnapshotsView = Lenient<typeof snapshotsWire>;

export const snapshotParams = z.object({ number: z.coerce.number().int().positive().max(100_000) });

export const restoredSnapshotWire = named(
  "RestoredSnapshot",
  z.object({ snapshot: snapshotWire, path: z.string(), detail: z.string() }),
);

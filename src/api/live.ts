import { z } from "zod";
import { taskStates } from "../core/task/lifecycle.ts";
import { named } from "./registry.ts";
import { time } from "./to-wire.ts";

/**
 * The events of GET /v1/stream. A client keeps the last `cursor` and reads details by themselves:
 * nothing big is pushed.
 */
const standing = {
  cursor: z.string(),
  /** Of all tasks, those states that some task has. */
  counts: z.partialRecord(z.enum(taskStates), z.number().int()),
  /** How many items of /v1/attention nobody put off. */
  attention: z.number().int(),
  frozen: z.boolean(),
};

export const liveSnapshotWire = named(
  "LiveSnapshot",
  z.object({ ...standing, server_time: time, version: z.string() }),
  { description: "`event: snapshot`, the first of a connection without a cursor." },
);

export const liveTasksWire = named(
  "LiveTasks",
  z.object({
    ...standing,
    tasks: z.array(z.object({ id: z.string(), state: z.enum(taskStates), updated_at: time })),
  }),
  {
    description:
      "`event: tasks`: these have news; none where only the numbers changed, or a cursor had missed nothing.",
  },
);

export const liveBeatWire = named("LiveBeat", z.object({ server_time: time, cursor: z.string() }), {
  description: "`event: beat`, every 15 seconds.",
});

export const liveResyncWire = named("LiveResync", z.object({ reason: z.string() }), {
  description: "`event: resync`: read everything anew, and connect without a cursor.",
});

export const liveByeWire = named("LiveBye", z.object({ reason: z.enum(["revoked", "stopping"]) }), {
  description: "`event: bye`, the last of a connection.",
});

export type LiveSnapshot = z.infer<typeof liveSnapshotWire>;
export type LiveTasks = z.infer<typeof liveTasksWire>;
export type LiveBeat = z.infer<typeof liveBeatWire>;
export type LiveResync = z.infer<typeof liveResyncWire>;
export type LiveBye = z.infer<typeof liveByeWire>;

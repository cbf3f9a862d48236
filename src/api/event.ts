import { z } from "zod";
import { type Event, eventTypes } from "../core/task/event.ts";
import { eventTones, lookOfEvent } from "./event-look.ts";
import type { Lenient } from "./lenient.ts";
import { named } from "./registry.ts";
import { snakeKeys, time, toWire } from "./to-wire.ts";

export const eventWire = named(
  "Event",
  z.object({
    seq: z.number().int(),
    id: z.string(),
    task_id: z.string(),
    subtask_id: z.string().nullable(),
    attempt_id: z.string().nullable(),
    type: z.enum(eventTypes),
    message: z.string(),
    /** Its part of the flow, in one word for people; null: from an older daemon. */
    label: z.string().nullable(),
    tone: z.enum(eventTones).nullable(),
    data: z.record(z.string(), z.unknown()),
    at: time,
  }),
  {
    description: "An appended fact, in the past tense.",
    examples: [
      {
        seq: 12,
        id: "evt_01k9m4v2q0abcdefghjk",
        task_id: "task_01k9m4v2pzabcdefghjk",
        subtask_id: null,
        attempt_id: null,
        type: "task.created",
        message: "Task created",
        label: "task",
        tone: "plain",
        data: {},
        at: "2026-01-01T00:00:00.000Z",
      },
    ],
  },
);

export const eventPageWire = named(
  "EventPage",
  z.object({ events: z.array(eventWire), next_after: z.number().int() }),
  { description: "`next_after` is the `after` of the next page." },
);

export type EventView = Lenient<typeof eventWire>;

/** Event data has no fixed shape, so its keys are converted generically. */
export function toEventWire(event: Event): z.infer<typeof eventWire> {
  const data = snakeKeys(event.data) as Event["data"];
  return toWire(eventWire, { ...event, ...lookOfEvent(event), data });
}

import { z } from "zod";
import { type Attention, attentionTiers, headingOf } from "../core/attention/attention.ts";
import { taskStates } from "../core/task/lifecycle.ts";
import { questionKinds } from "../core/task/question.ts";
import type { Lenient } from "./lenient.ts";
import { named } from "./registry.ts";
import { time, toWire } from "./to-wire.ts";

/** What needs a person. */
const action = z.object({
  name: z.enum(["answer", "accept", "discard", "retry", "open", "thaw", "reset"]),
  label: z.string(),
  /** `high`: it spends, lets something strange in, or changes a repository. */
  risk: z.enum(["low", "high"]),
  /** On the command line. */
  command: z.string().nullable(),
  /** The body of a POST; an `answer` of null stands for the person's own words. */
  request: z
    .object({ path: z.string(), body: z.record(z.string(), z.string().nullable()).nullable() })
    .nullable(),
  href: z.string().nullable(),
});

const item = z.object({
  /** The same for as long as the reason is. */
  id: z.string(),
  tier: z.enum(attentionTiers),
  /** What it stands under; null: a daemon that does not say. */
  heading: z.string().nullable(),
  kind: z.enum([
    ...questionKinds,
    "delivered",
    "failed",
    "space",
    "rules",
    "breaker",
    "replies",
    "frozen",
    "sandbox",
    "unreadable",
  ]),
  task: z
    .object({
      id: z.string(),
      title: z.string(),
      repository: z.string(),
      state: z.enum(taskStates),
    })
    .nullable(),
  subtask: z.string().nullable(),
  since: time.nullable(),
  why: z.string(),
  actions: z.array(action),
  expires: time.nullable(),
  /** Somebody put it off until then. */
  snoozed_until: time.optional(),
});

export const attentionWire = named(
  "Attention",
  z.object({
    items: z.array(item),
    archived: z.object({ ready: z.number().int(), failed: z.number().int() }),
  }),
  {
    description:
      "What needs a person, in the order of its tiers, the oldest first in each, and at the end what was put off; and how many left the list because they were quiet for too long.",
  },
);
export type AttentionView = Lenient<typeof attentionWire>;
export type AttentionItemView = AttentionView["items"][number];

/** The list in wire names, each item with the heading it stands under. */
export function toAttentionWire(attention: Attention): z.infer<typeof attentionWire> {
  const items = attention.items.map((item) => ({ ...item, heading: headingOf(item) }));
  return toWire(attentionWire, { ...attention, items });
}

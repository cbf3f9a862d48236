import { z } from "zod";
import type { Lenient } from "../lenient.ts";
import { named } from "../registry.ts";
import { time } from "../to-wire.ts";

export const whyWire = z.object({
  id: z.string(),
  state: z.string(),
  waiting_for: z.string(),
  since: time,
  next: z.string(),
  next_at: time.nullable(),
  unblock: z.string().nullable(),
  signs: z.string().nullable(),
  get subtasks() {
    return z.array(whyWire);
  },
});
export type WhyView = Lenient<typeof whyWire>;

named("Why", whyWire, {
  description: "What it waits for, since when, what happens next, and what would unblock it.",
});

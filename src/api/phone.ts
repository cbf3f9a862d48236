import { z } from "zod";
import { named } from "./registry.ts";
import { time } from "./to-wire.ts";

/** A push that a person sends to try the way to their phone and back. */
export const testedPushWire = named(
  "TestedPush",
  z.object({
    channels: z.array(z.object({ name: z.string(), problem: z.string().nullable() })),
    /** Of the push that has a button. */
    id: z.string().nullable(),
    no_button: z.string().nullable(),
  }),
);

export const pressWire = named("Press", z.object({ pressed_at: time.nullable() }));

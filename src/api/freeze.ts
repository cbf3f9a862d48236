import { z } from "zod";
import { freezeCauses } from "../core/task/freeze.ts";
import { named } from "./registry.ts";
import { time } from "./to-wire.ts";

/** The freeze: a brake on everything, which a person pulls and releases. */
export const freezeBody = named(
  "NewFreeze",
  z.strictObject({
    /** Shown wherever Deputy says that nothing starts. */
    reason: z
      .string()
      .max(500)
      .refine((text) => text.trim() !== "", { error: "must not be empty" })
      .optional(),
  }),
  { examples: [{ reason: "The provider raised its prices." }] },
);

export const freezeWire = named(
  "Freeze",
  z.object({ cause: z.enum(freezeCauses), reason: z.string().nullable(), since: time }),
  {
    description:
      "While there is one, nothing starts: no attempt, planning, check, review or delivery.",
  },
);

export const frozenWire = named(
  "Frozen",
  z.object({ freeze: freezeWire.nullable(), detail: z.string() }),
  { description: "The freeze, if there is one now, and one sentence on it." },
);

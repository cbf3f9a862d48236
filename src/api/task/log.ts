import { z } from "zod";
import { named } from "../registry.ts";

/** A part of the log of an attempt. */
export const logPartWire = named(
  "LogPart",
  z.object({
    text: z.string(),
    /** Places in the file, in bytes: the text is what lies between, in whole lines where it can. */
    from: z.number().int(),
    /** Where to go on. */
    to: z.number().int(),
    /** How long it is by now. */
    total: z.number().int(),
    /** Nothing more is written. */
    ended: z.boolean(),
  }),
);
/** @public For the page. */
export type LogPartView = z.infer<typeof logPartWire>;

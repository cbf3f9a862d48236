import { z } from "zod";
import { named } from "./registry.ts";
import { time } from "./to-wire.ts";

/** Phones: those that are paired, and the test of the way to them. */
export const deviceWire = named(
  "Device",
  z.object({ id: z.string(), name: z.string(), paired_at: time, seen_at: time }),
  { description: "A phone or browser that was paired with a code of `deputy pair`." },
);

export const devicesWire = named("Devices", z.object({ devices: z.array(deviceWire) }));

export const pairingWire = named("Pairing", z.object({ code: z.string(), expires_at: time }), {
  description: "A code that pairs one device; a new one takes its place.",
});

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

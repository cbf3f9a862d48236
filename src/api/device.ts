import { z } from "zod";
import { named } from "./registry.ts";
import { time } from "./to-wire.ts";

/** Devices whose answer pages may do what has a high risk. */
export const deviceWire = named(
  "Device",
  z.object({ id: z.string(), name: z.string(), paired_at: time, seen_at: time }),
  { description: "A phone or browser that was paired with a code of `deputy pair`." },
);

export const devicesWire = named("Devices", z.object({ devices: z.array(deviceWire) }));

export const pairingWire = named("Pairing", z.object({ code: z.string(), expires_at: time }), {
  description: "A code that pairs one device; a new one takes its place.",
});

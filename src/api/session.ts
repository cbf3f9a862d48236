import { z } from "zod";
import { scopes } from "../core/attention/device.ts";
import { named } from "./registry.ts";
import { time } from "./to-wire.ts";

/** A browser's session, and the devices that have one. */
const scope = z.enum(scopes);
const name = z
  .string()
  .trim()
  .min(1, { error: "must not be empty" })
  .max(60, { error: "must have at most 60 characters" });

export const deviceWire = named(
  "Device",
  z.object({
    id: z.string(),
    name: z.string(),
    /** `view`: it may look, and change nothing. */
    scope,
    /** Whether the request came from it. */
    current: z.boolean(),
    /** Whether it gets pushes by Web Push. */
    push: z.boolean(),
    paired_at: time,
    seen_at: time,
  }),
  { description: "A phone or browser that was paired with a code of `deputy pair`." },
);

export const devicesWire = named("Devices", z.object({ devices: z.array(deviceWire) }));

export const deviceBody = named(
  "DeviceChange",
  z.strictObject({ name: name.optional(), scope: scope.optional() }),
);

export const pairingBody = z.strictObject({ scope: scope.optional() }).optional();

export const pairingWire = named(
  "Pairing",
  z.object({
    /** For typing: five tries. */
    code: z.string(),
    /** For an address, of the daemon: what follows # is the right to pair. */
    link: z.string(),
    /** The same with the daemon's public URL; null: it has none. */
    url: z.string().nullable(),
    scope,
    expires_at: time,
  }),
  { description: "What pairs one device, by typing or by an address; new ones take their place." },
);

export const pairingStateWire = named("PairingState", z.object({ expires_at: time.nullable() }), {
  description: "Until when a device may be paired; null: there is no code, or it was used.",
});

export const signInBody = named(
  "SignIn",
  z.strictObject({ code: z.string().min(1).max(64), name }),
);

export const sessionWire = named(
  "Session",
  z.object({
    device: z.object({ id: z.string(), name: z.string(), scope }),
    version: z.string(),
    /** Which page the daemon serves: an open page of another build is to be loaded again. */
    build: z.string().nullable(),
    server_time: time,
  }),
);

import { z } from "zod";
import { named } from "./registry.ts";

/** Web Push: what a browser subscribes with, and what it says then. */
export const pushKeyWire = named("PushKey", z.object({ public_key: z.string() }));

const base64url = z
  .string()
  .max(200)
  .regex(/^[\w-]+=*$/, { error: "must be base64url" });

export const subscriptionBody = named(
  "NewPushSubscription",
  z.strictObject({
    endpoint: z.string().max(2_000),
    keys: z.strictObject({ p256dh: base64url, auth: base64url }),
  }),
);

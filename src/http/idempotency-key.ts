import { DeputyError } from "../core/base/error.ts";

/** The Idempotency-Key of a request's raw headers; null: none was sent. Throws invalid_input. */
export function readIdempotencyKey(header: unknown): string | null {
  if (header === undefined) return null;
  // Visible ASCII only: node joins or decodes anything else, which would change the key.
  if (typeof header === "string" && /^[\x21-\x7e]{1,255}$/.test(header)) return header;
  throw new DeputyError(
    "invalid_input",
    "The Idempotency-Key must be 1 to 255 visible ASCII characters without spaces.",
    { field: "Idempotency-Key" },
  );
}

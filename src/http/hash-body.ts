import { createHash } from "node:crypto";

/** The hash of a JSON value, independent of key order and white space. */
export function hashBody(body: unknown): string {
  return createHash("sha256").update(writeCanonical(body)).digest("hex");
}

function writeCanonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(writeCanonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([key, inner]) => `${JSON.stringify(key)}:${writeCanonical(inner)}`);
  return `{${entries.join(",")}}`;
}

import type { Json } from "./scenario.ts";

/** Reading JSON of unknown shape: what is missing or of another kind is empty. */

export function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Json)
    : {};
}

export function asObjects(value: unknown): Json[] {
  return Array.isArray(value) ? value.map(asObject) : [];
}

export function asText(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The text of a message's content, which is a string or a list of parts. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  return asObjects(content)
    .map((part) => asText(part.text))
    .filter(Boolean)
    .join("\n");
}

/** Four bytes are a token. */
export function countTokens(value: unknown): number {
  if (value === undefined || value === "") return 0;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return Math.ceil(Buffer.byteLength(text) / 4);
}

import type { Reply } from "./compose-reply.ts";
import type { Json } from "./scenario.ts";

/**
 * A reply as pieces of a stream, in order. `arguments` are those of a tool call; `end` is what tells
 * the cost and closes the reply. Faults cut between frames.
 */
export type Frame = { part: "body" | "arguments" | "end"; text: string };

/** How one API says a reply. */
export type WireFormat = {
  frames(reply: Reply, body: Json): Frame[];
  /** The same without streaming. */
  whole(reply: Reply, body: Json): Json;
  /** An error in the middle of a stream; without a code, the API's own for a trouble inside. */
  failure(reply: Reply, body: Json, error: { code: string | null; message: string }): string;
};

/** A server-sent event with a name. */
export function namedEvent(type: string, data: Json): string {
  return `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
}

/** Into about three pieces, as no real server sends text or arguments whole. */
export function splitText(text: string): string[] {
  const size = Math.min(2_000, Math.max(1, Math.ceil(text.length / 3)));
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += size) pieces.push(text.slice(at, at + size));
  return pieces;
}

export function nowS(): number {
  return Math.floor(Date.now() / 1_000);
}

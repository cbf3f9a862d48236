import type { ServerResponse } from "node:http";
import type { Reply } from "./compose-reply.ts";
import { contextLengthError } from "./error-answer.ts";
import type { Frame, WireFormat } from "./frame.ts";
import type { Fault, Json } from "./scenario.ts";

export type Outgoing = {
  format: WireFormat;
  reply: Reply;
  body: Json;
  fault: Fault | null;
  /** Resolves with the next release, or when the client is gone. */
  released: () => Promise<void>;
};

/**
 * Send a reply, with the fault that lies in its sending. `onWhole` comes just before its end goes out,
 * and only then.
 */
export async function sendReply(
  response: ServerResponse,
  out: Outgoing,
  onWhole: () => void,
): Promise<void> {
  if (out.fault?.kind === "wrong_content_type") {
    response.writeHead(200, { "content-type": "text/html" });
    response.end("<!doctype html><title>Log in</title><p>Please log in.</p>\n");
    return;
  }
  const frames =
    out.body.stream === true
      ? out.format.frames(out.reply, out.body)
      : jsonFrames(out.format.whole(out.reply, out.body));
  const type = out.body.stream === true ? "text/event-stream; charset=utf-8" : "application/json";
  response.writeHead(200, {
    "content-type": type,
    "cache-control": "no-cache",
    "x-request-id": `req_${out.reply.key}`,
    "request-id": `req_${out.reply.key}`,
  });

  const at = out.fault ? findCut(frames, out.fault) : 0;
  for (const { text } of frames.slice(0, at)) {
    // Bytes have to be on their way before a connection breaks, or the client sees none of them.
    await new Promise((resolve) => response.write(text, resolve));
  }
  switch (out.fault?.kind) {
    case "reset":
      response.socket?.resetAndDestroy();
      return;
    case "malformed":
      response.end('event: broken\ndata: {"id": "broken", "choices": [{"del\n\n');
      return;
    case "error_event": {
      const { code, message = "The server had an error while processing your request." } =
        out.fault;
      response.end(out.format.failure(out.reply, out.body, { code: code ?? null, message }));
      return;
    }
    case "context_length":
      response.end(out.format.failure(out.reply, out.body, contextLengthError));
      return;
    case "cut":
    case "cut_arguments":
      response.end();
      return;
    case "stall":
    case "hang":
      await out.released();
  }
  if (response.destroyed) return;
  onWhole();
  for (const { text } of frames.slice(at)) response.write(text);
  response.end();
}

/** Without streaming a reply has no frames; faults cut it in the middle of its text. */
function jsonFrames(whole: Json): Frame[] {
  const text = JSON.stringify(whole);
  const middle = Math.ceil(text.length / 2);
  return [
    { part: "body", text: text.slice(0, middle) },
    { part: "body", text: text.slice(middle) },
  ];
}

/** How many frames go out before the fault. */
function findCut(frames: readonly Frame[], fault: Fault): number {
  const end = frames.findIndex(({ part }) => part === "end");
  const body = end < 0 ? frames.length : end;
  switch (fault.kind) {
    case "hang":
      return end < 0 ? 1 : end;
    case "context_length":
      return Math.min(2, body);
    case "cut_arguments": {
      const first = frames.findIndex(({ part }) => part === "arguments");
      return first < 0 ? Math.ceil(body / 2) : first + 1;
    }
    case "reset":
    case "stall":
    case "malformed":
    case "cut":
    case "error_event":
      return Math.ceil(body / 2);
    default:
      return 0;
  }
}

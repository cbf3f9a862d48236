import { z } from "zod";
import { readUntil } from "../../core/base/read-until.ts";
import { authorization, type NtfyServer, rootOf } from "./ask-ntfy.ts";

/**
 * The lines of a topic as ntfy streams them, one JSON object each. Every line is data from outside:
 * what is no message of a proper size is `junk`, and the rest of a line that is too long is skipped
 * without being kept. Ends when the server ends it or the signal fires; throws what breaks it.
 */
export type TopicLine =
  | { kind: "message"; id: string; text: string }
  /** `open` and `keepalive`: the server is there, and there is nothing new. */
  | { kind: "quiet" }
  | { kind: "junk" };

/** The server refuses the topic: waiting does not help. */
export class TopicRefused extends Error {
  readonly status: number;
  constructor(status: number) {
    super(`it answered ${status}`);
    this.status = status;
  }
}

const lineSchema = z.object({ event: z.string(), id: z.string().regex(/^[\w-]{1,64}$/) });
const messageSchema = z.object({ message: z.string().max(4_096) });
/** A message of 4,096 bytes, escaped, in its envelope. */
const maxLine = 32 * 1024;

export async function* readTopic(
  server: NtfyServer,
  about: { topic: string; since: string; poll: boolean },
  options: { signal: AbortSignal; silenceMs: number },
): AsyncGenerator<TopicLine> {
  const silence = new AbortController();
  const watchdog = setTimeout(() => silence.abort(), options.silenceMs);
  const signal = AbortSignal.any([options.signal, silence.signal]);
  const query = new URLSearchParams({ since: about.since, ...(about.poll ? { poll: "1" } : {}) });
  try {
    const response = await fetch(`${rootOf(server)}${about.topic}/json?${query}`, {
      headers: { "user-agent": "deputy", ...authorization(server) },
      redirect: "manual",
      signal,
    });
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      const { status } = response;
      if (status < 500 && status !== 408 && status !== 429) throw new TopicRefused(status);
      throw new Error(`it answered ${status}`);
    }
    const decoder = new TextDecoder();
    let rest = "";
    let isSkipping = false;
    for await (const chunk of readUntil(response.body, signal)) {
      watchdog.refresh();
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (!isSkipping && line.trim() !== "") yield readLine(line);
        isSkipping = false;
      }
      if (rest.length > maxLine) {
        if (!isSkipping) yield { kind: "junk" };
        isSkipping = true;
        rest = "";
      }
    }
    if (silence.signal.aborted) throw new Error("it has been silent for too long");
  } catch (error) {
    if (silence.signal.aborted) throw new Error("it has been silent for too long");
    if (!options.signal.aborted) throw error;
  } finally {
    clearTimeout(watchdog);
  }
}

function readLine(line: string): TopicLine {
  try {
    const value: unknown = JSON.parse(line);
    const { event, id } = lineSchema.parse(value);
    if (event !== "message") return { kind: "quiet" };
    return { kind: "message", id, text: messageSchema.parse(value).message };
  } catch {
    return { kind: "junk" }; // from whoever knows the topic; its sender is told nothing
  }
}

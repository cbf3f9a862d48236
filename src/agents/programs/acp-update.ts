import type { SessionUpdate } from "@agentclientprotocol/sdk";
import { cutText } from "../../core/text/clean-text.ts";
import type { AgentEvent } from "../agent.ts";

/** Returns the event or the piece of the answer in a session update; other kinds have neither. */
export function readUpdate(update: SessionUpdate): {
  event: AgentEvent | null;
  text: string | null;
} {
  const event = (value: AgentEvent) => ({ event: value, text: null });
  switch (update.sessionUpdate) {
    case "agent_message_chunk":
      return update.content.type === "text"
        ? { event: null, text: update.content.text }
        : { event: null, text: null };
    case "tool_call":
      return event({
        kind: "tool_call",
        tool: update.kind ?? "tool",
        summary: cutText(update.title, 300),
      });
    case "tool_call_update":
      if (update.status !== "completed" && update.status !== "failed") break;
      return event({
        kind: "tool_result",
        tool: update.kind ?? "tool",
        ok: update.status === "completed",
        summary: cutText(update.title ?? "", 300),
      });
  }
  return { event: null, text: null };
}

import type { Fault as ModelFault } from "../../support/model-server/scenario.ts";
import type { Fault } from "../fault.ts";

/** Everything that the scripted model's server can do wrong, in the middle of a conversation. */
const kinds: Record<string, ModelFault & { what: string }> = {
  rate_limit: { kind: "rate_limit", retryAfter: 1, what: "429, try again in a second" },
  server_error: { kind: "server_error", what: "500" },
  overloaded: { kind: "overloaded", what: "overloaded" },
  bad_gateway: { kind: "status", status: 502, message: "bad gateway", what: "502" },
  reset: { kind: "reset", what: "half of the reply, then the connection breaks" },
  malformed: { kind: "malformed", what: "half of the reply, then an event that is no JSON" },
  cut: { kind: "cut", what: "half of the reply, then a clean end without a reason" },
  cut_arguments: { kind: "cut_arguments", what: "the stream ends within a tool's arguments" },
  error_event: { kind: "error_event", what: "half of the reply, then an error as an event" },
  length: { kind: "length", what: "the limit of output ends it within the arguments" },
  unknown_tool: { kind: "unknown_tool", what: "a call of a tool that was never offered" },
  empty: { kind: "empty", what: "an empty reply" },
  wrong_content_type: { kind: "wrong_content_type", what: "200 with a web page" },
  no_usage: { kind: "no_usage", what: "a reply that does not say what it cost" },
};

const goalOf = (name: string) => `Meet ${name.replaceAll("_", " ")} here`;

/** What the world's model server says for the task of each fault. */
export const modelRoles = Object.fromEntries(
  Object.entries(kinds).map(([name, { what: _, ...fault }]) => [
    name,
    {
      match: goalOf(name),
      turns: [
        { calls: [{ tool: "read", args: { path: "README.md" } }] },
        { calls: [{ tool: "write", args: { path: "met.txt", content: "met\n" } }], fault },
        // A reply that was cut off or meant nothing has its place in the conversation all the same.
        { calls: [{ tool: "write", args: { path: "met.txt", content: "met\n" } }] },
        { calls: [{ tool: "bash", args: { command: "cat met.txt" } }] },
        { calls: [{ tool: "finish", args: { summary: "Met it." } }] },
      ],
    },
  ]),
);

export const modelFaults: Fault[] = Object.entries(kinds).map(([name, { what }]) => ({
  name: `model: ${name.replaceAll("_", " ")}`,
  layer: "model",
  what,
  load: () => [
    {
      name: goalOf(name),
      body: { agent: "builtin", checks: ["test -s met.txt"] },
      wanted: { "met.txt": "met" },
    },
  ],
  inject: async ({ model }) => {
    const request = await model.waitForRequest((each) => each.role === name && each.fault !== null);
    return `${request.fault} served in turn ${request.turn + 1}`;
  },
}));

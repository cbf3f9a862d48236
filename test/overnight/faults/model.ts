import { setTimeout as sleep } from "node:timers/promises";
import type {
  Fault as ModelFault,
  Role,
  Scenario,
  Turn,
} from "../../support/model-server/scenario.ts";
import { until } from "../../support/until.ts";
import { exhausted, type Fault } from "../fault.ts";

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
  context_length: { kind: "context_length", what: "the conversation is too long for it" },
  usage_limit: { kind: "usage_limit", resetsAt: 0, what: "a plan's limit, reset in two seconds" },
  refusal: { kind: "refusal", what: "it refuses to answer, in every conversation" },
  stall: { kind: "stall", what: "half of the reply, then three seconds of silence" },
  hang: { kind: "hang", what: "the whole reply, and no end of it for three seconds" },
  no_usage: { kind: "no_usage", what: "a reply that does not say what it cost" },
};

const loops = "Go round in circles";

const goalOf = (name: string) => `Meet ${name.replaceAll("_", " ")} here`;

const summary = "Read README.md; met.txt is still to be written.";

/** The script with the fault in its second turn. */
function meet(fault: ModelFault): Role["turns"] {
  const write: Turn = { calls: [{ tool: "write", args: { path: "met.txt", content: "met\n" } }] };
  return ({ lastUser, user }, turn) => {
    if (lastUser.startsWith("Your context is nearly")) return { text: summary };
    const isOver = user.includes(summary); // this conversation goes on from the one with the fault
    const resetsAt = Math.ceil(Date.now() / 1_000) + 2;
    const now = fault.kind === "usage_limit" ? { ...fault, resetsAt } : fault;
    const script: Turn[] = [
      { calls: [{ tool: "read", args: { path: "README.md" } }] },
      isOver ? write : { ...write, fault: now },
      // A reply that was cut off or meant nothing has its place in the conversation all the same.
      write,
      { calls: [{ tool: "bash", args: { command: "cat met.txt" } }] },
      { calls: [{ tool: "finish", args: { summary: "Met it." } }] },
    ];
    return script[turn] ?? { text: "That was all." };
  };
}

/** What the world's model server says for the task of each fault. */
export const modelRoles: Scenario["roles"] = {
  loops: { match: loops, turns: () => ({ calls: [{ tool: "bash", args: { command: "true" } }] }) },
  ...Object.fromEntries(
    Object.entries(kinds).map(([name, { what: _, ...fault }]) => [
      name,
      { match: goalOf(name), turns: meet(fault) },
    ]),
  ),
};

/** A model that makes the same call for ever. */
const looping: Fault = {
  name: "a model goes round in circles",
  layer: "agent",
  what: "the same call again and again, in every attempt",
  load: () => [
    {
      name: loops,
      body: { agent: "builtin", checks: ["test -s met.txt"] },
      wanted: { "met.txt": "met" },
      ends: exhausted,
      isIll: true,
    },
  ],
  inject: async (world) => {
    const { id } = await until(() => world.tasks.get(loops) ?? null, "it is accepted");
    return until(async () => {
      const events = await world.system.readEvents(id).catch(() => []);
      return events.find(({ text }) => /same call/.test(text))?.text.slice(0, 160) ?? null;
    }, "the circle is noticed");
  },
};

const ofTheServer: Fault[] = Object.entries(kinds).map(([name, { what }]) => ({
  name: `model: ${name.replaceAll("_", " ")}`,
  layer: "model",
  what,
  load: () => [
    {
      name: goalOf(name),
      body: { agent: "builtin", checks: ["test -s met.txt"] },
      wanted: { "met.txt": "met" },
      ...(name === "refusal" && { ends: exhausted }),
    },
  ],
  inject: async ({ model }) => {
    const request = await model.waitForRequest((each) => each.role === name && each.fault !== null);
    if (request.fault === "stall" || request.fault === "hang") {
      await model.waitForRequest((each) => each.role === name && each.stalledAt !== null);
      await sleep(3_000); // the silence is the fault
      model.release();
    }
    return `${request.fault} served in turn ${request.turn + 1}`;
  },
}));

export const modelFaults: Fault[] = [...ofTheServer, looping];

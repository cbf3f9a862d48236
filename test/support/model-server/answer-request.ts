import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { makeChooser } from "./choose-turn.ts";
import { composeReply } from "./compose-reply.ts";
import { type ErrorAnswer, faultAnswer } from "./error-answer.ts";
import type { Gate } from "./gate.ts";
import { asObject } from "./json.ts";
import { readRequest } from "./read-request.ts";
import { makeRecord, type Records } from "./records.ts";
import { findRefusal, unknownResponse } from "./refusals.ts";
import { makeResponseStore } from "./response-store.ts";
import type { Json, Scenario, Wire } from "./scenario.ts";
import { sendError } from "./send-json.ts";
import { sendReply } from "./send-reply.ts";
import { chatWire } from "./wire-chat.ts";
import { messagesWire } from "./wire-messages.ts";
import { responsesWire } from "./wire-responses.ts";

const wires = { responses: responsesWire, chat: chatWire, messages: messagesWire };

export type AnswerRequest = (
  request: IncomingMessage,
  response: ServerResponse,
  wire: Wire,
  text: string,
) => Promise<void>;

/**
 * The way of one request for a reply: into the words that all wires share, past what the real
 * services refuse, to the turn that the scenario gives it, on record, past the gate, and out.
 */
export function makeAnswerRequest(
  scenario: Scenario,
  parts: { records: Records; gate: Gate; keepsBodies: boolean },
): AnswerRequest {
  const { records, gate, keepsBodies } = parts;
  const choose = makeChooser(scenario);
  const store = makeResponseStore();

  return async (request, response, wire, text) => {
    const record = makeRecord(request, wire, text);
    response.once("close", () => records.mark(record, "endedAt"));
    const given = parseJson(text);
    if (keepsBodies) record.body = given;
    const refuse = (answer: ErrorAnswer) => {
      records.add(Object.assign(record, { status: answer.status }));
      sendError(response, answer);
    };
    const body = store.expand(given);
    if (!body) return refuse(unknownResponse(wire, given));
    const seen = readRequest(wire, body);
    const refusal = findRefusal(scenario, wire, seen);
    if (refusal) return refuse(refusal);
    const choice = choose(seen);
    const { role, turn, fault } = choice;
    const { model, conversation } = seen;
    const tools = seen.tools.map(({ name }) => name);
    records.add(
      Object.assign(record, { role, turn, fault: fault?.kind ?? null, model, tools, conversation }),
    );
    const number = records.requests.length;
    await gate.pass(record, response);
    if (choice.script?.latencyMs) await wait(choice.script.latencyMs);

    records.mark(record, "firstByteAt");
    const error = fault && faultAnswer(wire, fault, seen.stream);
    record.status = error?.status ?? 200;
    if (error) return sendError(response, error);
    const reply = composeReply(seen, choice, {
      number,
      bytes: record.bytes,
      lacksUsage: scenario.lacks?.includes("usage") ?? false,
    });
    if (wire === "responses") store.keep(body, reply);
    const released = () => {
      const letGo = gate.wait(response);
      records.mark(record, "stalledAt");
      return letGo;
    };
    const out = { format: wires[wire], reply, body: given, fault, released };
    // Counted just before the end: a client may look at it as soon as it has the reply.
    await sendReply(response, out, () => {
      if (reply.tellsUsage && asksForUsage(wire, given)) record.usage = reply.usage;
    });
  };
}

/** Chat Completions tells a stream's cost only when asked to. */
function asksForUsage(wire: Wire, body: Json): boolean {
  if (wire !== "chat" || body.stream !== true) return true;
  return asObject(body.stream_options).include_usage === true;
}

function parseJson(text: string): Json {
  try {
    return asObject(JSON.parse(text));
  } catch {
    return {}; // refused like a body without a model
  }
}

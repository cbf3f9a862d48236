import type { Reply, ReplyCall, Usage } from "./compose-reply.ts";
import { type Frame, namedEvent, nowS, splitText, type WireFormat } from "./frame.ts";
import type { Json } from "./scenario.ts";

/** The Responses API. Each item of the output comes with its own events, then the whole response. */
export const responsesWire: WireFormat = {
  frames(reply, body) {
    const frames: Frame[] = [];
    let sequence = 0;
    const add: AddEvent = (type, data, part = "body") =>
      frames.push({ part, text: namedEvent(type, { sequence_number: sequence++, ...data }) });

    add("response.created", { response: responseOf(reply, body, "in_progress") });
    add("response.in_progress", { response: responseOf(reply, body, "in_progress") });
    for (const [output_index, item] of outputOf(reply, body).entries()) {
      const { opened, events } = unfold(item, { output_index, item_id: item.id });
      add("response.output_item.added", { output_index, item: opened });
      for (const { type, data, part } of events) add(type, data, part);
      add("response.output_item.done", { output_index, item });
    }
    const status = reply.finish === "length" ? "incomplete" : "completed";
    add(`response.${status}`, { response: responseOf(reply, body, status) }, "end");
    return frames;
  },

  whole: (reply, body) =>
    responseOf(reply, body, reply.finish === "length" ? "incomplete" : "completed"),

  failure: (reply, body, { code, message }) => {
    const error = { code: code ?? "server_error", message };
    const response = { ...responseOf(reply, body, "failed"), error };
    return namedEvent("response.failed", { sequence_number: 99, response });
  },
};

type Event = { type: string; data: Json; part: Frame["part"] };
type AddEvent = (type: string, data: Json, part?: Frame["part"]) => void;

/** The item as it is first announced, and what comes until it is whole. */
function unfold(item: Json, place: Json): { opened: Json; events: Event[] } {
  const events: Event[] = [];
  const add: AddEvent = (type, data, part = "body") =>
    events.push({ type: `response.${type}`, data: { ...place, ...data }, part });

  switch (item.type) {
    case "reasoning": {
      const at = { summary_index: 0 };
      for (const part of item.summary as { type: string; text: string }[]) {
        add("reasoning_summary_part.added", { ...at, part: { ...part, text: "" } });
        for (const delta of splitText(part.text)) {
          add("reasoning_summary_text.delta", { ...at, delta });
        }
        add("reasoning_summary_text.done", { ...at, text: part.text });
        add("reasoning_summary_part.done", { ...at, part });
      }
      return { opened: { ...item, summary: [] }, events };
    }
    case "message": {
      const at = { content_index: 0 };
      for (const part of item.content as Json[]) {
        const isText = part.type === "output_text";
        const key = isText ? "text" : "refusal";
        const name = isText ? "output_text" : "refusal";
        const more = isText ? { logprobs: [] } : {};
        add("content_part.added", { ...at, part: { ...part, [key]: "" } });
        for (const delta of splitText(String(part[key]))) {
          add(`${name}.delta`, { ...at, delta, ...more });
        }
        add(`${name}.done`, { ...at, [key]: part[key], ...more });
        add("content_part.done", { ...at, part });
      }
      return { opened: { ...item, status: "in_progress", content: [] }, events };
    }
    default: {
      const isCustom = item.type === "custom_tool_call";
      const key = isCustom ? "input" : "arguments";
      const name = isCustom ? "custom_tool_call_input" : "function_call_arguments";
      for (const delta of splitText(String(item[key])))
        add(`${name}.delta`, { delta }, "arguments");
      add(`${name}.done`, { [key]: item[key], ...(isCustom ? {} : { name: item.name }) });
      return { opened: { ...item, status: "in_progress", [key]: "" }, events };
    }
  }
}

/** The items of a reply: what it thought, what it says, what it calls. */
export function outputOf(reply: Reply, body: Json): Json[] {
  const { key, text, reasoning, refusal, calls } = reply;
  const items: Json[] = [];
  if (reasoning) {
    const wantsSecret =
      Array.isArray(body.include) && body.include.includes("reasoning.encrypted_content");
    items.push({
      id: `rs_${key}`,
      type: "reasoning",
      summary: [{ type: "summary_text", text: reasoning }],
      ...(wantsSecret ? { encrypted_content: encrypt(reasoning) } : {}),
    });
  }
  const status = reply.finish === "length" ? "incomplete" : "completed";
  const content = [
    ...(text ? [{ type: "output_text", annotations: [], logprobs: [], text }] : []),
    ...(refusal === null ? [] : [{ type: "refusal", refusal }]),
  ];
  if (content.length > 0) {
    const isCut = calls.length === 0 && status === "incomplete";
    const own = isCut ? "incomplete" : "completed";
    items.push({ id: `msg_${key}`, type: "message", status: own, role: "assistant", content });
  }
  calls.forEach((call, index) => {
    const own = index === calls.length - 1 ? status : "completed";
    items.push(callItem(call, `${key}${index}`, own));
  });
  return items;
}

function callItem(call: ReplyCall, key: string, status: string): Json {
  const head = { status, call_id: call.id, name: call.name };
  const group = call.namespace === null ? {} : { namespace: call.namespace };
  return call.kind === "custom"
    ? { id: `ctc_${key}`, type: "custom_tool_call", ...head, ...group, input: call.arguments }
    : { id: `fc_${key}`, type: "function_call", ...head, ...group, arguments: call.arguments };
}

/** Opaque to agents, who have to carry it back as it is. */
export function encrypt(reasoning: string): string {
  return `gAAAAA${Buffer.from(reasoning).toString("base64url")}`;
}

function responseOf(reply: Reply, body: Json, status: string): Json {
  const isOver = status === "completed" || status === "incomplete";
  return {
    id: `resp_${reply.key}`,
    object: "response",
    created_at: nowS(),
    status,
    background: false,
    error: null,
    incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
    instructions: body.instructions ?? null,
    max_output_tokens: body.max_output_tokens ?? null,
    model: reply.model,
    output: isOver ? outputOf(reply, body) : [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    reasoning: body.reasoning ?? { effort: null, summary: null },
    store: body.store ?? true,
    temperature: 1,
    text: body.text ?? { format: { type: "text" } },
    tool_choice: body.tool_choice ?? "auto",
    tools: [],
    top_p: 1,
    truncation: "disabled",
    usage: isOver && reply.tellsUsage ? responsesUsage(reply.usage) : null,
    user: null,
    metadata: {},
  };
}

function responsesUsage(usage: Usage): Json {
  return {
    input_tokens: usage.inputTokens,
    input_tokens_details: { cached_tokens: usage.cachedInputTokens },
    output_tokens: usage.outputTokens,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens },
    total_tokens: usage.inputTokens + usage.outputTokens,
  };
}

import { createHash } from "node:crypto";
import { type Entry, findFlaw } from "./check-request.ts";
import { asObject, asObjects, asText, contentText, countTokens } from "./json.ts";
import type { Json, OfferedTool, Seen, Wire } from "./scenario.ts";

/** The body of a request, as the scenario sees it. */
export function readRequest(wire: Wire, body: Json): Seen {
  const entries = readEntries(wire, body);
  const tools = readTools(wire, body);
  const first = entries.findIndex(({ who }) => who === "assistant");
  const textOf = (who: Entry["who"], among: readonly Entry[]) =>
    among.flatMap((entry) => (entry.who === who ? [entry.text] : [])).join("\n");
  const system = textOf("system", entries);
  const user = textOf("user", first < 0 ? entries : entries.slice(0, first));
  const schema = readSchema(body);
  return {
    wire,
    model: asText(body.model),
    stream: body.stream === true,
    system,
    user,
    lastUser: entries.findLast(({ who }) => who === "user")?.text ?? "",
    replies: countReplies(entries),
    tools,
    workdir: findWorkdir(`${system}\n${user}`),
    schema,
    isSide: isSide(system, user, tools, body),
    conversation: createHash("sha256")
      .update(JSON.stringify([wire, body.model, body.prompt_cache_key, user]))
      .digest("hex")
      .slice(0, 12),
    knownTokens: countKnown(body, entries),
    flaw: findFlaw(entries),
  };
}

function readEntries(wire: Wire, body: Json): Entry[] {
  switch (wire) {
    case "responses":
      return [entry("system", asText(body.instructions)), ...readInput(body.input)];
    case "chat":
      return asObjects(body.messages).map((message) => {
        const text = contentText(message.content);
        const calls = asObjects(message.tool_calls).map((call) => asText(call.id));
        if (message.role === "tool") return entry("tool", text, [asText(message.tool_call_id)]);
        return entry(readRole(message.role), text, calls);
      });
    case "messages":
      return [
        entry("system", contentText(body.system)),
        ...asObjects(body.messages).flatMap((message) => {
          const parts = asObjects(message.content);
          const ids = (type: string, key: string) =>
            parts.filter((part) => part.type === type).map((part) => asText(part[key]));
          const text = contentText(message.content);
          if (message.role === "assistant") {
            return [entry("assistant", text, ids("tool_use", "id"))];
          }
          const answered = ids("tool_result", "tool_use_id");
          const results = answered.length > 0 ? [entry("tool", "", answered)] : [];
          return text || results.length === 0
            ? [...results, entry(readRole(message.role), text)]
            : results;
        }),
      ];
  }
}

function readInput(input: unknown): Entry[] {
  if (typeof input === "string") return [entry("user", input)];
  return asObjects(input).flatMap((item): Entry[] => {
    const type = asText(item.type) || "message";
    const ids = [asText(item.call_id)];
    if (type.endsWith("_call_output")) return [entry("tool", contentText(item.output), ids)];
    if (type.endsWith("_call")) return [entry("assistant", "", ids)];
    if (type === "reasoning") return [entry("assistant", "")];
    return type === "message" ? [entry(readRole(item.role), contentText(item.content))] : [];
  });
}

function entry(who: Entry["who"], text: string, callIds: readonly string[] = []): Entry {
  return { who, text, callIds: callIds.filter(Boolean) };
}

function readRole(role: unknown): Entry["who"] {
  if (role === "system" || role === "developer") return "system";
  return role === "assistant" ? "assistant" : "user";
}

/** The turn that an id of ours was given in; see compose-reply.ts. */
const turnPattern = /^(?:call|toolu)_t(\d+)c/;

/**
 * Replies in a conversation. A run of the assistant's entries is one reply; where a call carries an id
 * of ours it says itself which turn it was, as agents may put each result right after its call.
 */
function countReplies(entries: readonly Entry[]): number {
  let count = 0;
  let isInReply = false;
  for (const { who, callIds } of entries) {
    if (who === "assistant") {
      const turn = callIds.map((id) => turnPattern.exec(id)?.[1]).find(Boolean);
      if (turn !== undefined) count = Number(turn) + 1;
      else if (!isInReply) count += 1;
    }
    isInReply = who === "assistant";
  }
  return count;
}

function countKnown(body: Json, entries: readonly Entry[]): number {
  if (!entries.some(({ who }) => who === "assistant")) return 0;
  const items = asObjects(body.input ?? body.messages);
  const last = items.findLastIndex(
    (item) => item.role === "assistant" || /_call$/.test(asText(item.type)),
  );
  return countTokens([body.instructions, body.system, body.tools, items.slice(0, last)]);
}

function readTools(wire: Wire, body: Json): OfferedTool[] {
  const lists = [body.tools];
  // Some models get their tools as an entry of the conversation.
  if (wire === "responses") {
    for (const item of asObjects(body.input)) {
      if (item.type === "additional_tools") lists.push(item.tools);
    }
  }
  const read = (tool: Json, namespace: string | null): OfferedTool[] => {
    if (Array.isArray(tool.tools)) {
      return asObjects(tool.tools).flatMap((inner) => read(inner, asText(tool.name) || null));
    }
    const own = asObject(tool.function ?? tool);
    const name = asText(own.name) || asText(tool.type);
    const kind = tool.type === "custom" ? "custom" : "function";
    return [{ name, kind, parameters: asObject(own.parameters ?? own.input_schema), namespace }];
  };
  return lists.flatMap(asObjects).flatMap((tool) => read(tool, null));
}

/** Where each API takes the schema of the answer. */
function readSchema(body: Json): Json | null {
  const formats = [
    asObject(body.response_format),
    asObject(asObject(body.text).format),
    asObject(body.output_format),
    asObject(asObject(body.output_config).format),
  ];
  const format = formats.find(({ type }) => type === "json_schema" || type === "json_object");
  return format ? asObject(format.schema ?? asObject(format.json_schema).schema) : null;
}

function findWorkdir(text: string): string | null {
  const found =
    /<cwd>([^<]+)<\/cwd>/.exec(text) ??
    /(?:primary |current )?working directory:\s*(\/[^\s<]*)/i.exec(text);
  return found?.[1] ?? null;
}

/** Agents ask for a title, or try out the connection: with no tools, and in these words. */
function isSide(system: string, user: string, tools: readonly OfferedTool[], body: Json): boolean {
  if (tools.length > 0) return false;
  return body.max_tokens === 1 || sideWords.test(system) || sideWords.test(user.slice(0, 400));
}

const sideWords =
  /title generator|(?:generate|write|create)\b[^.\n]{0,40}\btitle\b|sentence-case title|new conversation topic/i;

/**
 * Server-Sent Events from a byte stream, as the daemon writes them: `id`, `event` and `data` lines
 * and an empty line after each event; comments and unknown fields are ignored. Messages have a
 * maximum length, so that a line without an end is an error instead of exhausting memory.
 */
export type SseMessage = { event: string; data: string };

const maxMessageLength = 16 * 1024 * 1024;

export async function* parseSse(
  body: AsyncIterable<Uint8Array>,
  onChunk: () => void = () => {},
): AsyncGenerator<SseMessage> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    onChunk();
    rest += decoder.decode(chunk, { stream: true });
    const blocks = rest.split(/\r?\n\r?\n/);
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const message = parseBlock(block);
      if (message) yield message;
    }
    if (rest.length > maxMessageLength) throw new Error("an event of the stream has no end");
  }
}

function parseBlock(block: string): SseMessage | null {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ""] = /^(\w+):? ?(.*)$/.exec(line) ?? [];
    if (field === "event") event = value;
    if (field === "data") data.push(value);
  }
  return data.length > 0 ? { event, data: data.join("\n") } : null;
}

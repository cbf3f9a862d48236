import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { McpServerConfig } from "../../core/mcp-server.ts";

/** Streamable HTTP, as the SDK speaks it, to this address and no other. */
export function openHttpTransport(
  { url }: Extract<McpServerConfig, { kind: "http" }>,
  headers: Record<string, string>,
  ask: typeof fetch,
): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(url), {
    // A redirect could carry the headers to whoever the server names.
    requestInit: { headers, redirect: "error" },
    fetch: limitAnswers(ask, maxAnswerBytes),
    reconnectionOptions: {
      initialReconnectionDelay: 500,
      maxReconnectionDelay: 5_000,
      reconnectionDelayGrowFactor: 2,
      maxRetries: 2,
    },
  });
}

const maxAnswerBytes = 16 * 1024 * 1024;

/**
 * `fetch` whose answers end with an error when they get larger than anybody will read: a tool server
 * must not be able to fill the daemon's memory.
 */
function limitAnswers(ask: typeof fetch, maxBytes: number): typeof fetch {
  return async (input, init) => {
    const response = await ask(input, init);
    if (!response.body) return response;
    let bytes = 0;
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          bytes += chunk.byteLength;
          if (bytes <= maxBytes) controller.enqueue(chunk);
          else controller.error(new Error(`its answer is larger than ${maxBytes} bytes`));
        },
      }),
    );
    const { status, statusText, headers } = response;
    return new Response(counted, { status, statusText, headers });
  };
}

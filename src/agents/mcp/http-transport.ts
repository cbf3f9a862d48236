import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { McpServerConfig } from "../../core/settings/mcp-server.ts";

/** Opens the SDK's streamable HTTP transport to this address only. */
export function openHttpTransport(
  { url }: Extract<McpServerConfig, { kind: "http" }>,
  headers: Record<string, string>,
  ask: typeof fetch,
): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(url), {
    // A redirect could send the headers to another host.
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

/** Wraps `fetch` so that larger answers fail: a tool server must not fill the daemon's memory. */
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

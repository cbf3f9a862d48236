import {
  type JSONRPCMessage,
  ReadBuffer,
  serializeMessage,
  type Transport,
} from "@modelcontextprotocol/client";
import type { PipedProcess } from "../../sandbox/process/spawn-piped.ts";

/**
 * Carries the SDK's messages over the pipes of a running process, because the SDK's own transport
 * would start it outside the sandbox. The transport closes when the process has ended.
 */
export function makeStdioTransport(
  server: PipedProcess,
  told: { onClose: () => void; onGarbage: (error: Error) => void },
): Transport {
  const buffer = new ReadBuffer({ maxBufferSize: maxMessageBytes });
  const transport: Transport = {
    async start() {
      server.stdout.on("data", (chunk: Buffer) => {
        try {
          buffer.append(chunk);
        } catch (error) {
          // A line that is too long; the stream cannot be read further.
          server.stdout.removeAllListeners("data");
          told.onGarbage(error as Error);
          void server.stop();
          return;
        }
        for (let message = nextMessage(buffer); message; message = nextMessage(buffer)) {
          transport.onmessage?.(message);
        }
      });
      void server.ended.then(() => transport.onclose?.());
    },
    async send(message) {
      if (!server.stdin.writable) throw new Error("its stdin is closed");
      await new Promise<void>((resolve, reject) => {
        server.stdin.write(serializeMessage(message), (error) =>
          error ? reject(error) : resolve(),
        );
      });
    },
    close() {
      // If its stdin is closed, the server is ending by itself, and that is the cause to report.
      if (server.stdin.writable) told.onClose();
      return server.stop();
    },
  };
  return transport;
}

/** Skips lines that are no messages: some servers log to their stdout. */
function nextMessage(buffer: ReadBuffer): JSONRPCMessage | null {
  for (;;) {
    try {
      return buffer.readMessage();
    } catch {
      // JSON, but no message; try the next line
    }
  }
}

const maxMessageBytes = 8 * 1024 * 1024;

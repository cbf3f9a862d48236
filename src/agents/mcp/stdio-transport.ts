import {
  type JSONRPCMessage,
  ReadBuffer,
  serializeMessage,
  type Transport,
} from "@modelcontextprotocol/client";
import type { PipedProcess } from "../../sandbox/spawn-piped.ts";

/**
 * The SDK's messages over the pipes of a process that somebody else started: the SDK's own transport
 * would start it itself, outside of the sandbox. Closed exactly when the process has ended.
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
          // A line without end: there is no going on after it.
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
      // One that hears nothing any more ends by itself, and its end is what is to be told.
      if (server.stdin.writable) told.onClose();
      return server.stop();
    },
  };
  return transport;
}

/** Lines that are no messages are passed over: some servers log to their stdout. */
function nextMessage(buffer: ReadBuffer): JSONRPCMessage | null {
  for (;;) {
    try {
      return buffer.readMessage();
    } catch {
      // this line is JSON, and no message; the next may be one
    }
  }
}

const maxMessageBytes = 8 * 1024 * 1024;

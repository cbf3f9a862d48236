import { once } from "node:events";
import { Readable, Writable } from "node:stream";
import { StdioServerTransport, serveStdio } from "@modelcontextprotocol/server/stdio";
import { makeMcpServer } from "./server.ts";
import { makeMcpTools, type ToolsOptions } from "./tools.ts";

/** Serves the tools to one client over stdin and stdout until it disconnects. */
export async function serveMcpOverStdio(
  options: ToolsOptions & { version: string },
  io: { stdin: AsyncIterable<Buffer | string>; stdout: { write(text: string): unknown } },
): Promise<void> {
  const tools = makeMcpTools(options);
  const input = Readable.from(io.stdin, { objectMode: false });
  const output = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      io.stdout.write(String(chunk));
      done();
    },
  });
  const hungUp = once(input, "close");
  serveStdio(() => makeMcpServer(tools, options.version), {
    transport: new StdioServerTransport(input, output, { maxBufferSize: maxMessageBytes }),
  });
  await hungUp;
}

const maxMessageBytes = 16 * 1024 * 1024;

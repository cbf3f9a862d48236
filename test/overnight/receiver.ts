import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** An ntfy server that remembers what it accepted, and can be down or refuse. */
export type Receiver = {
  url: string;
  titles(): string[];
  /** How many pushes it did not accept. */
  refused(): number;
  refuse(status: number | null): void;
  close(): Promise<void>;
};

export async function startReceiver(): Promise<Receiver> {
  const titles: string[] = [];
  let refusal: number | null = null;
  let refused = 0;
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      if (refusal !== null) {
        refused++;
        return void response.writeHead(refusal).end();
      }
      if (text !== "") titles.push(JSON.parse(text).title); // a card is taken away without one
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    titles: () => [...titles],
    refused: () => refused,
    refuse: (status) => {
      refusal = status;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** An ntfy server that only remembers what was pushed to it. */
export type Phone = {
  env: Record<string, string>;
  titles(): string[];
  close(): Promise<void>;
};

export async function startPhone(): Promise<Phone> {
  const titles: string[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (chunk) => {
      text += chunk;
    });
    request.on("end", () => {
      titles.push(JSON.parse(text).title);
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    env: { DEPUTY_NTFY_URL: `http://127.0.0.1:${port}`, DEPUTY_NTFY_TOPIC: "deputy" },
    titles: () => [...titles],
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

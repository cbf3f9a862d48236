import { once } from "node:events";
import { createServer, connect as dial, type Socket } from "node:net";
import { join } from "node:path";
import type { EmbeddedPostgres } from "../../src/store/postgres/embedded.ts";
import { makeScratch } from "./scratch.ts";

type Connection = EmbeddedPostgres["connection"];

/** A socket before the server's own, on which connections break at the worst moment. */
export type PostgresProxy = {
  connection: Connection;
  /**
   * Breaks the connection on which these words are sent next, as text or as a value: once the server has
   * answered, before the client hears. Resolves when it broke.
   */
  breakAfter(words: string): Promise<void>;
  close(): Promise<void>;
};

export async function startPostgresProxy(server: Connection): Promise<PostgresProxy> {
  const scratch = await makeScratch();
  const sockets = new Set<Socket>();
  let breaking: { words: string; done: () => void } | null = null;
  const proxy = createServer((client) => {
    const upstream = dial(join(server.host, `.s.PGSQL.${server.port}`));
    let last: (() => void) | null = null;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {}); // either end may break; that is what this is for
      socket.on("close", () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk) => {
      if (breaking !== null && chunk.includes(breaking.words)) {
        last = breaking.done;
        breaking = null;
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => {
      if (last === null) return void client.write(chunk);
      client.destroy();
      last();
    });
  });
  proxy.listen(join(scratch.path, `.s.PGSQL.${server.port}`));
  await once(proxy, "listening");
  return {
    connection: { ...server, host: scratch.path },
    breakAfter: (words) =>
      new Promise((done) => {
        breaking = { words, done };
      }),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((closed) => proxy.close(closed));
      await scratch.remove();
    },
  };
}

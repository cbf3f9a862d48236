import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** How an unconfined run reaches a server of the daemon: a free port of the machine's loopback. */
export async function exposeOnLoopback(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

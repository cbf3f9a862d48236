import { lookup } from "node:dns/promises";
import { mkdir, rm } from "node:fs/promises";
import { createServer, type IncomingMessage } from "node:http";
import { connect, isIP, type Socket } from "node:net";
import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import { DeputyError } from "../../core/base/error.ts";
import { isPublicAddress } from "./reachable-address.ts";

/**
 * The egress for a command whose network is an allow-list: a proxy of the daemon on a unix socket,
 * which a confined command reaches as `HTTPS_PROXY`. It accepts CONNECT to an allowed name,
 * resolves it once, and connects to one of its public addresses; the command resolves nothing
 * itself. Everything else is refused with 403 and reported to `onRefused`, as evidence. The proxy
 * does not inspect the bytes, so an allowed host can be sent anything.
 */
export type EgressProxy = { socketPath: string; close(): Promise<void> };

export type Refusal = { host: string; port: number; reason: string };

export type EgressOptions = {
  socketPath: string;
  /** `registry.npmjs.org`, `*.pythonhosted.org` (any name below it), `:port` defaults to 443. */
  allow: readonly string[];
  onRefused: (refusal: Refusal) => void;
  /** Whether a name may lead to this address; default: public internet addresses only. */
  mayReach?: (address: string, host: string) => boolean;
  resolve?: (host: string) => Promise<string[]>;
};

const connectTimeoutMs = 20_000;
const maxConnections = 256;

/** Starts listening. Throws a DeputyError for an invalid pattern. */
export async function openEgressProxy(options: EgressOptions): Promise<EgressProxy> {
  const { socketPath, onRefused, mayReach = isPublicAddress, resolve = resolveName } = options;
  const patterns = options.allow.map(parsePattern);
  const open = new Set<Duplex>();
  const keep = (socket: Duplex) => {
    open.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => open.delete(socket));
  };

  const server = createServer((request, response) => {
    const { host, port } = readTarget(request.headers.host ?? "", 80);
    onRefused({ host, port, reason: "only HTTPS is let out" });
    response.writeHead(403, { "content-type": "text/plain", connection: "close" });
    response.end("Deputy's sandbox: only HTTPS (CONNECT) is let out.\n");
  });
  server.maxConnections = maxConnections;
  server.on("connection", keep);
  server.on("connect", async (request: IncomingMessage, client: Duplex, head: Buffer) => {
    const { host, port } = readTarget(request.url ?? "", 443);
    const address = await admit(host, port).catch((error: Error) => ({ reason: error.message }));
    if (typeof address !== "string") {
      onRefused({ host, port, reason: address.reason });
      client.end(refusalOf(address.reason));
      return;
    }
    const outside: Socket = connect({ host: address, port, timeout: connectTimeoutMs });
    keep(outside);
    outside.once("timeout", () => outside.destroy());
    outside.once("error", () => {
      if (client.writable && !outside.readyState.startsWith("open"))
        client.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    });
    outside.once("connect", () => {
      outside.setTimeout(0);
      client.write("HTTP/1.1 200 Connection Established\r\n\r\n");
      if (head.length > 0) outside.write(head);
      outside.pipe(client);
      client.pipe(outside);
    });
    client.once("close", () => outside.destroy());
    outside.once("close", () => client.destroy());
  });

  /** Returns the address to connect to. Throws an Error with the reason if there is none. */
  const admit = async (host: string, port: number): Promise<string> => {
    if (isIP(host.replace(/^\[|\]$/g, "")) !== 0 || /^[\d.]+$/.test(host))
      throw new Error("an address instead of a name");
    if (!patterns.some((pattern) => pattern(host, port))) throw new Error("not on the list");
    const addresses = await resolve(host).catch(() => []);
    if (addresses.length === 0) throw new Error("the name has no address");
    const address = addresses.find((one) => mayReach(one, host));
    if (address === undefined) throw new Error("the name leads to an address that is not public");
    return address;
  };

  await mkdir(dirname(socketPath), { recursive: true, mode: 0o700 });
  await rm(socketPath, { force: true }); // left by a killed daemon
  await new Promise<void>((listening, failed) => {
    server.once("error", failed);
    server.listen(socketPath, () => {
      server.off("error", failed);
      listening();
    });
  });
  return {
    socketPath,
    close: async () => {
      const closed = new Promise<void>((done) => server.close(() => done()));
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

function refusalOf(reason: string): string {
  const body = `Deputy's sandbox: refused, ${reason}.\n`;
  return `HTTP/1.1 403 Forbidden\r\ncontent-type: text/plain\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
}

/** Parses a target; hosts are in lower case and without a trailing dot. */
function readTarget(text: string, defaultPort: number): { host: string; port: number } {
  const [, host = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(\d{1,5}))?$/.exec(text) ?? [];
  return {
    host: host.toLowerCase().replace(/\.$/, "").slice(0, 253),
    port: port === undefined ? defaultPort : Number(port),
  };
}

/** Whether it is a name, or `*.name` for all names below it, with or without `:port`. */
export function isHostPattern(text: string): boolean {
  return readPattern(text) !== null;
}

function readPattern(text: string) {
  const found = /^(\*\.)?([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::(\d{1,5}))?$/.exec(text.toLowerCase());
  const [, below, name = "", port = "443"] = found ?? [];
  return found && !/^[\d.]+$/.test(name) ? { below, name, port } : null;
}

function parsePattern(text: string): (host: string, port: number) => boolean {
  const pattern = readPattern(text);
  if (pattern === null) {
    throw new DeputyError(
      "invalid_input",
      `"${text}" is no host for the network's allow-list: write a name, or *.name for all names below it, with :port where it is not 443.`,
    );
  }
  const { below, name, port } = pattern;
  return (host, wanted) =>
    wanted === Number(port) && (below ? host.endsWith(`.${name}`) : host === name);
}

async function resolveName(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

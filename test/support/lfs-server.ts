import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { serveGit } from "./git-http.ts";

/**
 * A forge as Git LFS knows it: repositories below `root` by git's own server, and beside each of them
 * the batch API with basic transfers, its objects in memory.
 */
export type LfsServer = {
  url: string;
  objects: Map<string, Buffer>;
  /** Method, path and `Authorization` of every request. */
  requests: { method: string; path: string; authorization: string | undefined }[];
  close(): Promise<void>;
};

export async function startLfsServer(root: string): Promise<LfsServer> {
  const objects = new Map<string, Buffer>();
  const requests: LfsServer["requests"] = [];
  const server = createServer((request, response) => {
    const { method = "", headers, url: path = "" } = request;
    requests.push({ method, path, authorization: headers.authorization });
    if (!/\/info\/lfs\/|^\/objects\//.test(path)) return serveGit(request, response, root);
    answer(request, response, objects).catch((error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    objects,
    requests,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  objects: Map<string, Buffer>,
): Promise<void> {
  const body = await read(request);
  const { host = "" } = request.headers;
  const { pathname } = new URL(request.url ?? "/", `http://${host}`);
  const oid = pathname.split("/").at(-1) ?? "";
  if (pathname.endsWith("/objects/batch")) {
    const { operation, objects: wanted } = JSON.parse(body.toString());
    const described = wanted.map(({ oid: id, size }: { oid: string; size: number }) => {
      const href = `http://${host}/objects/${id}`;
      if (operation === "upload" && objects.has(id)) return { oid: id, size };
      if (operation === "download" && !objects.has(id))
        return { oid: id, size, error: { code: 404, message: "object does not exist" } };
      return { oid: id, size, actions: { [operation]: { href } } };
    });
    response.setHeader("content-type", "application/vnd.git-lfs+json");
    response.end(JSON.stringify({ transfer: "basic", objects: described }));
  } else if (request.method === "PUT") {
    const isWhole = createHash("sha256").update(body).digest("hex") === oid;
    if (isWhole) objects.set(oid, body);
    response.writeHead(isWhole ? 200 : 422).end();
  } else {
    const content = objects.get(oid);
    response.writeHead(content ? 200 : 404).end(content);
  }
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Whether git-lfs is installed here; CI installs it. */
export const hasGitLfs = spawnSync("git", ["lfs", "version"]).status === 0;
if (!hasGitLfs) console.warn("git-lfs is not installed: the tests of Git LFS are skipped");

/** What a commit holds of a file with this content. */
export function pointerTo(content: string): string {
  const oid = oidOf(content);
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${Buffer.byteLength(content)}\n`;
}

export function oidOf(content: string): string {
  return createHash("sha256").update(content).digest("hex");
}

import { execFileSync, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";

/** Git over HTTP as a forge serves it: by git's own server program, behind a gateway of the test's. */
const backend = join(
  execFileSync("git", ["--exec-path"], { encoding: "utf8" }).trim(),
  "git-http-backend",
);

/** Some systems package it apart from git. */
export const hasGitHttpBackend = existsSync(backend);

/** Answer one request of a git client for a bare repository below `root`. */
export function serveGit(request: IncomingMessage, response: ServerResponse, root: string): void {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  const child = spawn(backend, {
    env: {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      PATH_INFO: pathname,
      QUERY_STRING: searchParams.toString(),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"],
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"],
      REMOTE_USER: "una",
    },
  });
  request.pipe(child.stdin);
  child.stdin.on("error", () => {}); // it may answer without reading all of it
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.on("close", () => {
    const whole = Buffer.concat(chunks);
    const split = whole.indexOf("\r\n\r\n");
    const headers = whole.subarray(0, split).toString().split("\r\n");
    const status = headers.find((line) => line.startsWith("Status: "))?.slice(8, 11) ?? "200";
    const fields = headers
      .filter((line) => !line.startsWith("Status: "))
      .map((line) => line.split(": "));
    response.writeHead(Number(status), Object.fromEntries(fields)).end(whole.subarray(split + 4));
  });
}

export type GitRemote = {
  url: string;
  bare: string;
  /** The requests so far: a method and a path each. */
  requests: string[];
  /** What becomes of a request, where a test sets it: true is served, false refused. */
  gate: (request: IncomingMessage) => boolean | Promise<boolean>;
  close(): void;
};

/** A bare clone of a repository, served with filters for partial clones and open for pushes. */
export async function serveClone(source: string, bare: string): Promise<GitRemote> {
  const git = (...args: string[]) => execFileSync("git", args, { stdio: "ignore" });
  git("clone", "--quiet", "--bare", source, bare);
  for (const key of ["http.receivepack", "uploadpack.allowFilter"])
    git("-C", bare, "config", key, "true");
  const remote: GitRemote = { url: "", bare, requests: [], gate: () => true, close: () => {} };
  const server = createServer(async (request, response) => {
    remote.requests.push(`${request.method} ${request.url}`);
    if (await remote.gate(request)) serveGit(request, response, dirname(bare));
    else response.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const path = bare.slice(bare.lastIndexOf("/"));
  return Object.assign(remote, {
    url: `http://127.0.0.1:${port}${path}`,
    close: () => server.close(),
  });
}

/** Command lines of running processes that hold the text: anybody on the machine can read them. */
export function findInArgv(text: string): string[] {
  if (!existsSync("/proc/self/cmdline")) return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return line.includes(text) ? [line] : [];
      } catch {
        return []; // ended meanwhile
      }
    });
}

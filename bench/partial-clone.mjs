import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { basename, dirname, join } from "node:path";
import { addWorktree } from "../dist/worktree/checkout/worktree.js";
import { ensureMirror, openMirrors } from "../dist/worktree/mirror/mirror.js";
import { parseRepository } from "../dist/worktree/mirror/repository-url.js";
import { makeFolder } from "./support.mjs";

/**
 * What the first task in a huge repository waits for and keeps: from no mirror to a sparse worktree of
 * 50 files, of 5,000 files in 200 commits that change 200 each; a whole mirror and a partial one, by
 * HTTP from this machine.
 */
const fileCount = 5_000;
const commits = 200;

export async function benchPartialClone() {
  const bare = join(await makeFolder("partial-clone"), "huge.git");
  await makeHistory(bare);
  const server = await serve(dirname(bare));
  const url = `http://127.0.0.1:${server.address().port}/${basename(bare)}`;
  const measured = { source: sizeOf(bare) };
  for (const kind of ["whole", "partial"]) {
    const home = await makeFolder(kind);
    const access = { authHeader: async () => null, wantsPartial: () => kind === "partial" };
    const startedAt = performance.now();
    const mirrors = openMirrors(join(home, "repos"), undefined, access);
    const mirror = await ensureMirror(mirrors, parseRepository(url));
    const base = mirror.head.commit;
    const sparse = { folders: ["part-0"], base };
    await addWorktree(mirror, join(home, "sub_one"), base, "filled", sparse);
    measured[kind] = { ms: performance.now() - startedAt, bytes: sizeOf(mirror.gitDir) };
  }
  server.close();
  return measured;
}

async function makeHistory(bare) {
  execFileSync("git", ["init", "--quiet", "--bare", "--initial-branch=main", bare]);
  for (const [key, value] of Object.entries({ "uploadpack.allowFilter": true, "gc.auto": 0 }))
    execFileSync("git", ["-C", bare, "config", key, String(value)]);
  const git = spawn("git", ["-C", bare, "fast-import", "--quiet"], {
    stdio: ["pipe", "inherit", "inherit"],
  });
  for (let round = 0; round <= commits; round++) {
    const count = round === 0 ? fileCount : 200;
    const files = Array.from({ length: count }, (_, i) => {
      const file = (i + round * 200) % fileCount;
      const text = randomBytes(3_000).toString("base64");
      return `M 100644 inline part-${Math.floor(file / 50)}/f${file}\ndata ${text.length}\n${text}\n`;
    });
    const head = `commit refs/heads/main\ncommitter Bench <bench@localhost> ${1_700_000_000 + round} +0000\ndata 1\nx\n`;
    if (!git.stdin.write(head + files.join(""))) await once(git.stdin, "drain");
  }
  git.stdin.end();
  await once(git, "close");
}

/** Git's own HTTP server program behind a port. */
async function serve(root) {
  const backend = join(
    execFileSync("git", ["--exec-path"], { encoding: "utf8" }).trim(),
    "git-http-backend",
  );
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    const env = {
      PATH: process.env.PATH,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      PATH_INFO: pathname,
      QUERY_STRING: searchParams.toString(),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers["content-type"],
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"],
    };
    const child = spawn(backend, { env, stdio: ["pipe", "pipe", "inherit"] });
    request.pipe(child.stdin);
    let before = Buffer.alloc(0);
    child.stdout.on("data", (chunk) => {
      if (response.headersSent) return response.write(chunk);
      before = Buffer.concat([before, chunk]);
      const end = before.indexOf("\r\n\r\n");
      if (end < 0) return;
      const lines = before.subarray(0, end).toString().split("\r\n");
      response.writeHead(200, Object.fromEntries(lines.map((line) => line.split(": "))));
      response.write(before.subarray(end + 4));
    });
    child.on("close", () => response.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const sizeOf = (folder) =>
  1024 * Number(execFileSync("du", ["-sk", folder], { encoding: "utf8" }).split("\t")[0]);

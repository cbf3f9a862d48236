import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scrubbedEnvironment } from "../../src/core/base/child-environment.ts";
import { runCommand } from "../../src/sandbox/process/run-command.ts";

export type RedisServer = {
  url: string;
  stop(): Promise<void>;
  /** Stop it and have another one, which knows nothing, on the same port. */
  restart(): Promise<void>;
};

/** A real redis-server on a free port, keeping nothing. Null when none is installed. */
export async function startRedisServer(): Promise<RedisServer | null> {
  for (let tries = 0; tries < 5; tries++) {
    const started = await tryRedisServer();
    if (started === "not installed") return null;
    if (started !== "port taken") return started;
  }
  throw new Error("redis-server found no free port in five tries");
}

async function tryRedisServer(): Promise<RedisServer | "not installed" | "port taken"> {
  const port = await findFreePort();
  const first = await launch(port);
  if (typeof first === "string") return first;
  let stop = first.stop;
  return {
    url: `redis://127.0.0.1:${port}`,
    stop: () => stop(),
    restart: async () => {
      await stop();
      const next = await launch(port);
      if (typeof next === "string") throw new Error(`redis-server does not start again: ${next}`);
      stop = next.stop;
    },
  };
}

async function launch(
  port: number,
): Promise<{ stop(): Promise<void> } | "not installed" | "port taken"> {
  const directory = await mkdtemp(join(tmpdir(), "deputy-redis-"));
  const aborter = new AbortController();
  let seen = "";
  let onReady = () => {};
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  const running = runCommand({
    argv: [
      "redis-server",
      ...["--port", String(port), "--bind", "127.0.0.1", "--dir", directory],
      ...["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"],
    ],
    cwd: directory,
    env: scrubbedEnvironment(),
    timeoutMs: 24 * 3_600_000,
    signal: aborter.signal,
    onOutput: (chunk) => {
      seen += chunk;
      if (seen.includes("Ready to accept connections")) onReady();
    },
  });
  const stop = async () => {
    aborter.abort();
    await running;
    await rm(directory, { recursive: true, force: true });
  };
  const ended = await Promise.race([running, ready]);
  if (!ended) return { stop };
  await stop();
  if (ended.endedBy === "not_started") return "not installed";
  if (/address already in use/i.test(ended.output)) return "port taken";
  throw new Error(`redis-server does not start: ${ended.output}`);
}

function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { identifyProcess, isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import type { EmbeddedPostgres } from "../../src/store/postgres/embedded.ts";
import {
  removeEmbeddedPostgres,
  startEmbeddedPostgres,
} from "../../src/store/postgres/embedded.ts";
import { buildDist } from "./build.ts";
import { startRedisServer } from "./redis-server.ts";

declare module "vitest" {
  interface ProvidedContext {
    postgres: EmbeddedPostgres["connection"];
    /** Null when no redis-server is installed. */
    redisUrl: string | null;
  }
}

/**
 * Once per run: dist is built (tests run the real program), and one PostgreSQL and, where it is
 * installed, one Redis are started for all test files. Tests that stop, kill or flush a server start
 * their own. A run that was killed cannot clean up after itself: the next one does it.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await buildDist();
  await removeDeadRuns();
  const own = identifyProcess(process.pid);
  const home = await mkdtemp(
    join(tmpdir(), `deputy-tests-${process.pid}-${own?.startTicks ?? "unknown"}-`),
  );
  const postgres = await startEmbeddedPostgres({ home, fsync: false, log: () => {} });
  project.provide("postgres", postgres.connection);
  const redis = await startRedisServer();
  if (redis === null) complainAboutRedis();
  project.provide("redisUrl", redis?.url ?? null);

  return async () => {
    await redis?.stop();
    await removeEmbeddedPostgres(home);
    await rm(home, { recursive: true, force: true });
  };
}

async function removeDeadRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const [, pid, ticks] = /^deputy-tests-(\d+)-(\d+|unknown)-/.exec(name) ?? [];
    if (pid === undefined || ticks === undefined) continue;
    const startTicks = ticks === "unknown" ? null : ticks;
    if (isProcessAlive({ pid: Number(pid), startTicks })) continue;
    const home = join(tmpdir(), name);
    try {
      await removeEmbeddedPostgres(home);
      await rm(home, { recursive: true, force: true });
    } catch (error) {
      console.warn(`Could not remove ${home}, left by a killed test run: ${error}`);
    }
  }
}

function complainAboutRedis(): void {
  const message = [
    "",
    "================================================================================",
    "  redis-server is not installed: EVERY TEST ON REDIS IS SKIPPED.",
    "  Only the embedded engine is tested. To test both: apt-get install redis-server",
    "================================================================================",
    "",
  ].join("\n");
  if (process.env.CI) throw new Error(`${message}In CI (CI is set) this is a failure.`);
  console.warn(message);
}

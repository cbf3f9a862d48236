import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import pg from "pg";
import { stageNames } from "../../../src/core/task/outcome.ts";
import { describeEmbeddedPostgres } from "../../../src/store/postgres/embedded.ts";
import { redisUrl } from "../../support/redis.ts";
import { until } from "../../support/until.ts";
import type { Fault } from "../fault.ts";
import type { World } from "../world.ts";
import { loadFor, moments, readState } from "./process.ts";

/** PostgreSQL and Redis going away, losing connections, forgetting. */
export async function terminate({ deputy }: World, where: string): Promise<number> {
  const rows = await deputy.database?.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and ${where}`,
  );
  return rows?.length ?? 0;
}

/** The daemon stops itself at the moment, something else is killed, and the daemon goes on. */
function killedMeanwhile(
  who: "PostgreSQL" | "Redis",
  kill: (world: World) => Promise<string>,
): Fault[] {
  return stageNames.flatMap((stage) =>
    Object.entries(moments).map(
      ([moment, when]): Fault => ({
        name: `kill -9 of ${who} at ${stage}:${moment}`,
        layer: who === "Redis" ? "queue" : "database",
        what: `${who} is killed ${when} of ${stage}`,
        ...(who === "Redis"
          ? { engine: "redis" as const, missing: needsRedis }
          : { embedded: true }),
        startEnv: { DEPUTY_FAULT: `${stage}:${moment}`, DEPUTY_FAULT_SIGNAL: "SIGSTOP" },
        load: loadFor(stage),
        inject: async (world) => {
          await world.letGo();
          const pid = world.system.pid();
          await until(() => readState(pid) === "T", "the daemon stops itself");
          try {
            return `${await kill(world)}, while the daemon stood at ${stage}:${moment}`;
          } finally {
            process.kill(pid, "SIGCONT");
          }
        },
      }),
    ),
  );
}

async function killPostgres(world: World, signal: NodeJS.Signals): Promise<number> {
  const pid = await postmasterPid(world);
  process.kill(pid, signal);
  world.killed("database");
  return pid;
}

const untilPostgresRuns = (world: World, not: number) =>
  until(async () => {
    const now = await postmasterPid(world).catch(() => not);
    return now === not ? null : now;
  }, "PostgreSQL runs again");

/** And have another one, that knows nothing, on its port. */
async function killRedis(world: World): Promise<string> {
  const { redis } = world.deputy;
  if (!redis) throw new Error("no Redis");
  const client = new Redis(redis.url);
  const info = await client.info("server");
  client.disconnect();
  const pid = Number(/process_id:(\d+)/.exec(info)?.[1]);
  process.kill(pid, "SIGKILL");
  world.killed("database");
  await redis.restart();
  return `redis-server ${pid} killed, another one started`;
}

const needsRedis = () => (redisUrl() === null ? "redis-server is not installed" : null);

export const databaseFaults: Fault[] = [
  {
    name: "all connections terminated",
    layer: "database",
    what: "pg_terminate_backend of every connection of the daemon",
    inject: async (world) => {
      await world.untilAtWork();
      const count = await terminate(world, "true");
      if (count === 0) throw new Error("there were no connections");
      return `${count} connections terminated`;
    },
  },
  {
    name: "the listening connection terminated",
    layer: "database",
    what: "only the connection that receives notifications",
    inject: async (world) => {
      await world.untilAtWork();
      const count = await terminate(world, "query ilike 'listen%'");
      if (count === 0) throw new Error("nobody listened");
      return `${count} listening connections terminated`;
    },
  },
  {
    name: "connections refused for five seconds",
    layer: "database",
    what: "the database accepts no connection, and the open ones are terminated",
    inject: async (world) => {
      await world.untilAtWork();
      await administer(world, (name) => [
        `alter database ${name} allow_connections false`,
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
      ]);
      await world.letGo();
      await sleep(5_000); // being away is the fault
      const { status } = await world.deputy.api("GET", "/readyz");
      await administer(world, (name) => [`alter database ${name} allow_connections true`]);
      if (status !== 503) throw new Error(`/readyz answered ${status}`);
      return "/readyz answered 503 meanwhile";
    },
  },
  {
    name: "kill -9 of PostgreSQL",
    layer: "database",
    what: "the daemon's own PostgreSQL is killed while agents work",
    embedded: true,
    inject: async (world) => {
      await world.untilAtWork();
      const pid = await killPostgres(world, "SIGKILL");
      return `postmaster ${pid} killed, ${await untilPostgresRuns(world, pid)} started`;
    },
  },
  {
    name: "PostgreSQL stopped by an administrator",
    layer: "database",
    what: "SIGINT to its postmaster, which throws everybody out and ends",
    embedded: true,
    inject: async (world) => {
      await world.untilAtWork();
      const pid = await killPostgres(world, "SIGINT");
      return `postmaster ${pid} ended, ${await untilPostgresRuns(world, pid)} started`;
    },
  },
  ...killedMeanwhile(
    "PostgreSQL",
    async (world) => `postmaster ${await killPostgres(world, "SIGKILL")} killed`,
  ),
  ...killedMeanwhile("Redis", killRedis),
  ...(["flushed", "restarted"] as const).map(
    (how): Fault => ({
      name: `Redis ${how}`,
      layer: "queue",
      what:
        how === "flushed"
          ? "FLUSHALL while jobs wait and run"
          : "it stops and comes back empty while jobs wait and run",
      engine: "redis",
      missing: needsRedis,
      inject: async (world) => {
        await world.untilAtWork();
        const { redis } = world.deputy;
        if (!redis) throw new Error("no Redis");
        if (how === "flushed") return flush(redis.url);
        await redis.restart();
        return "another redis-server answers on its port";
      },
    }),
  ),
];

async function postmasterPid({ deputy }: World): Promise<number> {
  const status = await describeEmbeddedPostgres(deputy.home);
  if (status.state !== "running") throw new Error(`PostgreSQL is ${status.state}`);
  return status.pid;
}

async function flush(url: string): Promise<string> {
  const client = new Redis(url);
  try {
    const before = await client.dbsize();
    await client.flushall();
    return `${before} keys flushed`;
  } finally {
    client.disconnect();
  }
}

/** On a connection to another database of the same server. */
async function administer({ deputy }: World, sql: (name: string) => string[]): Promise<void> {
  if (!deputy.database) throw new Error("it has no database on a server of the run");
  const { connection } = deputy.database;
  const client = new pg.Client({ ...connection, database: "postgres" });
  await client.connect();
  try {
    for (const statement of sql(connection.database)) await client.query(statement);
  } finally {
    await client.end();
  }
}

import { Redis } from "ioredis";
import pg from "pg";
import { expect, test } from "vitest";
import { createTestDatabase } from "./postgres.ts";
import { redisUrl } from "./redis.ts";
import { startRedisServer } from "./redis-server.ts";

test("a test database answers by its connection and by its URL, and is gone when dropped", async () => {
  const database = await createTestDatabase();
  for (const config of [database.connection, { connectionString: database.url }]) {
    const client = new pg.Client(config);
    await client.connect();
    const { rows } = await client.query<{ name: string }>("select current_database() as name");
    expect(rows[0]?.name).toBe(database.connection.database);
    await client.end();
  }
  await database.drop();
  const late = new pg.Client(database.connection);
  await expect(late.connect()).rejects.toThrow(/does not exist/);
});

test.skipIf(redisUrl() === null)("a test's own Redis is another than the run's", async () => {
  const own = await startRedisServer();
  expect(own?.url).toMatch(/^redis:\/\/127\.0\.0\.1:\d+$/);
  expect(own?.url).not.toBe(redisUrl());
  const client = new Redis(own?.url ?? "");
  expect(await client.ping()).toBe("PONG");
  client.disconnect();
  await own?.stop();
});

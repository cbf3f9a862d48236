import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Queue } from "bullmq";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { openQueue } from "../../src/queue/open.ts";
import type { Deputy } from "../support/deputy.ts";
import { type Fixtures, withDeputy } from "../support/fixtures.ts";
import { redisUrl } from "../support/redis.ts";
import { until } from "../support/until.ts";

/**
 * The queue only notifies: dropped, flushed, restarted, away, with jobs sent twice or by a stranger, no
 * work is lost, nothing is done twice, and the daemon stays up and hears again.
 */
const common = {
  files: { "README.md": "# Something\n" },
  env: {
    ...{ DEPUTY_CONCURRENCY: "1", DEPUTY_RECONCILE_MS: "500" },
    DEPUTY_LOG_LEVEL: process.env.DEPUTY_TEST_LOG ?? "fatal",
  },
};

/** One task that runs until it is let go, and more that wait behind it. */
async function submitSome({ deputy, submit }: Fixtures, name: string) {
  const go = join(deputy.home, `${name.replaceAll(" ", "-")}-go`);
  const started = join(deputy.home, `${name.replaceAll(" ", "-")}-started`);
  const submitOne = (agent: string) =>
    submit({ goal: `Through ${name}`, agent: `command:${agent}` });
  const ids: string[] = [
    await submitOne(
      `touch ${started}; while ! test -f ${go}; do sleep 0.05; done; echo ok > done.txt`,
    ),
  ];
  await until(() => existsSync(started), "the first one runs");
  for (let i = 0; i < 3; i++) ids.push(await submitOne("echo ok > done.txt"));
  return { ids, go: () => writeFile(go, "") };
}

async function expectAllOnce(deputy: Deputy, ids: string[], pid: number): Promise<void> {
  for (const id of ids) {
    expect((await deputy.untilOver(id)).state).toBe("completed");
    const types = (await deputy.events(id)).map(({ type }) => type);
    expect(types.filter((type) => type === "attempt.started")).toHaveLength(1);
    expect(types.filter((type) => type === "task.completed")).toHaveLength(1);
  }
  expect(deputy.pid()).toBe(pid);
  expect((await deputy.api("GET", "/readyz")).status).toBe(200);
  await until(
    async () => (await deputy.database?.query("select 1 from outbox"))?.length === 0,
    "the queue accepts jobs again",
  );
}

describe("on postgres", () => {
  const made = withDeputy({ ...common, engine: "postgres" });
  const { deputy } = made;

  test("BullMQ's schema is dropped while tasks wait: they complete, and the schema is made anew", async () => {
    const { ids, go } = await submitSome(made, "a dropped schema");
    await deputy.database?.query("drop schema bullmq cascade");
    await go();
    await expectAllOnce(deputy, ids, deputy.pid());
    await until(
      async () =>
        ((await deputy.database?.query("select 1 from pg_namespace where nspname = 'bullmq'"))
          ?.length ?? 0) > 0,
      "the schema is there again",
    );
    const later = await submitSome(made, "the new schema");
    await later.go();
    await expectAllOnce(deputy, later.ids, deputy.pid());
  });

  test("every connection is cut: all come back", async () => {
    const { ids, go } = await submitSome(made, "cut connections");
    const pid = deputy.pid();
    await deputy.database?.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    await go();
    await expectAllOnce(deputy, ids, pid);
    const processes = await deputy.database?.query(
      "select 1 from processes where ended_at is null",
    );
    expect(processes).toHaveLength(1);
  });

  test("jobs that are sent twice, of tasks that do not exist, and of stages that do not exist harm nothing", async () => {
    const { ids, go } = await submitSome(made, "jobs sent twice");
    const queue = await openQueue({
      connection: { kind: "postgres", config: deputy.database?.connection ?? never() },
      onJob: null,
      onError: () => {},
    });
    for (const stage of ["plan", "execute", "deliver", "nonsense"] as never[]) {
      const task = { stage, taskId: ids[0] ?? "", subtaskId: null };
      await queue.add([task, task, { ...task, taskId: "task_of_another" }]);
    }
    await go();
    await expectAllOnce(deputy, ids, deputy.pid());
    await queue.close();
  });
});

describe.skipIf(redisUrl() === null)("on redis", () => {
  const made = withDeputy({ ...common, engine: "redis" });
  const { deputy } = made;

  test("FLUSHALL while tasks wait: they complete", async () => {
    const { ids, go } = await submitSome(made, "a flush");
    const redis = new Redis(deputy.redis?.url ?? never());
    await redis.flushall();
    redis.disconnect();
    await go();
    await expectAllOnce(deputy, ids, deputy.pid());
  });

  test("Redis restarts and remembers nothing: tasks complete, and jobs are sent again", async () => {
    const { ids, go } = await submitSome(made, "a restart");
    await deputy.redis?.restart();
    await go();
    await expectAllOnce(deputy, ids, deputy.pid());
  });

  test("foreign jobs harm nothing", async () => {
    const { ids, go } = await submitSome(made, "foreign jobs");
    const connection = new Redis(deputy.redis?.url ?? never(), { maxRetriesPerRequest: null });
    const queue = new Queue("deputy-execute", { connection });
    await queue.addBulk([
      { name: "execute", data: { anything: true } },
      { name: "execute", data: null },
      { name: "rm -rf", data: {} },
      { name: "__proto__", data: {} },
    ]);
    await go();
    await expectAllOnce(deputy, ids, deputy.pid());
    await queue.close();
    connection.disconnect();
  });

  test("Redis is away: work goes on, SIGTERM ends it in order, and a start says what is missing", async () => {
    const { ids, go } = await submitSome(made, "no redis");
    await deputy.redis?.stop();
    await go();
    for (const id of ids) expect((await deputy.untilOver(id)).state).toBe("completed");
    expect(await deputy.stop()).toBe(0);
    const refused = await deputy.cli(["up"]);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toBe(
      "deputy: The queue does not answer: check that Redis runs at REDIS_URL.\n",
    );
    await deputy.redis?.restart();
    await deputy.start();
    expect((await deputy.api("GET", "/readyz")).status).toBe(200);
  });
});

function never(): never {
  throw new Error("this engine has one");
}

import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { identifyProcess, isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { describeEmbeddedPostgres } from "../../src/store/postgres/embedded.ts";
import { makeDeputy } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { startModelServer } from "../support/model-server/start.ts";
import { until } from "../support/until.ts";

/** The embedded database is a server beside the daemon: either may be killed, the other goes on. */

let server: Awaited<ReturnType<typeof startModelServer>>;
beforeAll(async () => {
  const write = (path: string) => ({ calls: [{ tool: "write", args: { path, content: "ok\n" } }] });
  const turns = [write("one.txt"), write("two.txt"), write("three.txt")];
  server = await startModelServer({ scenario: { roles: { coder: { turns } } } });
});
afterAll(() => server?.close());
const { deputy, receiptOf, repository } = withDeputy({
  files: { "README.md": "# Something\n" },
  embedded: true,
  env: () => ({ OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: server.url }),
  config: "assurance: quick\n",
});

async function postmaster() {
  const status = await describeEmbeddedPostgres(deputy.home);
  const process = status.state === "running" ? identifyProcess(status.pid) : null;
  if (!process) throw new Error(`the database is ${status.state}`);
  return process;
}

/** An agent that says when it began and ends when it is told to. */
async function submitWaiting(name: string): Promise<{ id: string; go(): Promise<void> }> {
  const started = join(deputy.home, `${name}-started`);
  const go = join(deputy.home, `${name}-go`);
  const { body } = await deputy.api("POST", "/v1/tasks", {
    goal: `Wait for ${name}`,
    repository: repository.path,
    agent: `command:touch ${started}; while ! test -f ${go}; do sleep 0.05; done; echo ok > done.txt`,
  });
  await until(() => existsSync(started), "the agent runs");
  return { id: body.id, go: () => writeFile(go, "") };
}

test("kill -9 of the daemon: the next one adopts the database that is still running", async () => {
  const before = await postmaster();
  const { id, go } = await submitWaiting("adoption");
  const scratch = join(deputy.home, "scratch");
  const [left = ""] = (await readdir(scratch)).filter((name) => /^run-/.test(name));
  await deputy.kill();
  expect(isProcessAlive(before)).toBe(true);
  expect(existsSync(join(scratch, left, "brief.md"))).toBe(true);
  await deputy.start();
  await until(() => !existsSync(join(scratch, left)), "what the dead daemon left is removed");
  expect(await postmaster()).toEqual(before);
  await go();
  expect((await deputy.untilOver(id)).state).toBe("completed");
});

test("kill -9 of the database: the daemon brings it back, and the attempt it had running counts", async () => {
  const before = await postmaster();
  const { id, go } = await submitWaiting("revival");
  process.kill(before.pid, "SIGKILL");
  await until(() => !isProcessAlive(before), "the database is gone");
  // The agent ends while there is no database to tell.
  await go();
  await until(
    async () => (await deputy.api("GET", "/readyz")).status === 200,
    "the daemon is ready again",
  );
  expect((await deputy.untilOver(id)).state).toBe("completed");
  expect((await postmaster()).pid).not.toBe(before.pid);
  const attempts = (await deputy.events(id)).filter(({ type }) => type === "attempt.ended");
  expect(attempts.map(({ data }) => data.reason)).toEqual(["done"]);
  // It hears and takes new work as before.
  const { id: next, go: goOn } = await submitWaiting("later");
  await goOn();
  expect((await deputy.untilOver(next)).state).toBe("completed");
});

test("a database that restarts in the middle of attempts ends none, and loses nothing of them", async () => {
  const before = await postmaster();
  server.hold(({ turn }) => turn === 1);
  const program = await submitWaiting("words");
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ goal: "Write three files", repository: repository.path, agent: "builtin" },
    budget: { turns: 20 },
  });
  await server.waitForRequest(({ turn, endedAt }) => turn === 1 && endedAt === null);
  process.kill(before.pid, "SIGINT");
  await until(() => !isProcessAlive(before), "the database is gone");
  // What both agents do now is recorded while there is no database.
  server.release();
  await program.go();
  for (const id of [body.id, program.id]) {
    expect((await deputy.untilOver(id)).state).toBe("completed");
    const attempts = (await deputy.events(id)).filter(({ type }) => type === "attempt.ended");
    expect(attempts.map(({ data }) => data.reason)).toEqual(["done"]);
  }
  expect((await receiptOf(body.id)).usage).toMatchObject([{ calls: server.requests.length }]);
});

test("a second daemon on the same home is refused in one sentence, the first goes on", async () => {
  const second = await deputy.cli(["up"]);
  expect(second.code).toBe(2);
  expect(second.stderr).toBe(
    `deputy: The daemon already runs at ${deputy.url()} (pid ${deputy.pid()}).\n`,
  );
  expect((await deputy.api("GET", "/readyz")).status).toBe(200);
});

test("a worker takes part in the daemon's database, and waits for it when the daemon is down", async () => {
  await deputy.stop();
  const alone = await deputy.cli(["worker"]);
  expect(alone.code).toBe(3);
  expect(alone.stderr).toBe(
    `deputy: No daemon runs on ${deputy.home}; start one with deputy up.\n`,
  );
  await deputy.start({ DEPUTY_CONCURRENCY: "0" });
  const worker = deputy.spawn(["worker", "--json", "--concurrency", "1"]);
  const { id, go } = await submitWaiting("worker");
  await deputy.stop();
  // It neither gives up nor starts the database by itself; its agent works on.
  await go();
  expect((await describeEmbeddedPostgres(deputy.home)).state).toBe("stopped");
  await deputy.start({ DEPUTY_CONCURRENCY: "0" });
  expect((await deputy.untilOver(id)).state).toBe("completed");
  const attempts = (await deputy.events(id)).filter(({ type }) => type === "attempt.ended");
  expect(attempts.map(({ data }) => data.reason)).toEqual(["done"]);
  worker.kill("SIGTERM");
  await until(() => worker.exitCode !== null || worker.signalCode !== null, "the worker ended");
  expect(worker.exitCode).toBe(0);
});

test("killed again and again while it starts for the first time: the next start succeeds", async () => {
  const fresh = await makeDeputy({
    embedded: true,
    env: { DEPUTY_CRASH_LOOP_BOOTS: "0" },
  });
  try {
    for (const ms of [150, 400, 700, 1_000, 1_300, 1_600]) {
      const starting = fresh.spawn(["up", "--json"]);
      await sleep(ms);
      starting.kill("SIGKILL");
      await until(() => starting.exitCode !== null || starting.signalCode !== null, "it is gone");
    }
    await fresh.start();
    expect((await fresh.api("GET", "/readyz")).status).toBe(200);
  } finally {
    await fresh.close();
  }
});

test("SIGTERM stops the database with the daemon", async () => {
  const before = await postmaster();
  expect(await deputy.stop()).toBe(0);
  expect(isProcessAlive(before)).toBe(false);
  await deputy.start();
  expect((await deputy.api("GET", "/v1/tasks")).body.tasks.length).toBeGreaterThan(2);
});

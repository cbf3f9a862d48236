import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeAll, describe, expect, test } from "vitest";
import { identifyProcess, isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import type { Engine } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { redisUrl } from "../support/redis.ts";
import { until } from "../support/until.ts";

/**
 * `deputy worker`: a second process that takes attempts over the same queue. The daemon has no slot
 * of its own here, unless a test says so; what runs, runs in the worker.
 */
const engines: Engine[] = redisUrl() === null ? ["postgres"] : ["postgres", "redis"];

describe.each(engines)("a worker (queue on %s)", (engine) => {
  const { deputy, repository, submit } = withDeputy({
    files: { "README.md": "# Something\n" },
    engine,
    // Polling would hide a job that no worker received.
    env: { DEPUTY_RECONCILE_MS: "600000" },
    start: false,
  });
  let count = 0;

  beforeAll(() => deputy.start({ DEPUTY_CONCURRENCY: "0" }));

  const startWorker = async (env: Record<string, string> = {}): Promise<ChildProcess> => {
    const worker = deputy.spawn(["worker", "--json", "--concurrency", "1"], env);
    if (!worker.stdout) throw new Error("no stdout");
    const [line] = await once(createInterface(worker.stdout), "line");
    expect(JSON.parse(line)).toEqual({ pid: worker.pid, slots: 1 });
    return worker;
  };
  const endWorker = async (worker: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    const exited = once(worker, "exit");
    worker.kill(signal);
    await exited;
  };
  /** An agent whose first attempt tells its pid and waits. */
  const submitWaiting = async () => {
    const name = join(deputy.home, `wait-${++count}`);
    const id = await submit({
      goal: "Wait in a worker",
      agent: `command:if [ "$DEPUTY_ATTEMPT" = 1 ]; then echo $$ > ${name}.new; mv ${name}.new ${name}; while ! test -f ${name}-go; do sleep 0.05; done; fi; echo ok > done.txt`,
    });
    const pid = async () => {
      await until(() => existsSync(name), "the agent runs");
      const agent = identifyProcess(Number(await readFile(name, "utf8")));
      if (!agent) throw new Error("the agent is gone");
      return agent;
    };
    return { id, agent: pid, go: () => writeFile(`${name}-go`, "") };
  };
  const kindsOf = async (id: string) =>
    (
      (await deputy.database?.query<{ kind: string }>(
        "select b.kind from attempts a join processes b on b.id = a.process_id where a.task_id = $1 order by a.number",
        [id],
      )) ?? []
    ).map(({ kind }) => kind);

  test("killed right after its attempt is recorded, its death has the daemon look for what follows", async () => {
    const worker = await startWorker({ DEPUTY_FAULT: "execute:advanced" });
    const exited = once(worker, "exit");
    const { id, go } = await submitWaiting();
    await go();
    expect(await exited).toEqual([null, "SIGKILL"]);
    expect((await deputy.untilOver(id)).state).toBe("completed");
    expect(await kindsOf(id)).toEqual(["worker"]);
  });

  test("takes attempts over the queue, the daemon does the rest; alone, nothing runs without it", async () => {
    const { id, go } = await submitWaiting();
    await deputy.untilEvent(id, ({ type }) => type === "subtask.ready");
    await go();
    const why = await deputy.api("GET", `/v1/tasks/${id}/why`);
    expect(why.body.subtasks[0].waiting_for).toContain("waiting for a free");
    expect(await kindsOf(id)).toEqual([]);
    const worker = await startWorker();
    expect((await deputy.untilOver(id)).state).toBe("completed");
    // Its job was sent while the worker was listening.
    const next = await submitWaiting();
    await next.go();
    expect((await deputy.untilOver(next.id)).state).toBe("completed");
    expect([...(await kindsOf(id)), ...(await kindsOf(next.id))]).toEqual(["worker", "worker"]);
    await endWorker(worker, "SIGTERM");
    expect(worker.exitCode).toBe(0);
  });

  test("shows what it works on, and cancel reaches an attempt in it", async () => {
    const worker = await startWorker();
    const { id, agent } = await submitWaiting();
    const running = await agent();
    const { body } = await deputy.api("GET", "/v1/agents");
    expect(body.slots).toEqual({ total: 1, busy: 1 });
    const { version } = body.processes[0];
    const run = { task_id: id, title: "Wait in a worker", subtask: "main", stage: "execute" };
    expect(body.processes).toMatchObject([
      { kind: "daemon", slots: { total: 0, busy: 0 }, runs: [] },
      { kind: "worker", pid: worker.pid, version, slots: { total: 1, busy: 1 }, runs: [run] },
    ]);
    await deputy.api("POST", `/v1/tasks/${id}/cancel`);
    expect((await deputy.untilOver(id)).state).toBe("cancelled");
    expect(isProcessAlive(running)).toBe(false);
    await endWorker(worker, "SIGTERM");
  });

  test("kill -9 in the middle of an attempt: its agent is gone, the attempt is made elsewhere", async () => {
    const first = await startWorker();
    const { id, agent } = await submitWaiting();
    const running = await agent();
    await endWorker(first, "SIGKILL");
    await deputy.untilEvent(
      id,
      ({ type, data }) => type === "attempt.ended" && data.reason === "lost",
    );
    expect(isProcessAlive(running)).toBe(false);
    const second = await startWorker();
    expect((await deputy.untilOver(id)).state).toBe("completed");
    expect(await kindsOf(id)).toEqual(["worker", "worker"]);
    await endWorker(second, "SIGTERM");
  });

  test("kill -9 of the daemon: the worker's attempt goes on and its result counts", async () => {
    const worker = await startWorker();
    const { id, agent, go } = await submitWaiting();
    const running = await agent();
    await deputy.kill();
    expect(isProcessAlive(running)).toBe(true);
    await go();
    await deputy.start({ DEPUTY_CONCURRENCY: "0" });
    expect((await deputy.untilOver(id)).state).toBe("completed");
    expect(await kindsOf(id)).toEqual(["worker"]);
    await endWorker(worker, "SIGTERM");
  });

  test("every connection is cut: the worker comes back with the attempt that it has", async () => {
    const worker = await startWorker();
    const { id, agent, go } = await submitWaiting();
    const running = await agent();
    await deputy.database?.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
    );
    await go();
    expect((await deputy.untilOver(id)).state).toBe("completed");
    expect(await kindsOf(id)).toEqual(["worker"]);
    expect(isProcessAlive(running)).toBe(false);
    await endWorker(worker, "SIGTERM");
    expect(worker.exitCode).toBe(0);
  });

  // The queue has no part in these: one engine shows them.
  if (engine === "postgres") {
    // Of what dies once it has recorded its work only the clock finds the rest: see crash-stages.
    test.each(["claimed", "reported"])(
      "kill -9 of a worker at execute:%s: another one finishes, once",
      async (moment) => {
        const first = await startWorker({ DEPUTY_FAULT: `execute:${moment}` });
        const died = once(first, "exit");
        const id = await submit({
          goal: `Survive a worker killed at ${moment}`,
          agent: 'command:echo "$DEPUTY_ATTEMPT" > done.txt',
        });
        expect(await died).toEqual([null, "SIGKILL"]);
        const second = await startWorker();
        expect((await deputy.untilOver(id)).state).toBe("completed");
        await endWorker(second, "SIGTERM");

        const events = await deputy.events(id);
        const count = (type: string) => events.filter((event) => event.type === type).length;
        const ends = events.filter(({ type }) => type === "attempt.ended");
        // A report counts, also if its process dies before the transition.
        const isLost = moment === "claimed";
        expect(ends.map(({ data }) => data.reason)).toEqual(isLost ? ["lost", "done"] : ["done"]);
        expect(await kindsOf(id)).toEqual(isLost ? ["worker", "worker"] : ["worker"]);
        for (const type of ["subtask.completed", "task.delivering", "task.completed"])
          expect(count(type), type).toBe(1);
        expect(count("hold.repaired")).toBe(0);
        const branch = `deputy/survive-a-worker-killed-at-${moment}`;
        const refs = `refs/heads/${branch}*`;
        expect(repository.git("for-each-ref", "--format=%(refname:short)", refs)).toBe(branch);
        expect(repository.git("show", `${branch}:done.txt`)).toBe(isLost ? "2" : "1");
        expect(repository.git("rev-list", "--count", `main..${branch}`)).toBe("1");
      },
    );

    test("SIGTERM parks its attempt, and another worker goes on with the task", async () => {
      const first = await startWorker();
      const { id, agent } = await submitWaiting();
      const running = await agent();
      await endWorker(first, "SIGTERM");
      expect(first.exitCode).toBe(0);
      expect(isProcessAlive(running)).toBe(false);
      const second = await startWorker();
      expect((await deputy.untilOver(id)).state).toBe("completed");
      const ends = (await deputy.events(id)).filter(({ type }) => type === "attempt.ended");
      expect(ends.map(({ data }) => data.reason)).toEqual(["lost", "done"]);
      await endWorker(second, "SIGTERM");
    });

    test("a worker without a slot is refused in one sentence", async () => {
      const refused = await deputy.cli(["worker"], { env: { DEPUTY_CONCURRENCY: "0" } });
      expect(refused.code).toBe(2);
      expect(refused.stderr).toBe(
        "deputy: A worker needs at least one slot: set DEPUTY_CONCURRENCY or --concurrency to 1 or more.\n",
      );
    });

    test("the daemon takes over what a killed worker had, when it has a slot itself", async () => {
      const worker = await startWorker();
      const { id, agent } = await submitWaiting();
      await agent();
      // The daemon goes and comes with slots; the attempt in the worker is none of its business.
      await deputy.stop();
      await deputy.start({ DEPUTY_CONCURRENCY: "1" });
      await endWorker(worker, "SIGKILL");
      expect((await deputy.untilOver(id)).state).toBe("completed");
      expect(await kindsOf(id)).toEqual(["worker", "daemon"]);
    });
  }
});

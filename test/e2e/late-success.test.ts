import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { identifyProcess, isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/**
 * A worker that is stopped loses its attempt while its agent finishes. Once it goes on its work is
 * verified and delivered, and nobody pays for it twice.
 */
const { deputy, repository, show, submit } = withDeputy({
  files: { "README.md": "# Something\n" },
  env: {
    ...{ DEPUTY_BACKOFF_MS: "3600000", DEPUTY_CHECK_HOLDS_MS: "20", DEPUTY_CONCURRENCY: "0" },
    DEPUTY_LOG_LEVEL: "fatal",
  },
});

const file = (name: string) => join(deputy.home, name);
const untilFile = (name: string) => until(() => existsSync(file(name)), `${name} is there`);
const workers: ReturnType<typeof deputy.spawn>[] = [];
const startWorker = () => {
  const worker = deputy.spawn(["worker", "--json", "--concurrency", "1"]);
  workers.push(worker);
  return worker;
};
afterEach(async () => {
  for (const worker of workers.splice(0)) {
    worker.kill("SIGCONT");
    worker.kill("SIGTERM");
    await until(() => worker.exitCode !== null || worker.signalCode !== null, "it ended");
  }
});

/** Starts a task, stops the worker in its first attempt, and has the lease lost once that is done. */
async function finishUnseen(name: string, then: string) {
  const stopped = startWorker();
  const [pid, go] = [file(`${name}-pid`), file(`${name}-go`)];
  const id = await submit({
    goal: `Finish ${name}`,
    agent: `command:echo paid >> ${file(name)}; if [ "$DEPUTY_ATTEMPT" = 1 ]; then echo $$ > ${pid}.new; mv ${pid}.new ${pid}; while ! test -f ${go}; do sleep 0.05; done; echo whole > whole.txt; exit 0; fi; ${then}`,
    checks: ["grep -qx whole whole.txt"],
  });
  await untilFile(`${name}-pid`);
  const agent = identifyProcess(Number(await readFile(pid, "utf8")));
  stopped.kill("SIGSTOP");
  await writeFile(go, "");
  await until(() => !(agent && isProcessAlive(agent)), "the agent has ended");
  await deputy.database?.query(
    "update subtasks set hold_at = now() - interval '6 minutes' where task_id = $1",
    [id],
  );
  await deputy.untilEvent(
    id,
    ({ data, type }) => type === "recovery.decided" && data.failure === "lost",
  );
  return { id, stopped };
}

const attemptsOf = async (id: string) => (await show(id)).attempts as Json[];
const paidFor = async (name: string) => (await readFile(file(name), "utf8")).trim().split("\n");
const toldOf = async (id: string) =>
  (await deputy.events(id)).filter(({ type }) => type === "attempt.finished_late");

test("work that was finished after its attempt was given up is delivered, and made once", async () => {
  const { id, stopped } = await finishUnseen("alone", "exit 1");
  stopped.kill("SIGCONT");
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  expect(await paidFor("alone")).toEqual(["paid"]);
  expect((await toldOf(id)).map(({ message }) => message)).toEqual([
    expect.stringMatching(
      /^Attempt 1 of ".*" finished after it was given up: its work is verified before another attempt is made$/,
    ),
  ]);
  expect(await attemptsOf(id)).toMatchObject([
    { end_reason: "lost" },
    { end_reason: "done", detail: "the work of attempt 1, which finished late (exit 0)" },
  ]);
  expect(repository.git("show", `${done.branch}:whole.txt`)).toBe("whole");
});

test("while another attempt runs it is kept, and is used when that one fails", async () => {
  const { id, stopped } = await finishUnseen(
    "beside",
    `touch ${file("second")}; echo half > whole.txt; while ! test -f ${file("second-go")}; do sleep 0.05; done; exit 1`,
  );
  startWorker();
  await untilFile("second");
  stopped.kill("SIGCONT");
  const told = await deputy.untilEvent(id, ({ type }) => type === "attempt.finished_late");
  expect(told.message).toContain("its work is kept, and is verified if attempt 2 fails");
  expect((await attemptsOf(id)).map(({ end_reason }) => end_reason)).toEqual(["lost", null]);
  await writeFile(file("second-go"), "");
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  expect(await paidFor("beside")).toEqual(["paid", "paid"]);
  expect((await attemptsOf(id)).map(({ end_reason }) => end_reason)).toEqual([
    ...["lost", "gave_up", "done"],
  ]);
  expect(repository.git("show", `${done.branch}:whole.txt`)).toBe("whole");
});

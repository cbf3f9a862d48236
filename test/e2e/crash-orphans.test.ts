import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { identifyProcess, isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** What a killed daemon leaves behind: processes of its agents and checks, worktrees, half a lease. */

const { deputy, repository } = withDeputy({
  files: { "README.md": "# Something\n", ".gitignore": "pids\n" },
  env: { DEPUTY_CRASH_LOOP_BOOTS: "0" }, // killed again and again while nothing is done
  start: false,
});

/** Pids that a command wrote, one a line, once there are that many. */
const pidsIn = (path: string, count: number) =>
  until(async () => {
    const pids = existsSync(path) ? (await readFile(path, "utf8")).trim().split("\n") : [];
    return pids.length === count ? pids.map((pid) => identifyProcess(Number(pid))) : null;
  }, `${count} processes run`);

test("grandchildren in sessions of their own are gone after kill -9 and a start; strangers live", async () => {
  await deputy.start();
  const pids = join(deputy.home, "pids");
  // The first attempt leaves two processes in sessions of their own and hangs itself.
  const hang = [
    `setsid sh -c 'echo $$ >> ${pids}; exec sleep 600' &`,
    `setsid sh -c 'setsid sh -c "echo \\$\\$ >> ${pids}; exec sleep 600" & wait' &`,
    `echo $$ >> ${pids}; sleep 600`,
  ].join("\n");
  const { body } = await deputy.api("POST", "/v1/tasks", {
    goal: "Leave processes",
    repository: repository.path,
    agent: `command:if [ "$DEPUTY_ATTEMPT" = 1 ]; then ${hang}; fi; echo ok > done.txt`,
  });
  const orphans = await pidsIn(pids, 3);
  expect(orphans.every((orphan) => orphan && isProcessAlive(orphan))).toBe(true);

  await deputy.kill();
  // The table names this very process too, but it was started at another time: it is a stranger.
  await deputy.database?.query(
    "insert into child_processes (process_id, pid, start_ticks, what) select id, $1, '1', 'attempt' from processes where ended_at is null",
    [process.pid],
  );
  await deputy.start();
  expect(orphans.filter((orphan) => orphan && isProcessAlive(orphan))).toEqual([]);
  expect(
    await deputy.database?.query("select 1 from child_processes where what = 'attempt'"),
  ).toEqual([]);

  const task = await deputy.untilOver(body.id);
  expect(task.state).toBe("completed");
  await deputy.stop();
});

test("a check that was running is gone too, and so is its worktree", async () => {
  await deputy.start();
  const pids = join(deputy.home, "check-pids");
  const go = join(deputy.home, "go");
  const { body } = await deputy.api("POST", "/v1/tasks", {
    goal: "Check slowly",
    repository: repository.path,
    agent: "command:echo ok > done.txt",
    checks: [`test -f ${go} || { echo $$ >> ${pids}; sleep 600; }`],
  });
  const [check] = await pidsIn(pids, 1);
  expect(await readdir(join(deputy.home, "checks"))).not.toEqual([]);
  await deputy.kill();
  await writeFile(go, "");
  await deputy.start();
  expect(check && isProcessAlive(check)).toBe(false);
  expect((await deputy.untilOver(body.id)).state).toBe("completed");
  await until(
    async () => (await readdir(join(deputy.home, "checks"))).length === 0,
    "the worktrees of checks are gone",
  );
  await deputy.stop();
});

test("a pause that was decided on is kept: due when it was due, and counted once", async () => {
  await deputy.start({ DEPUTY_BACKOFF_MS: "3600000" });
  const { body } = await deputy.api("POST", "/v1/tasks", {
    goal: "Fail once",
    repository: repository.path,
    agent: 'command:test "$DEPUTY_ATTEMPT" -gt 1 && echo ok > done.txt',
  });
  await deputy.untilEvent(body.id, ({ type }) => type === "recovery.decided");
  const wake = () =>
    deputy.database?.query(
      "select state, hold_kind, hold_at, hold_reason, epoch from subtasks where task_id = $1",
      [body.id],
    );
  const before = await wake();
  expect(before).toMatchObject([{ state: "ready", hold_kind: "wake" }]);
  for (let i = 0; i < 2; i++) {
    await deputy.kill();
    await deputy.start({ DEPUTY_RECONCILE_MS: "50", DEPUTY_CHECK_HOLDS_MS: "50" });
    await deputy.api("GET", `/v1/tasks/${body.id}/why`);
    expect(await wake()).toEqual(before);
  }
  const why = await deputy.api("GET", `/v1/tasks/${body.id}/why`);
  expect(new Date(why.body.subtasks[0].next_at).getTime()).toBe(before?.[0]?.hold_at.getTime());
  // The clock, as far as a test can turn it.
  await deputy.database?.query("update subtasks set hold_at = now() where hold_kind = 'wake'");
  const task = await deputy.untilOver(body.id);
  expect(task.state).toBe("completed");
  expect(
    (await deputy.events(body.id)).filter(({ type }) => type === "attempt.started"),
  ).toHaveLength(2);
  await deputy.stop();
});

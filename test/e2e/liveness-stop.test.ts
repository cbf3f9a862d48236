import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { identifyProcess, isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** SIGTERM: no new claims, what runs is parked with its work kept, and the next start goes on. */

const { deputy, repository } = withDeputy({
  files: { "README.md": "# Something\n" },
  env: { DEPUTY_CONCURRENCY: "1" },
  start: false,
});

test("SIGTERM parks what runs, keeps its work, claims nothing more; the next start finishes", async () => {
  const before = await fingerprintCheckout(repository.path);
  await deputy.start();
  const half = join(deputy.home, "half");
  const submit = async (goal: string, agent: string) =>
    (
      await deputy.api("POST", "/v1/tasks", {
        goal,
        repository: repository.path,
        agent: `command:${agent}`,
      })
    ).body.id;
  // It ignores SIGTERM, as the worst of them do, and has written something.
  const stubborn = await submit(
    "Stubborn",
    `if [ "$DEPUTY_ATTEMPT" = 1 ]; then trap '' TERM; echo half > half.txt; echo $$ > ${half}; while :; do sleep 0.1; done; fi; echo whole > whole.txt`,
  );
  await until(() => existsSync(half), "the agent has written something");
  const waiting = await submit("Waiting", "echo ok > done.txt");
  await deputy.untilEvent(waiting, ({ type }) => type === "subtask.ready");
  const watcher = deputy.untilOver(stubborn);

  const since = Date.now();
  expect(await deputy.stop()).toBe(0);
  // A promise of the product, not a measure of this machine: parked within ten seconds.
  expect(Date.now() - since).toBeLessThan(10_000);
  const rows = await deputy.database?.query(
    "select s.state, s.hold_kind, a.end_reason, a.snapshot_ref from subtasks s join attempts a on a.subtask_id = s.id where s.task_id = $1",
    [stubborn],
  );
  expect(rows).toEqual([
    {
      state: "recovering",
      hold_kind: "dependency",
      end_reason: "lost",
      snapshot_ref: expect.stringMatching(/^refs\/deputy\/attempts\/att_/),
    },
  ]);
  expect(
    await deputy.database?.query("select 1 from attempts where task_id = $1", [waiting]),
  ).toEqual([]);
  const [task] = (await deputy.database?.query<{ mirror: string }>(
    "select preparation->>'mirror' as mirror from tasks where id = $1",
    [stubborn],
  )) ?? [{ mirror: "" }];
  const kept = repository.git(
    `--git-dir=${task?.mirror}`,
    "show",
    `${rows?.[0]?.snapshot_ref}:half.txt`,
  );
  expect(kept).toBe("half");

  await deputy.start();
  // Whoever was watching goes on watching.
  expect((await watcher).state).toBe("completed");
  expect((await deputy.untilOver(waiting)).state).toBe("completed");
  const branch = "deputy/stubborn";
  // It goes on from its last checkpoint, made while its end was waited for.
  expect(repository.git("ls-tree", "--name-only", branch).split("\n")).toEqual([
    "README.md",
    "half.txt",
    "whole.txt",
  ]);
  expect(await fingerprintCheckout(repository.path)).toEqual(before);
  await deputy.stop();
});

test("stopped as often as one likes: parking never counts as a failure", async () => {
  await deputy.start();
  const started = join(deputy.home, "restarts");
  const { body } = await deputy.api("POST", "/v1/tasks", {
    goal: "Long",
    repository: repository.path,
    agent: `command:echo x >> ${started}; if [ "$DEPUTY_ATTEMPT" -lt 5 ]; then sleep 600; fi; echo ok > done.txt`,
  });
  for (let attempt = 1; attempt < 5; attempt++) {
    await deputy.untilEvent(
      body.id,
      ({ type, data, message }) =>
        type === "attempt.started" && data.number === attempt && message !== "",
    );
    expect(await deputy.stop()).toBe(0);
    await deputy.start();
  }
  expect((await deputy.untilOver(body.id)).state).toBe("completed");
  const ends = (await deputy.events(body.id)).filter(({ type }) => type === "attempt.ended");
  expect(ends.map(({ data }) => data.reason)).toEqual(["lost", "lost", "lost", "lost", "done"]);
  await deputy.stop();
});

test("SIGTERM in the middle of a check: it is run again, the attempt is not", async () => {
  await deputy.start();
  const pid = join(deputy.home, "check-pid");
  const { body } = await deputy.api("POST", "/v1/tasks", {
    goal: "Checked twice",
    repository: repository.path,
    agent: "command:echo ok > done.txt",
    checks: [`test -f ${pid} || { echo $$ > ${pid}.new; mv ${pid}.new ${pid}; sleep 600; }`],
  });
  await until(() => existsSync(pid), "the check runs");
  const check = identifyProcess(Number(await readFile(pid, "utf8")));
  expect(await deputy.stop()).toBe(0);
  expect(check && isProcessAlive(check)).toBeFalsy();
  await deputy.start();
  const task = await deputy.untilOver(body.id);
  expect(task.state).toBe("completed");
  const types = (await deputy.events(body.id)).map(({ type }) => type);
  expect(types.filter((type) => type === "attempt.started")).toHaveLength(1);
  expect(types).toContain("stage.parked");
  await deputy.stop();
});

test("a second daemon on the same database, from another home, is refused in one sentence", async () => {
  await deputy.start();
  const second = await deputy.cli(["up"], { env: { DEPUTY_HOME: `${deputy.home}/another` } });
  expect(second.code).toBe(2);
  expect(second.stderr).toMatch(
    /^deputy: Another daemon already works on the database of .*another; use it, or stop it with deputy down\.\n$/,
  );
  expect((await deputy.api("GET", "/readyz")).status).toBe(200);
  await deputy.kill();
  // The one that was killed is no second daemon.
  await deputy.start();
  await deputy.stop();
});

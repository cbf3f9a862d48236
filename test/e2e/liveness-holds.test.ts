import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { identifyProcess, isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { withRepositoryLock } from "../../src/worktree/git/repository-lock.ts";
import { parseRepository } from "../../src/worktree/mirror/repository-url.ts";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** What a task waits for: said by `why` in each case, ended by `cancel` in each case, repaired when unsound. */

const { deputy, repository, submit } = withDeputy({
  files: { "README.md": "# Something\n" },
  env: { DEPUTY_BACKOFF_MS: "3600000", DEPUTY_CHECK_HOLDS_MS: "20", DEPUTY_LOG_LEVEL: "fatal" },
});

const submitWaiting = (agent: string, more: object = {}) =>
  submit({ goal: "Wait", agent: `command:${agent}`, ...more });
const why = async (id: string): Promise<Json> =>
  (await deputy.api("GET", `/v1/tasks/${id}/why`)).body;
const file = (name: string) => join(deputy.home, name);
const untilFile = (name: string) => until(() => existsSync(file(name)), `${name} is there`);

/** Each a task that is brought to where it waits; `until` it waits there. */
const waits: Record<string, { bring(): Promise<string>; says: Json; task?: Json }> = {
  "a lease: an agent works": {
    bring: async () => {
      const id = await submitWaiting(`touch ${file("lease")}; sleep 600`);
      await untilFile("lease");
      return id;
    },
    says: {
      state: "running",
      waiting_for: expect.stringMatching(/^attempt 1 of ".*", by prc_/),
      next: expect.stringContaining("if its process dies, that is noticed by then"),
      next_at: expect.stringMatching(/^\d{4}-/),
    },
  },
  "a lease: a check runs": {
    bring: async () => {
      const id = await submitWaiting("echo ok > done.txt", {
        checks: [`touch ${file("verify")}; sleep 600`],
      });
      await untilFile("verify");
      return id;
    },
    says: {
      state: "verifying",
      waiting_for: expect.stringMatching(/^verify of ".*", by prc_/),
    },
  },
  "a lease: the gate after a merge runs": {
    bring: async () => {
      // Both files are only in the merge of the second part into the first.
      const part = (id: string) => ({ id, title: id, agent: `command:echo ok > ${id}.txt` });
      const id = await submitWaiting("true", {
        checks: [`! test -e one.txt || ! test -e two.txt || { touch ${file("gate")}; sleep 600; }`],
        plan: { subtasks: [part("one"), part("two")] },
      });
      await untilFile("gate");
      return id;
    },
    task: { waiting_for: "1 of 2 subtasks is still open" },
    says: {
      state: "integrating",
      waiting_for: expect.stringMatching(/^integrate of ".*", by prc_/),
    },
  },
  "a wake: a pause after a failure": {
    bring: async () => {
      const id = await submitWaiting("exit 1");
      await deputy.untilEvent(id, ({ type }) => type === "recovery.decided");
      return id;
    },
    says: {
      state: "ready",
      waiting_for: expect.stringMatching(/^backing off: attempt 2 of 6/),
      next: "it continues by itself",
      next_at: expect.stringMatching(/^\d{4}-/),
    },
  },
  "a question": {
    bring: async () => {
      const id = await submitWaiting(`echo '{"question": "Red or blue?"}'`);
      await deputy.untilEvent(id, ({ type }) => type === "question.asked");
      return id;
    },
    // The task waits for the very same answer: it is said once.
    says: null,
    task: {
      state: "waiting",
      waiting_for: "an answer from a person: Red or blue?",
      unblock: expect.stringContaining("deputy answer task_"),
      next_at: null,
    },
  },
};

test.each(Object.entries(waits))(
  "%s: why says so, cancel ends it",
  async (_, { bring, says, task }) => {
    const id = await bring();
    const answer = await why(id);
    expect(answer).toMatchObject({
      id,
      state: "running",
      waiting_for: "its one subtask is still open",
      ...task,
    });
    expect(answer.subtasks).toEqual(says === null ? [] : [expect.objectContaining(says)]);
    const { since } = answer.subtasks[0] ?? answer;
    expect(new Date(since).getTime()).toBeLessThanOrEqual(Date.now());

    const { body } = await deputy.api("POST", `/v1/tasks/${id}/cancel`);
    expect(["cancelled", "running"]).toContain(body.state);
    expect((await deputy.untilOver(id)).state).toBe("cancelled");
    expect(await why(id)).toMatchObject({
      state: "cancelled",
      waiting_for: "nothing: the task is cancelled (cancelled on request)",
      unblock: null,
      subtasks: [],
    });
    const left = await deputy.database?.query(
      "select 1 from subtasks where task_id = $1 and hold_kind is not null",
      [id],
    );
    expect(left).toEqual([]);
    expect(repository.git("for-each-ref", "refs/heads/deputy")).toBe("");
  },
);

test("the planner: why says so, cancel ends it", async () => {
  // Somebody else holds the mirror, so that the planner has to wait before it can fetch.
  repository.git("commit", "--quiet", "--allow-empty", "--message", "something to fetch");
  const { key } = parseRepository(repository.path);
  await withRepositoryLock(
    { locks: new Map() },
    join(deputy.home, "repos", `${key}.git`),
    async () => {
      const id = await submitWaiting("echo ok > done.txt");
      await deputy.untilEvent(id, ({ type }) => type === "task.planning");
      expect(await why(id)).toMatchObject({
        state: "planning",
        waiting_for: expect.stringMatching(/^planning the task, by prc_/),
        subtasks: [],
      });
      await deputy.api("POST", `/v1/tasks/${id}/cancel`);
      expect((await deputy.untilOver(id)).state).toBe("cancelled");
    },
  );
});

test("a dependency: why names what it waits for, and what that waits for", async () => {
  const id = await submitWaiting("exit 0", {
    plan: {
      subtasks: [
        { id: "first", title: "First", agent: `command:touch ${file("first")}; sleep 600` },
        { id: "second", title: "Second", depends_on: ["first"] },
      ],
    },
  });
  await untilFile("first");
  const answer = await why(id);
  expect(answer).toMatchObject({
    waiting_for: "2 of 2 subtasks are still open",
    next: 'it continues when "first" (running), "second" (blocked) is done',
  });
  expect(answer.subtasks).toEqual([
    expect.objectContaining({ id: "first", state: "running" }),
    expect.objectContaining({
      id: "second",
      state: "blocked",
      waiting_for: '"first" must finish first',
      next: 'it continues when "first" (running) is done',
    }),
  ]);
  const told = await deputy.cli(["why", id]);
  expect(told.code).toBe(0);
  expect(told.stdout).toContain('"first" must finish first');
  await deputy.api("POST", `/v1/tasks/${id}/cancel`);
  expect((await deputy.untilOver(id)).state).toBe("cancelled");
});

test("over: why says how it ended and what can be done", async () => {
  const failed = await deputy.run({
    goal: "Fail",
    repository: repository.path,
    agent: "command:no-such-program-anywhere",
  });
  expect(await why(failed.id)).toMatchObject({
    state: "failed",
    waiting_for: expect.stringMatching(/^nothing: the task is failed \(.*no-such-program-anywhere/),
    unblock: `deputy retry ${failed.id}`,
  });
});

test("a hold that nothing would end is repaired by the running daemon, which says so", async () => {
  const repaired = async () =>
    Number(
      /^deputy_\w*repair\w* (\d+)/m.exec((await deputy.api("GET", "/metrics")).body)?.[1] ??
        "no such metric",
    );
  const before = await repaired();
  const id = await submitWaiting('test "$DEPUTY_ATTEMPT" -gt 1 && echo ok > done.txt');
  await deputy.untilEvent(id, ({ type }) => type === "recovery.decided");
  await deputy.database?.query(
    "update subtasks set hold_kind = 'dependency', hold_at = null, hold_on = '{sub_none}' where task_id = $1",
    [id],
  );
  const event = await deputy.untilEvent(id, ({ type }) => type === "hold.repaired");
  expect(event.message).toContain("it waits for sub_none, and none of these is still to come");
  expect((await deputy.untilOver(id)).state).toBe("completed");
  expect(await repaired()).toBe(before + 1);
});

test("a lease in hand is renewed before it is judged: nothing that runs is taken away", async () => {
  const id = await submitWaiting(
    `touch ${file("renew")}; while ! test -f ${file("renew-go")}; do sleep 0.05; done; echo ok > done.txt`,
  );
  await untilFile("renew");
  // As after nights in which the machine slept, which it may begin at any moment of a check.
  for (let night = 0; night < 30; night++) {
    await deputy.database?.query(
      "update subtasks set hold_at = now() - interval '8 hours' where task_id = $1",
      [id],
    );
    await until(async () => {
      const [row] =
        (await deputy.database?.query<{ sound: boolean }>(
          "select hold_at > now() as sound from subtasks where task_id = $1",
          [id],
        )) ?? [];
      return row?.sound ?? false;
    }, "it is renewed");
  }
  await writeFile(file("renew-go"), "");
  expect((await deputy.untilOver(id)).state).toBe("completed");
  const types = (await deputy.events(id)).map(({ type }) => type);
  expect(types.filter((type) => type === "attempt.started")).toHaveLength(1);
});

test("a worker that hangs loses its lease; what it reports later is refused, its work is kept", async () => {
  await deputy.stop();
  await deputy.start({ DEPUTY_CONCURRENCY: "0" });
  const hanging = deputy.spawn(["worker", "--json", "--concurrency", "1"]);
  const half = file("half");
  const id = await submitWaiting(
    `if [ "$DEPUTY_ATTEMPT" = 1 ]; then echo half > half.txt; echo $$ > ${half}.new; mv ${half}.new ${half}; sleep 600; fi; echo whole > whole.txt`,
  );
  await untilFile("half");
  const agent = identifyProcess(Number(await readFile(half, "utf8")));
  hanging.kill("SIGSTOP");
  await deputy.database?.query(
    "update subtasks set hold_at = now() - interval '6 minutes' where task_id = $1",
    [id],
  );
  await deputy.untilEvent(id, ({ type }) => type === "hold.repaired");
  // Two agents never share a worktree: the first is gone before the second starts.
  expect(agent && isProcessAlive(agent)).toBeFalsy();
  const working = deputy.spawn(["worker", "--json", "--concurrency", "1"]);
  await deputy.untilEvent(
    id,
    ({ type, data }) => type === "attempt.ended" && data.number === 2 && data.reason === "done",
  );
  hanging.kill("SIGCONT");
  expect((await deputy.untilOver(id)).state).toBe("completed");

  const attempts =
    (await deputy.database?.query<{ id: string; end_reason: string }>(
      "select id, end_reason from attempts where task_id = $1 order by number",
      [id],
    )) ?? [];
  expect(attempts.map(({ end_reason }) => end_reason)).toEqual(["lost", "done"]);
  const [task] =
    (await deputy.database?.query<{ mirror: string }>(
      "select preparation->>'mirror' as mirror from tasks where id = $1",
      [id],
    )) ?? [];
  const before = `refs/deputy/before/${attempts[1]?.id}`;
  expect(repository.git(`--git-dir=${task?.mirror}`, "show", `${before}:half.txt`)).toBe("half");
  for (const worker of [hanging, working]) {
    worker.kill("SIGTERM");
    await until(() => worker.exitCode !== null || worker.signalCode !== null, "it ended");
    expect(worker.exitCode).toBe(0);
  }
});

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";

/** What starts tasks on this machine: schedules. */
const { deputy, repository } = withDeputy({ files: greetingProject, keepLog: true, start: false });

beforeAll(async () => {
  await writeFile(
    join(deputy.home, "triggers.yaml"),
    `schedule:
  - name: nightly
    cron: 30 2 * * *
    tz: Europe/Berlin
    catch_up: one
    repository: ${repository.path}
    goal: Say hello.
    checks: [npm test]
    agent: '${repairGreeting}'
  - name: elsewhere
    cron: '@hourly'
    tz: UTC
    repository: /nowhere
    goal: Nothing.
`,
  );
  await deputy.start();
});

const tasksOf = async (source: string): Promise<Json[]> =>
  (await deputy.api("GET", "/v1/tasks")).body.tasks.filter(
    ({ origin }: Json) => origin.source === source,
  );

test("a schedule that is run by hand does its task, and a refusal is said", async () => {
  const ran = await deputy.cli(["schedule", "run", "nightly", "--json"]);
  expect(ran.code, ran.stderr).toBe(0);
  const { task_id, result } = JSON.parse(ran.stdout);
  expect(result).toMatch(/^change: schedule nightly, run by a person/);
  const task = await deputy.untilOver(task_id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(task.origin).toMatchObject({ source: "schedule", subject: "schedule:nightly" });
  const wrong = await deputy.cli(["schedule", "run", "elsewhere"]);
  expect(wrong).toMatchObject({ code: 1, stdout: expect.stringMatching(/refused: .*\/nowhere/) });
});

test("a slot that came while the daemon was killed is made up for once", async () => {
  const before = await tasksOf("schedule");
  await deputy.kill();
  await deputy.database?.query(
    "update schedules set next_at = next_at - interval '3 days' where rule = 'nightly'",
  );
  await deputy.start();
  await deputy.kill();
  await deputy.start();
  const listed = (await deputy.api("GET", "/v1/schedules")).body.schedules;
  const [nightly] = listed.filter(({ name }: Json) => name === "nightly");
  expect(Date.parse(nightly.next_at)).toBeGreaterThan(Date.now());
  // Whatever became of the first look, one round after it has happened.
  await deputy.api("POST", "/v1/schedules/elsewhere/run");
  expect(await tasksOf("schedule")).toHaveLength(before.length + 1);
});

test("a rule is tried without starting anything", async () => {
  const tried = JSON.parse(
    (await deputy.cli(["trigger", "test", "--rule", "nightly", "--json"])).stdout,
  );
  expect(tried).toMatchObject({ fires: true, refused: null, task: { goal: "Say hello." } });
  expect(tried.next).toHaveLength(5);
  const unknown = await deputy.cli(["trigger", "test", "--rule", "weekly"]);
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining("called weekly") });
});

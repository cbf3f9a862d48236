import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { withDeputy } from "../support/fixtures.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";

/** A person's whole way on the command line: up in the background, hand off, watch, take it, down. */
const { deputy, repository } = withDeputy({
  files: greetingProject,
  start: false,
});
afterAll(() => deputy.cli(["down"])); // a test that failed in the middle leaves one

const here = () => ({ cwd: repository.path });

test("without a daemon every verb that needs one ends with 3 and says how to start it", async () => {
  for (const verb of [["ls"], ["run", "Do it"], ["down"]]) {
    const { code, stdout, stderr } = await deputy.cli(verb, here());
    expect({ code, stdout }, stderr).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/^deputy: .*[dD]aemon.*\n$/);
  }
});

test("doctor says that no daemon runs", async () => {
  const { stdout } = await deputy.cli(["doctor"]);
  expect(stdout).toMatch(/^– daemon +none runs; start it with: deputy up$/m);
});

test("a database that is not there is said in one sentence, also from the background", async () => {
  const env = { DATABASE_URL: "postgres://me:secret@127.0.0.1:1/deputy" };
  const { code, stderr } = await deputy.cli(["up", "--detach"], { env });
  expect(code).toBe(3);
  expect(stderr).toMatch(
    /says:\ndeputy: The database of DATABASE_URL at 127\.0\.0\.1:1 cannot be used: .*ECONNREFUSED.*\. Start it, or correct the URL\.\n$/,
  );
});

test("up --detach, run --watch, accept, down", async () => {
  // A first start that was killed while it made its token is no obstacle.
  await writeFile(join(deputy.home, "token"), "");
  const up = await deputy.cli(["up", "--detach", "--json"]);
  expect(up.code, up.stderr).toBe(0);
  const { url, pid } = JSON.parse(up.stdout);
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);

  const second = await deputy.cli(["up", "--detach"]);
  expect(second.code).toBe(2);
  expect(second.stderr).toMatch(/^deputy: The daemon .*already runs at .*\n$/);
  expect(second.stderr).toContain(`${url} (pid ${pid})`);

  const behind = ["worker", "--detach", "--json", "--concurrency", "2"];
  const worker = await deputy.cli(behind);
  expect(worker.code, worker.stderr).toBe(0);
  const started = JSON.parse(worker.stdout);
  expect(started).toMatchObject({ slots: 2, log: join(deputy.home, "worker.log") });
  const doctor = await deputy.cli(["doctor"]);
  expect(doctor.stdout).toContain(`1 in the background (pid ${started.pid})`);
  expect(doctor.stdout).toContain(`runs at ${url} (pid ${pid}); version `);
  const none = await deputy.cli([...behind.slice(0, 2), "--json"], {
    env: { DEPUTY_CONCURRENCY: "0" },
  });
  expect({ code: none.code, stderr: none.stderr }).toEqual({
    code: 3,
    stderr: expect.stringContaining("A worker needs at least one slot"),
  });

  const run = await deputy.cli(
    ["run", "Repair the greeting", "--agent", repairGreeting, "--check", "npm test", "--watch"],
    here(),
  );
  expect(run.code, run.stdout + run.stderr).toBe(0);
  const [id = ""] = /task_\w+/.exec(run.stdout) ?? [];
  // What happens is told in its order, with the time since the start.
  const steps = [
    "checks: `npm test` (caller)",
    "Attempt 1",
    "Worktree ready",
    "Verified: pass",
    "delivering",
  ];
  const places = steps.map((step) => run.stdout.indexOf(step));
  expect(
    [...places].sort((a, b) => a - b),
    run.stdout,
  ).toEqual(places);
  expect(places[0]).toBeGreaterThan(0);

  const accepted = await deputy.cli(["accept", id]);
  expect(accepted.code, accepted.stderr).toBe(0);
  expect(accepted.stdout).toContain("fast-forward");
  expect(repository.git("show", "HEAD:src/greeting.js")).toContain("Hello");

  const failed = await deputy.cli(["run", "Fail", "--agent", "command:exit 3", "--watch"], here());
  expect(failed.code).toBe(1);
  expect(failed.stdout).toContain("exit 3");

  const down = await deputy.cli(["down"]);
  expect(down.code, down.stderr).toBe(0);
  expect(down.stdout).toContain("Deputy is down. Workers stopped as well: 1.");
  for (const ended of [pid, started.pid])
    expect(isProcessAlive({ pid: ended, startTicks: null })).toBe(false);
});

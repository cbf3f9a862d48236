import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";

/** A daemon that is stopped for a while (SIGSTOP), and work that ends around its time limit. */

const { deputy, repository, scratch, show, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
});

const limitS = 3;

const submitLimited = (goal: string, agent: string, seconds = limitS) =>
  submit({ goal, agent, timeout_minutes: seconds / 60 });

async function attemptsOf(id: string): Promise<Json[]> {
  return (await show(id)).attempts;
}

/** Stop the daemon until `work` is done and the limit of what it runs has passed. */
async function whileStopped(work: () => Promise<unknown>, seconds = limitS): Promise<void> {
  process.kill(deputy.pid(), "SIGSTOP");
  try {
    await work();
    execFileSync("sleep", [String(seconds + 0.5)]); // the limit itself is what has to pass
  } finally {
    process.kill(deputy.pid(), "SIGCONT");
  }
}

test("work that was done in time while the daemon was stopped counts, and so does its one attempt", async () => {
  const agent = await scratch.agent(
    "in-time.sh",
    `touch ${scratch.at("began")}; ${waitFor(scratch.at("go"))}
echo done > work.txt; touch ${scratch.at("ended")}`,
  );
  // Longer, so that it is still running when the daemon is stopped, also on a busy machine.
  const id = await submitLimited("Done in time", agent, 2 * limitS);
  await scratch.until("began");
  await whileStopped(async () => {
    await scratch.write("go");
    await scratch.until("ended");
  }, 2 * limitS);
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(await attemptsOf(id)).toMatchObject([{ end_reason: "done", detail: "exit 0" }]);
});

test("work that is not done when the daemon runs again has the rest of its time", async () => {
  const agent = await scratch.agent(
    "later.sh",
    `touch ${scratch.at("began-2")}; ${waitFor(scratch.at("go-2"))}; echo done > work.txt`,
  );
  const id = await submitLimited("Done after the stop", agent);
  await scratch.until("began-2");
  await whileStopped(async () => {});
  await scratch.write("go-2");
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(await attemptsOf(id)).toMatchObject([{ end_reason: "done" }]);
});

test("a success that comes after the limit is verified", async () => {
  // What is ignored stays ignored in all that it starts.
  const agent = `command:trap "" TERM; sleep ${limitS + 0.5}; echo done > work.txt`;
  const task = await deputy.run({
    repository: repository.path,
    goal: "A little late",
    agent,
    timeout_minutes: limitS / 60,
    checks: ["grep -q done work.txt"],
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect(await attemptsOf(task.id)).toMatchObject([
    { end_reason: "done", detail: `exit 0, later than its limit of ${limitS} s` },
  ]);
});

test("one that only ended late, with an exit code that is no success, is timed out as ever", async () => {
  const agent = await scratch.agent(
    "too-late.sh",
    `if [ "$DEPUTY_ATTEMPT" = 2 ]; then echo done > work.txt; exit 0; fi
trap 'exit 3' TERM; while :; do sleep 0.1; done`,
  );
  const task = await deputy.run({
    repository: repository.path,
    goal: "Too late",
    agent,
    timeout_minutes: limitS / 60,
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect(await attemptsOf(task.id)).toMatchObject([
    { end_reason: "timed_out" },
    { end_reason: "done" },
  ]);
});

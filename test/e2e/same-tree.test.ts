import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";

/** A verdict belongs to a tree: what was judged already is not run again. */
const { deputy, receiptOf, repositoryWith, scratch, show } = withDeputy({
  config: "backoff_ms: 1\nwhen_stuck: fail\n",
});

let made = 0;

async function failTask(more = "") {
  const runs = `runs-${made++}`;
  const at = scratch.at(runs);
  const command = `echo run >> ${at}; [ -e ${at}.mended ] || [ ! -e a.txt ]`;
  const { path } = await repositoryWith({
    ".deputy/config.yaml": `checks:\n  - run: ${JSON.stringify(command)}\n${more}`,
  });
  const agent = "command:echo a > a.txt";
  const task = await deputy.run({ repository: path, goal: "Write a", agent });
  return {
    task,
    count: async () => (await scratch.read(runs)).split("\n").length - 1,
    mend: () => scratch.write(`${runs}.mended`),
    told: async () =>
      (await deputy.events(task.id)).filter(({ data }) => data.step === "same_tree"),
  };
}

test("attempts that end with a tree that was red are not checked again, until a person retries", async () => {
  const { count, mend, task, told } = await failTask();
  expect(task).toMatchObject({ state: "failed" });
  const { attempts } = await show(task.id);
  expect(attempts.length).toBeGreaterThan(1);
  const same = await told();
  expect(same).toHaveLength(attempts.length - 1);
  expect(same[0]?.message).toMatch(
    /^The tree is that of attempt 1, which was checked at \S+ \S+ UTC \(fail\): nothing is run again$/,
  );
  const before = await count();
  // Of the base, and of the first attempt: once, and once more because it was red.
  expect(before).toBeLessThanOrEqual(4);

  await mend();
  expect((await deputy.cli(["retry", task.id])).code).toBe(0);
  const done = await deputy.untilOver(task.id);
  expect(done.state, done.end_detail).toBe("completed");
  expect(await count()).toBeGreaterThan(before);
  expect((await receiptOf(task.id)).same_trees).toEqual([]);
});

test("a tree that was lost with the mirror is judged anew", async () => {
  const { mend, task } = await failTask();
  await mend();
  const mirrors = join(deputy.home, "repos");
  await deputy.stop(); // which trees its commits have is in memory, too
  for (const name of await readdir(mirrors))
    await rm(join(mirrors, name), { recursive: true, force: true });
  await deputy.start();
  expect((await deputy.cli(["retry", task.id])).code).toBe(0);
  const done = await deputy.untilOver(task.id);
  expect(done.state, done.end_detail).toBe("completed");
});

test("a check that is always to run is run for each attempt, and for each task on the base", async () => {
  const { count, task, told } = await failTask("    always: true\n");
  const { attempts } = await show(task.id);
  expect(await told()).toEqual([]);
  expect(await count()).toBeGreaterThanOrEqual(2 * attempts.length);
});

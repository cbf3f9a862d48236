import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";

/** Parts of a plan that say nothing of what they write, and meet in the same files. */

const { deputy, repository, scratch } = withDeputy({
  files: {
    "shared.txt": "the first line\n",
    "moved.txt": "one\ntwo\nthree\n",
    "gone.txt": "here\n",
  },
  env: { DEPUTY_CONCURRENCY: "8" },
});

/** An agent whose first attempt begins its work when those of all `keys` are there. */
async function meet(name: string, keys: readonly string[], lines: string): Promise<string> {
  const here = (key: string) => scratch.at(`${name}-${key}-is-here`);
  return scratch.agent(
    `${name}.sh`,
    `cp "$DEPUTY_BRIEF_FILE" ${scratch.path}/${name}-$DEPUTY_SUBTASK-$DEPUTY_ATTEMPT.brief
touch ${scratch.path}/${name}-$DEPUTY_SUBTASK-is-here
${keys.map((key) => waitFor(here(key))).join("\n")}
${lines}`,
  );
}

async function runPlan(name: string, keys: readonly string[], lines: string, checks: string[]) {
  const agent = await meet(name, keys, lines);
  const task = await deputy.run({
    repository: repository.path,
    goal: `All at once: ${name}`,
    agent,
    checks,
    plan: { subtasks: keys.map((id) => ({ id, title: `The part ${id}` })) },
  });
  const { attempts, subtasks }: Json = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
  return { task, attempts, subtasks };
}

const deliveredFile = (task: Json, path: string) =>
  repository.git("show", `${task.branch}:${path}`);

test("six that append to one file: who loses a merge runs alone on the new base, uncounted", async () => {
  const keys = ["a", "b", "c", "d", "e", "f"];
  const lock = scratch.at("alone");
  const { task, attempts } = await runPlan(
    "append",
    keys,
    // A second attempt beside another one would fail.
    `if [ "$DEPUTY_ATTEMPT" != 1 ]; then mkdir ${lock}; trap 'rmdir ${lock}' EXIT; fi
echo "$DEPUTY_SUBTASK was here" >> shared.txt`,
    [],
  );
  expect(task.state, task.end_detail).toBe("completed");
  const lines = deliveredFile(task, "shared.txt").trim().split("\n");
  expect(lines.slice(1).sort()).toEqual(keys.map((key) => `${key} was here`));
  expect(attempts).toHaveLength(11);
  const events = await deputy.events(task.id);
  const decisions = events.filter(({ type }) => type === "recovery.decided");
  expect(decisions).toHaveLength(5);
  for (const { message } of decisions)
    expect(message).toContain("again from the merged state, alone, not counted as an attempt");
  // The one that was first is told of in the briefs of the others, with what it did.
  const first = lines[1]?.[0] ?? "";
  const second = keys.find((key) => key !== first);
  const brief = await scratch.read(`append-${second}-2.brief`);
  expect(brief).toContain(`- "${first}": The part ${first}`);
  expect(brief).toContain(`+${first} was here`);
});

test("renamed, deleted, created twice: none of it costs an attempt", async () => {
  const keys = ["rename", "change", "delete", "extend", "create-1", "create-2"];
  const { task, attempts } = await runPlan(
    "kinds",
    keys,
    `case $DEPUTY_SUBTASK in
  rename) mkdir x; mv moved.txt x/moved.txt; echo renamed > x/moved.txt ;;
  change) f=moved.txt; test -e $f || f=x/moved.txt; echo changed >> $f ;;
  delete) rm gone.txt; echo deleted > deleted.txt ;;
  extend) echo extended >> gone.txt ;;
  *) echo "$DEPUTY_SUBTASK" >> new.txt ;;
esac`,
    [],
  );
  expect(task.state, task.end_detail).toBe("completed");
  for (const { end_reason } of attempts) expect(end_reason).toBe("done");
  for (const { type, message } of await deputy.events(task.id))
    if (type === "recovery.decided") expect(message).toContain("not counted as an attempt");
  expect(attempts.length).toBeGreaterThan(keys.length);
  expect(attempts.length).toBeLessThanOrEqual(9);
  expect(deliveredFile(task, "new.txt").trim().split("\n").sort()).toEqual([
    "create-1",
    "create-2",
  ]);
});

test("green alone and red together: the later one is told, runs alone, and loses no attempt", async () => {
  const { task, attempts } = await runPlan(
    "gate",
    ["left", "right"],
    `touch $DEPUTY_SUBTASK.part
if [ "$DEPUTY_ATTEMPT" != 1 ]; then grep -q "red after the merge" "$DEPUTY_BRIEF_FILE"; touch both.ok; fi`,
    ["test ! -e left.part || test ! -e right.part || test -e both.ok"],
  );
  expect(task.state, task.end_detail).toBe("completed");
  expect(attempts).toHaveLength(3);
  const events = await deputy.events(task.id);
  expect(events.find(({ type }) => type === "recovery.decided")?.message).toContain(
    "again from the merged state, alone, not counted as an attempt (green alone, red after the merge",
  );
});

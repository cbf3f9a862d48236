import { rmSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";

/**
 * The final gate: what a later part broke of an earlier one's is found before delivery, blamed on the
 * merge that did it, taken back together with what was built on it, and done again.
 */
const { deputy, receiptOf, repository, repositoryWith, scratch, show, submit } = withDeputy({
  files: { "README.md": "# Here\n", "shared.txt": "one\ntwo\n" },
});

const part = (id: string, lines: string, more: Json = {}) => ({
  ...{ id, title: `The ${id}`, agent: `command:${lines}` },
  ...more,
});
/** The first time it does one thing, and when it is told that it was taken back another. */
const slip = (first: string, then: string) =>
  `if grep -q 'taken back: with it' "$DEPUTY_BRIEF_FILE"; then ${then}; else ${first}; fi`;
const plan = (...subtasks: Json[]) => ({ plan: { subtasks } });
const tested = {
  "package.json": JSON.stringify({ type: "module", scripts: { test: "node --test" } }),
  "base.test.js": "import { test } from 'node:test';\ntest('stands', () => {});\n",
};
const writeTest = (body: string) =>
  `printf '%s' "import { existsSync } from 'node:fs'; import { test } from 'node:test'; test('fair weather', () => { ${body} });" > fair.test.js`;
const filesOf = (branch: string) => repository.git("ls-tree", "--name-only", branch).split("\n");
const blamedOf = async (id: string) =>
  (await deputy.events(id)).filter(({ type }) => type === "subtask.blamed");

test("the culprit among five merges is taken back with what builds on it, and does it right", async () => {
  const id = await submit({
    goal: "Build all of it",
    ...plan(
      part("door", "echo open > door.txt", { checks: ["grep -qx open door.txt"] }),
      part("wall", "echo wall > wall.txt", { depends_on: ["door"] }),
      part("lock", slip("echo shut > door.txt; echo a > lock.txt", "echo b > lock.txt"), {
        depends_on: ["wall"],
      }),
      part("key", 'echo "to $(cat lock.txt)" > key.txt', { depends_on: ["lock"] }),
      part("roof", "echo roof > roof.txt", { depends_on: ["wall"] }),
    ),
  });
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  const [blamed, ...more] = await blamedOf(id);
  expect(more).toEqual([]);
  expect(blamed?.data).toMatchObject({ key: "lock", consumers: ["key"] });
  expect(blamed?.message).toContain(
    'Took "The lock" back, and with it what builds on it: "The key", because the whole is red since "The lock" was merged',
  );
  expect(filesOf(done.branch)).toEqual(
    expect.arrayContaining(["door.txt", "key.txt", "lock.txt", "roof.txt", "wall.txt"]),
  );
  const read = (path: string) => repository.git("show", `${done.branch}:${path}`);
  expect([read("door.txt"), read("lock.txt"), read("key.txt")]).toEqual(["open", "b", "to b"]);
  // Only what had to be was done twice.
  const started = (await deputy.events(id)).filter(({ type }) => type === "attempt.started");
  const keys = started.map(({ data }) => data.key).toSorted();
  expect(keys).toEqual(["door", "key", "key", "lock", "lock", "roof", "wall"]);
  // It is checked by what it broke from now on, and the receipt says what was seen on the whole.
  const lock = (await show(id)).subtasks.find(({ key }: Json) => key === "lock");
  expect(lock.checks.map(({ command }: Json) => command)).toEqual(["grep -qx open door.txt"]);
  const receipt = await receiptOf(id);
  const whole = receipt.checks.filter(({ stage }: Json) => stage === "whole");
  expect(whole.map(({ command, result }: Json) => [command, result])).toEqual([
    ["grep -qx open door.txt", "pass"],
  ]);
  const first = receipt.attempts.find(
    ({ subtask, number }: Json) => subtask === "lock" && number === 1,
  );
  expect(first.recovery.reason).toContain("taken back, because the whole is red since");
});

test("a later merge of the same file stands in the way and goes with it", async () => {
  const id = await submit({
    goal: "Change one file",
    ...plan(
      part("first", "echo 1 > first.txt", { checks: ["grep -qx two shared.txt"] }),
      part("breaks", slip("sed -i s/two/three/ shared.txt", "echo four >> shared.txt"), {
        depends_on: ["first"],
      }),
      part("follows", "sed -i s/three/3/ shared.txt; echo x > follows.txt", {
        depends_on: ["first"],
        writes: ["shared.txt"],
      }),
    ),
  });
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  const blamed = await blamedOf(id);
  expect(blamed.map(({ data }) => data.key)).toEqual(["breaks"]);
  expect(repository.git("show", `${done.branch}:shared.txt`)).toBe("one\ntwo\nfour");
});

test("two checks with two culprits: one after the other, and both do it right", async () => {
  const id = await submit({
    goal: "Break two things",
    ...plan(
      part("door", "echo open > door.txt", { checks: ["grep -qx open door.txt"] }),
      part("gate", "echo high > gate.txt", { checks: ["grep -qx high gate.txt"] }),
      part("lock", slip("echo shut > door.txt", "echo lock > lock.txt"), { depends_on: ["door"] }),
      part("hinge", slip("echo low > gate.txt", "echo hinge > hinge.txt"), {
        depends_on: ["gate"],
      }),
    ),
  });
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  const blamed = await blamedOf(id);
  expect(blamed.map(({ data }) => data.key).toSorted()).toEqual(["hinge", "lock"]);
  const read = (path: string) => repository.git("show", `${done.branch}:${path}`);
  expect([read("door.txt"), read("gate.txt")]).toEqual(["open", "high"]);
});

test("what comes back red twice is asked about, and the earlier check wins over no person", async () => {
  const id = await submit({
    goal: "Never right",
    when_stuck: "ask",
    ...plan(
      part("door", "echo open > door.txt", { checks: ["grep -qx open door.txt"] }),
      part("other", "echo shut > door.txt", { depends_on: ["door"] }),
    ),
  });
  await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  const { questions, subtasks } = await show(id);
  expect(await blamedOf(id)).toHaveLength(1);
  // It was taken back, has the check itself now, and cannot pass it.
  expect(subtasks.find(({ key }: Json) => key === "other").state).toBe("waiting");
  expect(questions[0].text).toContain("`grep -qx open door.txt`");
  expect((await deputy.cli(["answer", id, "give up"])).code).toBe(0);
  expect((await deputy.untilOver(id)).state).toBe("failed");
});

test("where no merge is at fault a person is asked about the whole, and a retry delivers it", async () => {
  const flag = scratch.at("flag");
  const id = await submit({
    goal: "Red by itself",
    when_stuck: "ask",
    ...plan(
      part("odd", "echo odd > odd.txt", { checks: [`! test -e ${flag}`] }),
      part("even", `echo even > even.txt; touch ${flag}`, { depends_on: ["odd"] }),
    ),
  });
  await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  expect(await blamedOf(id)).toEqual([]);
  const why = await deputy.cli(["why", id]);
  expect(why.stdout).toContain("each part passed its own checks, but the whole does not: ");
  const refused = await deputy.cli(["answer", id, "whatever"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain('answer "retry" or "give up"');
  await deputy.kill();
  await deputy.start();
  rmSync(flag);
  expect((await deputy.cli(["answer", id, "retry"])).code).toBe(0);
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
});

/** Lets the others go on once the part that is lucky is merged. It alone is taken back. */
async function finishWithLucky(id: string, merged: string): Promise<Json> {
  await deputy.untilEvent(
    id,
    ({ data, type }) => type === "subtask.completed" && data.key === "lucky",
  );
  writeFileSync(merged, "");
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  expect((await blamedOf(id)).map(({ data }) => [data.key, data.consumers])).toEqual([
    ["lucky", []],
  ]);
  return done;
}

test("a merge that passed its gate by luck is blamed by its test, not the merge that met it", async () => {
  const flag = scratch.at("weather");
  const merged = scratch.at("merged");
  const tests = await repositoryWith(tested);
  const lucky = writeTest(`if (existsSync('${flag}')) throw new Error('it rains');`);
  const id = await submit({
    goal: "Be lucky",
    repository: tests.path,
    ...plan(
      part("lucky", slip(lucky, writeTest("")), { writes: ["fair.test.js"] }),
      part("honest", `${waitFor(merged)}; touch ${flag}; echo honest > honest.txt`, {
        writes: ["honest.txt"],
      }),
    ),
  });
  const done = await finishWithLucky(id, merged);
  const { attempts } = await receiptOf(id);
  expect(attempts.filter(({ subtask }: Json) => subtask === "honest")).toHaveLength(1);
  expect(tests.git("show", `${done.branch}:honest.txt`)).toBe("honest");
});

test("an innocent part that starts from a red tip goes on from the one without the culprit", async () => {
  const [flag, merged] = [scratch.at("storm"), scratch.at("gate-go")];
  const tests = await repositoryWith(tested);
  const lucky = writeTest(`if (existsSync('${flag}')) throw new Error('it storms');`);
  const id = await submit({
    goal: "Start from a red tip",
    repository: tests.path,
    ...plan(
      part("lucky", slip(lucky, writeTest("")), { writes: ["fair.test.js"] }),
      part("gate", `${waitFor(merged)}; echo gate > gate.txt`, { writes: ["gate.txt"] }),
      part("honest", `touch ${flag}; echo honest > honest.txt`, {
        ...{ depends_on: ["gate"], writes: ["honest.txt"] },
      }),
    ),
  });
  const done = await finishWithLucky(id, merged);
  const moved = (await deputy.events(id)).filter(({ type }) => type === "subtask.moved");
  expect(moved.map(({ message }) => message)).toEqual([
    expect.stringContaining(
      'The work on "The honest" goes on from the tip of the task branch: what it started from is red without its changes: ',
    ),
  ]);
  const { attempts } = await receiptOf(id);
  expect(attempts.filter(({ subtask }: Json) => subtask === "honest")).toHaveLength(1);
  expect(tests.git("show", `${done.branch}:honest.txt`)).toBe("honest");
  expect(tests.git("show", `${done.branch}:fair.test.js`)).not.toContain("storms");
});

test("what is being built on a merge while it is taken back begins again after it", async () => {
  const [flag, started, go] = [scratch.at("rain"), scratch.at("started"), scratch.at("go")];
  const tests = await repositoryWith(tested);
  const lucky = writeTest(`if (existsSync('${flag}')) throw new Error('it rains');`);
  const id = await submit({
    goal: "Build on it meanwhile",
    repository: tests.path,
    ...plan(
      part("lucky", slip(`${lucky}; echo 1 > lucky.txt`, `${writeTest("")}; echo 2 > lucky.txt`)),
      part("user", `${waitFor(go)}; echo "uses $(cat lucky.txt)" > user.txt`, {
        depends_on: ["lucky"],
        writes: ["user.txt"],
      }),
      part("honest", `${waitFor(started)}; touch ${flag}; echo honest > honest.txt`, {
        writes: ["honest.txt"],
      }),
    ),
  });
  await deputy.untilEvent(
    id,
    ({ data, type }) => type === "attempt.started" && data.key === "user",
  );
  writeFileSync(started, "");
  await deputy.untilEvent(id, ({ type }) => type === "subtask.blamed");
  rmSync(flag);
  writeFileSync(go, "");
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  expect(tests.git("show", `${done.branch}:user.txt`)).toBe("uses 2");
  const decided = (await deputy.events(id)).filter(({ type }) => type === "recovery.decided");
  expect(decided.map(({ message }) => message)).toEqual([
    'Recovery: again from the merged state, alone, not counted as an attempt ("The lucky", which it builds on, was taken back meanwhile)',
  ]);
});

test("what a merge builds on was changed after it once more: it is done again before it", async () => {
  const sign = scratch.at("commented");
  const better = `if grep -q 'make it better' "$DEPUTY_BRIEF_FILE"; then sed -i 's/A/AA/; s/B/BB/' shared.txt; else echo A >> shared.txt; fi`;
  const breaks = `${waitFor(sign)}; echo B >> shared.txt; echo shut > door.txt`;
  const id = await submit({
    goal: "Comment on the ground",
    ...plan(
      part("door", "echo open > door.txt", { checks: ["grep -qx open door.txt"] }),
      part("ground", better, { depends_on: ["door"] }),
      part("breaks", slip(breaks, "echo C >> shared.txt"), { depends_on: ["ground"] }),
    ),
  });
  await deputy.untilEvent(
    id,
    ({ data, type }) => type === "attempt.started" && data.key === "breaks",
  );
  await deputy.cli(["comment", id, "shared.txt:3", "make it better"]);
  writeFileSync(sign, "");
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  expect((await blamedOf(id)).map(({ data }) => [data.key, data.consumers])).toEqual([
    ["breaks", ["ground"]],
  ]);
  expect(repository.git("show", `${done.branch}:shared.txt`)).toBe("one\ntwo\nAA\nC");
  const dependsOf = (await show(id)).subtasks.map((subtask: Json) => subtask.depends_on);
  expect(dependsOf).toEqual([[], ["door"], ["ground"]]);
});

test("a pause stops the checks of the whole, and they run again after it", async () => {
  const go = scratch.at("whole");
  const check = `test -e other.txt || exit 0; touch ${scratch.at("checking")}; ${waitFor(go)}`;
  const id = await submit({
    goal: "Check for long",
    ...plan(
      part("long", "echo long > long.txt", { checks: [check] }),
      part("other", "echo other > other.txt", { depends_on: ["long"] }),
    ),
  });
  await scratch.until("checking");
  expect((await deputy.cli(["pause", id])).code).toBe(0);
  await deputy.untilEvent(id, ({ type }) => type === "stage.parked");
  expect((await deputy.cli(["why", id])).stdout).toContain("a person, who paused it");
  writeFileSync(go, "");
  expect((await deputy.cli(["resume", id])).code).toBe(0);
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
});

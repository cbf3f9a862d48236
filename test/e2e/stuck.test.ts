import { chmod, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { type Phone, startPhone } from "../support/phone.ts";
import { until } from "../support/until.ts";

/** What recovery cannot finish by itself becomes a question to a person, and their answer finishes it. */
let phone: Phone;
beforeAll(async () => {
  phone = await startPhone();
});
afterAll(() => phone?.close());

const { deputy, repository, repositoryWith, scratch, show, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: () => ({ ...phone.env, DEPUTY_WHEN_STUCK: "ask" }),
});

/** Writes the word that its brief says a person advised, or a wrong one. */
const listener =
  "command:sed -n 's/^A: write //p' \"$DEPUTY_BRIEF_FILE\" | tail -1 > word.txt; test -s word.txt || echo wrong > word.txt";
const checks = ["grep -qx right word.txt"];
/** The task with its questions, once it has asked so often. */
async function untilAsked(id: string, times = 1) {
  let seen = 0;
  await deputy.untilEvent(id, ({ type }) => type === "question.asked" && ++seen === times);
  return show(id);
}
const answer = (id: string, text: string) => deputy.cli(["answer", id, text]);

test("advice reaches the next attempt, over a kill -9, and what failed before counts no more", async () => {
  const id = await submit({ goal: "Advise me", agent: listener, checks });
  const asking = await untilAsked(id);
  const [question] = asking.questions;
  expect(question).toMatchObject({ kind: "stuck", answered_at: null });
  expect(question.text).toContain(
    '"Advise me" is stuck after 2 attempts, because a fresh attempt led to the same failure: `grep -qx right word.txt`: exit 1',
  );
  expect(question.text).toContain('"retry"');
  expect(question.text).toContain('"give up"');
  expect((await deputy.cli(["why", id])).stdout).toContain("is stuck after 2 attempts");
  await until(
    () => phone.titles().includes("Needs an answer: Advise me"),
    "the question is on the phone",
  );
  await deputy.kill();
  await deputy.start();
  expect((await show(id)).task.state).toBe("waiting");
  // The wrong advice is one more question, the right one the end.
  expect((await answer(id, "write nonsense")).code).toBe(0);
  await untilAsked(id, 2);
  expect((await answer(id, "write right")).code).toBe(0);
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  expect(repository.git("show", `${done.branch}:word.txt`)).toBe("right");
  const ladder = await deputy.cli(["ladder", id]);
  expect(ladder.stdout).toContain("0 of 6 attempts failed");
});

test("a program that is missing is named, and once it is there a retry finishes the work", async () => {
  const program = scratch.at("late-agent");
  const id = await submit({ goal: "Wait for it", agent: `command:${program}`, checks });
  const asking = await untilAsked(id);
  expect(asking.questions[0].text).toContain(`"${program}" was not found`);
  await writeFile(program, "#!/bin/sh\necho right > word.txt\n");
  await chmod(program, 0o755);
  expect((await deputy.cli(["pause", id])).code).toBe(0);
  const retried = await deputy.cli(["retry", id]);
  expect(retried.stdout).toBe(
    `Retry requested; ${id} stays paused; it continues after: deputy resume ${id}.\n`,
  );
  expect((await deputy.cli(["resume", id])).code).toBe(0);
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  expect((await show(id)).subtasks[0].answers).toEqual([]);
});

test("a person gives it up; the rest of the plan is told why", async () => {
  const id = await submit({
    goal: "Give it up",
    plan: {
      subtasks: [
        { id: "bad", title: "Bad", agent: "command:false" },
        { id: "good", title: "Good", agent: "command:echo good > good.txt" },
        { id: "after", title: "After", agent: "command:true", depends_on: ["bad"] },
      ],
    },
  });
  await deputy.untilEvent(id, ({ type }) => type === "task.waiting");
  const asking = await show(id);
  const stateOf = (key: string) =>
    asking.subtasks.find((subtask: { key: string }) => subtask.key === key)?.state;
  expect([stateOf("good"), stateOf("after")]).toEqual(["completed", "blocked"]);
  const given = await answer(id, '"Give up".');
  expect(given.stdout).toContain(`Answered; ${id} is failed: "bad" failed: given up by a person`);
  const over = await deputy.untilOver(id);
  expect(over.state).toBe("failed");
  expect(over.end_detail).toContain('"bad" failed: given up by a person: it was stuck after 2');
  expect(over.end_detail).toContain('"after" could not start because of that');
  // A retry is another round.
  expect((await deputy.cli(["retry", id])).code).toBe(0);
  await untilAsked(id, 2);
});

test("a caller who waits for an end can have a failure instead, and no other word", async () => {
  const run = ["run", "Fail at once", "--agent", "command:false"];
  const flags = ["--when-stuck", "fail", "--watch"];
  const failed = await deputy.cli([...run, ...flags], { cwd: repository.path });
  expect(failed.code).toBe(1);
  expect(failed.stdout).toContain("giving up after 2 attempts");
  const refused = await deputy.cli([...run, "--when-stuck", "cry"], { cwd: repository.path });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("when_stuck");
});

test("finished work that cannot be delivered asks, and is delivered once the way is free", async () => {
  const own = await repositoryWith({ "README.md": "# There\n" });
  // Git holds no branch below another branch's name.
  const id = await submit({
    ...{ goal: "Deliver it", repository: own.path },
    agent: `command:git -C ${own.path} branch deputy; echo done > word.txt`,
  });
  const asking = await untilAsked(id);
  expect(asking.questions[0].text).toMatch(/^the work is done, but could not be delivered: /);
  expect(asking.task).toMatchObject({ state: "waiting" });
  // A pause and its end leave the question as it is.
  expect((await deputy.cli(["pause", id])).code).toBe(0);
  expect((await deputy.cli(["resume", id])).code).toBe(0);
  expect((await show(id)).task).toMatchObject({ state: "waiting", hold: asking.task.hold });
  own.git("branch", "-D", "deputy");
  expect((await answer(id, "retry")).code).toBe(0);
  const done = await deputy.untilOver(id);
  expect(done.state, done.end_detail).toBe("completed");
  expect(own.git("show", `${done.branch}:word.txt`)).toBe("done");
});

test("a retry with another agent, other checks and another limit finishes what failed or is stuck", async () => {
  const lazy = "command:echo wrong > word.txt";
  const failing = {
    goal: "Fail first",
    agent: lazy,
    checks: ["no-such-check"],
    when_stuck: "fail",
  };
  const failed = await deputy.untilOver(await submit(failing));
  expect(failed.state).toBe("failed");
  const diligent = "command:echo right > word.txt";
  const changes = ["--agent", diligent, "--check", checks[0] ?? "", "--timeout", "7"];
  const unknown = await deputy.cli(["retry", failed.id, "--agent", "nobody"]);
  expect(unknown.stderr).toContain('"agent" is no known agent');
  expect((await show(failed.id)).task.state).toBe("failed");
  expect((await deputy.cli(["retry", failed.id, ...changes])).code).toBe(0);
  const done = await deputy.untilOver(failed.id);
  expect(done.state, done.end_detail).toBe("completed");
  expect(done).toMatchObject({ agent: diligent, checks, timeout_minutes: 7 });
  expect(repository.git("show", `${done.branch}:word.txt`)).toBe("right");
  const receipt = await deputy.cli(["receipt", failed.id, "--json"]);
  expect(JSON.stringify(JSON.parse(receipt.stdout).checks)).not.toContain("no-such-check");
  const events = await deputy.cli(["watch", failed.id]);
  expect(events.stdout).toContain(
    `Retry requested, with agent ${diligent}, 7 minutes an attempt, checks \`${checks[0]}\``,
  );
  const late = await deputy.cli(["retry", failed.id, ...changes]);
  expect(late.stderr).toContain("is completed; only a failed task can be retried");

  const stuck = await submit({ goal: "Stuck first", agent: lazy, checks });
  await untilAsked(stuck);
  expect((await deputy.cli(["retry", stuck, "--agent", diligent])).code).toBe(0);
  expect((await deputy.untilOver(stuck)).state).toBe("completed");
  const attempts = (await show(stuck)).attempts.map(({ agent }: { agent: string }) => agent);
  expect(attempts.at(-1)).toBe(diligent);
});

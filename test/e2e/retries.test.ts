import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { makeRepository } from "../support/repository.ts";

/** What becomes of a failed attempt of a program without sessions: begun afresh, told what went wrong, then given up. */

const { deputy, repository, scratch } = withDeputy({
  files: { "README.md": "# Here\n", ".gitignore": "*.log\n" },
});

const here = () => ({ cwd: repository.path });

test("while each fails in another way: three attempts, from the clean base, with what was tried in the brief", async () => {
  const agent = await scratch.agent(
    "count.sh",
    `test ! -e left.txt
cp "$DEPUTY_BRIEF_FILE" ${scratch.path}/brief-$DEPUTY_ATTEMPT
case $DEPUTY_ATTEMPT in 1) echo one ;; 2) echo two ;; *) echo three ;; esac > left.txt
echo '{"summary":"Counted up to '$DEPUTY_ATTEMPT'."}'`,
  );
  const check = 'echo "seen: $(cat left.txt)"; test "$(cat left.txt)" = three';
  const { code, stdout } = await deputy.cli(
    ["run", "Count to three", "--agent", agent, "--check", check, "--watch"],
    here(),
  );
  expect(code, stdout).toBe(0);
  const briefs = await Promise.all([1, 2, 3].map((number) => scratch.read(`brief-${number}`)));
  expect(briefs[0]).not.toContain("This is attempt");
  expect(briefs[1]).toContain("seen: one");
  expect(briefs[1]).toContain("This is attempt 2");
  expect(briefs[1]).not.toContain("Tried before that");
  expect(briefs[2]).toContain("seen: two");
  expect(briefs[2]).not.toContain("seen: one");
  expect(briefs[2]).toContain("- attempt 1 (command): checks_failed, ");
  expect(briefs[2]).toContain("its agent said: Counted up to 1.");
  const [id = ""] = /task_\w+/.exec(stdout) ?? [];
  const receipt: Json = (await deputy.api("GET", `/v1/tasks/${id}/receipt`)).body;
  expect(new Set(receipt.attempts.map(({ base_commit }: Json) => base_commit)).size).toBe(1);
  expect(receipt.attempts.map(({ recovery }: Json) => recovery?.rung ?? null)).toEqual([
    "fresh",
    "fresh",
    null,
  ]);
  expect(receipt.attempts[1].recovery.reason).toContain("attempt 3 of 6 from a clean base");
});

test("an agent that ends badly is told its own output", async () => {
  const agent = await scratch.agent(
    "trip.sh",
    `if grep -q "I tripped over a stone" "$DEPUTY_BRIEF_FILE"; then echo ok > ok.txt; exit 0; fi
echo "I tripped over a stone" >&2; exit 7`,
  );
  const task = await deputy.run({ repository: repository.path, goal: "Walk", agent });
  expect(task.state, task.end_detail).toBe("completed");
  const { attempts } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
  expect(attempts.map(({ detail }: Json) => detail)).toEqual([
    expect.stringContaining("exit 7"),
    "exit 0",
  ]);
});

test("a failed part holds what depends on it, the rest finishes, and `retry` goes on from there", async () => {
  const needs = scratch.at("repaired");
  const file = await scratch.write(
    "plan.yaml",
    `- {id: first, title: First, agent: "command:test -e ${needs} && echo 1 > first.txt"}
- {id: second, title: Second, depends_on: [first], agent: "command:cat first.txt > second.txt"}
- {id: third, title: Third, depends_on: [second], agent: "command:cat second.txt > third.txt"}
- {id: alone, title: Alone, agent: "command:echo $DEPUTY_ATTEMPT >> ${scratch.at("alone")}; echo a > alone.txt"}
`,
  );
  const run = await deputy.cli(
    ["run", "Go on", "--plan", file, "--agent", "command:true", "--check", "true", "--watch"],
    here(),
  );
  expect(run.code, run.stdout).toBe(1);
  const [id = ""] = /task_\w+/.exec(run.stdout) ?? [];
  const failed: Json = (await deputy.api("GET", `/v1/tasks/${id}`)).body;
  expect(failed.task.state).toBe("failed");
  expect(failed.task.end_detail).toContain(
    '"first" failed: giving up after 2 attempts, because a fresh attempt led to the same failure',
  );
  expect(failed.task.end_detail).toContain('"second", "third" could not start because of that');
  const [first, second, third, alone] = failed.subtasks;
  expect([first.state, alone.state]).toEqual(["failed", "completed"]);
  expect(second).toMatchObject({
    state: "blocked",
    hold: { kind: "dependency", on: [first.id], reason: '"first" did not finish' },
  });
  expect(third).toMatchObject({ state: "blocked", hold: { kind: "dependency", on: [second.id] } });
  expect(repository.git("branch", "--list", "deputy/go-on*")).toBe("");
  const why = await deputy.cli(["why", id]);
  expect(why.stdout).toContain(`deputy retry ${id}`);

  await scratch.write("repaired");
  const retried = await deputy.cli(["retry", id]);
  expect(retried.code, retried.stderr).toBe(0);
  const watched = await deputy.cli(["watch", id]);
  expect(watched.code, watched.stdout).toBe(0);
  const done: Json = (await deputy.api("GET", `/v1/tasks/${id}`)).body;
  expect(done.task).toMatchObject({
    state: "completed",
    branch: "deputy/go-on",
    end_detail: expect.stringContaining("verified"),
  });
  expect(repository.git("show", "deputy/go-on:third.txt")).toBe("1");
  expect(repository.git("show", "deputy/go-on:alone.txt")).toBe("a");
  // What was finished is kept: it ran once.
  expect(await scratch.read("alone")).toBe("1\n");
  expect(done.subtasks[3].commit).toBe(alone.commit);
  const numbers = done.attempts
    .filter(({ subtask_id }: Json) => subtask_id === first.id)
    .map(({ number }: Json) => number);
  expect(numbers).toEqual([1, 2, 3]);

  const again = await deputy.cli(["retry", id]);
  expect(again.code).toBe(2);
  expect(again.stderr).toBe(`deputy: ${id} is completed; only a failed task can be retried.\n`);
});

test("setup that fails is tried twice, and its output is the reason", async () => {
  const broken = await makeRepository({
    ".deputy/config.yaml": "setup: echo cannot install >&2; exit 4\nchecks: []\n",
  });
  try {
    const task = await deputy.run({
      repository: broken.path,
      goal: "Set up",
      agent: "command:echo a > a.txt",
    });
    expect(task).toMatchObject({ state: "failed", branch: null });
    expect(task.end_detail).toContain("setup `echo cannot install >&2; exit 4` failed: exit 4");
    const { attempts } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
    expect(attempts).toHaveLength(2);
  } finally {
    await broken.remove();
  }
});

import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";

/** What checks mean: a claim is not a verdict, red before is not newly red, unknown is never pass. */
const { deputy, repositoryWith, scratch } = withDeputy();

/** A repository with these checks, one task on it, and its evidence. */
async function judge(
  config: string,
  files: Record<string, string>,
  input: { agent: string; checks?: string[] },
) {
  const repository = await repositoryWith({
    ...files,
    ...(config === "" ? {} : { ".deputy/config.yaml": config }),
  });
  const { agent, checks = [] } = input;
  const task = await deputy.run({
    repository: repository.path,
    goal: "Judge this",
    agent: `command:${agent}`,
    checks,
  });
  const receipt: Json = (await deputy.api("GET", `/v1/tasks/${task.id}/receipt`)).body;
  const branches = repository.git("branch", "--list", "deputy/*");
  return { repository, task, receipt, branches };
}

const undelivered = { state: "failed", branch: null };

test.concurrent("an agent that claims success with red checks fails, and is given up when it fails in the same way again", async () => {
  const { task, receipt, branches } = await judge(
    "",
    { "a.txt": "a\n" },
    {
      agent: `echo x >> a.txt; echo '{"summary":"All green, I swear"}'`,
      checks: ["grep -q right a.txt || { echo 'expected: right'; exit 1; }"],
    },
  );
  expect(task).toMatchObject(undelivered);
  expect(task.end_detail).toContain(
    "giving up after 2 attempts, because a fresh attempt led to the same failure: ",
  );
  expect(branches).toBe("");
  expect(receipt.attempts.map(({ end_reason }: Json) => end_reason)).toEqual(["done", "done"]);
  expect(receipt.attempts[0].summary).toBe("All green, I swear");
});

test.concurrent("a command that changed nothing had nothing to do where every check is green, and fails as `no change` elsewhere", async () => {
  const files = { "a.txt": "a\n" };
  const red = "test -e wanted.txt";
  for (const [config, checks] of [
    ["", [red]],
    ["", []],
    [`checks: [${red}, test -e a.txt]\n`, []],
  ] as const) {
    const { task, receipt } = await judge(config, files, { agent: "true", checks: [...checks] });
    expect(task).toMatchObject(undelivered);
    expect(task.end_detail).toContain("no change");
    expect(receipt.attempts[0].recovery.failure).toBe("no_change");
  }
  const { branches, receipt, task } = await judge("", files, { agent: "true", checks: ["true"] });
  const why = "no change was needed according to the agent; `true` is green on the base";
  const end = { state: "completed", branch: null, decision: null, nothing_to_do: true };
  expect(task).toMatchObject({ ...end, end_detail: `nothing to do: ${why}` });
  expect(branches).toBe("");
  expect(receipt).toMatchObject({ verified: false, verdict: why, delivery: null });
  expect(receipt.checks).toMatchObject([{ command: "true", result: "pass" }]);
  expect((await deputy.cli(["ls"])).stdout).toMatch(new RegExp(`${task.id} +nothing to do`));
  expect((await deputy.cli(["why", task.id])).stdout).toContain(`nothing to do: ${why}`);
  expect((await deputy.cli(["accept", task.id])).stderr).toContain("has delivered no branch");
});

const tap = (...lines: string[]) => `TAP version 13\n1..${lines.length}\n${lines.join("\n")}\n`;

test.concurrent("what newly fails is named; what failed before is not held against it", async () => {
  const files = { "results.tap": tap("ok 1 - sings", "not ok 2 - dances", "ok 3 - eats") };
  const config = "checks: ['cat results.tap; ! grep -q ^not results.tap']\n";
  const worse = await judge(config, files, {
    agent: `sed -i 's/^ok 1/not ok 1/' results.tap`,
  });
  expect(worse.task).toMatchObject(undelivered);
  expect(worse.receipt.checks[0]).toMatchObject({ result: "fail", newly_failing: ["sings"] });
  expect(worse.receipt.checks[0].reason).toBe("1 test fails newly; 1 failed before too");
  expect(worse.task.end_detail).toContain("(sings)");

  const same = await judge(config, files, { agent: "echo b > b.txt" });
  expect(same.task.state, same.task.end_detail).toBe("completed");
  expect(same.receipt).toMatchObject({
    verified: true,
    headline: expect.stringMatching(/^Verified, but `cat .*` is red with and without the change$/),
  });
  expect(same.receipt.checks[0]).toMatchObject({
    kind: "regression",
    result: "pass",
    reason: "red before too: the same 1 test fails",
    baseline: { exit_code: 1 },
  });
});

test.concurrent("an acceptance check that was red before must be green; a regression check need not", async () => {
  const files = { "a.txt": "a\n" };
  const red = "test -e wanted.txt";
  const refused = await judge("", files, { agent: "echo b > b.txt", checks: [red] });
  expect(refused.task).toMatchObject(undelivered);
  expect(refused.receipt.checks[0]).toMatchObject({ kind: "acceptance", result: "fail" });

  const passed = await judge(`checks: [${red}, test -e a.txt]\n`, files, {
    agent: "echo b > b.txt",
  });
  expect(passed.task.state, passed.task.end_detail).toBe("completed");
  expect(passed.receipt.checks[0]).toMatchObject({
    kind: "regression",
    result: "pass",
    reason: "red before too (exit 1)",
  });

  const alone = await judge(`checks: [${red}]\n`, files, { agent: "echo b > b.txt" });
  expect(alone.task).toMatchObject(undelivered);
  expect(alone.task.end_detail).toContain("shows nothing about the change");

  const both = await judge(`checks: [${red}]\n`, files, { agent: "echo b > b.txt", checks: [red] });
  expect(both.task).toMatchObject(undelivered);
});

test.concurrent("a check that cannot start is inconclusive, and nothing is delivered", async () => {
  const { task, receipt, branches } = await judge(
    "checks: [no-such-program-x --all]\n",
    {
      "a.txt": "a\n",
    },
    { agent: "echo b > b.txt" },
  );
  expect(task).toMatchObject(undelivered);
  expect(branches).toBe("");
  expect(receipt.verified).toBe(false);
  expect(receipt.checks[0]).toMatchObject({
    result: "inconclusive",
    detail: "could not start: exit 127",
  });
  expect(receipt.attempts.map(({ verdict }: Json) => verdict.result)).toEqual([
    "inconclusive",
    "inconclusive",
  ]);
});

test.concurrent("a check that runs out of its configured time is inconclusive", async () => {
  const { task, receipt } = await judge(
    "checks:\n  - {name: slow, run: sleep 60, timeout_minutes: 0.005}\n",
    { "a.txt": "a\n" },
    { agent: "echo b > b.txt" },
  );
  expect(task).toMatchObject(undelivered);
  expect(receipt.checks[0]).toMatchObject({
    result: "inconclusive",
    reason: "timed out after 0.3 s",
  });
});

test.concurrent("a flaky check gets one more run, and is inconclusive when the two disagree", async () => {
  // Green without the work; with it red and green in turns.
  const flaky = await scratch.write(
    "flaky.sh",
    `test -e b.txt || exit 0
if [ -e ${scratch.at("odd")} ]; then rm ${scratch.at("odd")}; exit 0; fi
touch ${scratch.at("odd")}; exit 1\n`,
  );
  const { task, receipt } = await judge(
    `checks: [sh ${flaky}]\n`,
    { "a.txt": "a\n" },
    {
      agent: "echo b > b.txt",
    },
  );
  expect(task).toMatchObject(undelivered);
  expect(receipt.checks[0]).toMatchObject({
    result: "inconclusive",
    reason: expect.stringContaining("flaky: exit 1, then exit 0 on the same commit"),
    rerun: { exit_code: 0 },
  });
});

test.concurrent("without any check the work is delivered, and not as verified", async () => {
  const { task, receipt } = await judge("", { "a.txt": "a\n" }, { agent: "echo b > b.txt" });
  expect(task.state, task.end_detail).toBe("completed");
  expect(receipt).toMatchObject({ verified: false, verdict: "no check was run" });
  expect(task.end_detail).toContain("unverified");
});

test.concurrent("a base that could not be checked in a bad moment is checked again the next time", async () => {
  const network = scratch.at("network-is-up");
  const { task, repository } = await judge(
    // The setup of clean worktrees alone needs the network; the check is red, as it always was.
    `setup: case $PWD in */check-*) test -e ${network};; esac\nchecks: [exit 3, test -e a.txt]\n`,
    { "a.txt": "a\n" },
    { agent: "echo x >> a.txt" },
  );
  expect(task).toMatchObject(undelivered);
  expect(task.end_detail).toContain("setup does not work");
  await scratch.write("network-is-up", "");
  const again = await deputy.run({
    repository: repository.path,
    goal: "Judge this again",
    agent: "command:echo x >> a.txt",
  });
  expect(again.state, again.end_detail).toBe("completed");
});

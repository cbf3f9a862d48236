import { expect, test } from "vitest";
import { isProcessAlive } from "../../src/sandbox/process/process-identity.ts";
import { withDeputy } from "../support/fixtures.ts";
import { makeRepository } from "../support/repository.ts";

/** What agents and checks may print and leave behind: anything. Nothing of it may stop a task. */

const { deputy, repository, run, scratch } = withDeputy({
  files: { "a.txt": "a\n", "sub/b.txt": "b\n" },
  env: { OPENAI_API_KEY: "sk-not-for-agents", GITHUB_TOKEN: "ghp_not_for_agents" },
});

const runWith = (goal: string, agent: string, more: Record<string, unknown> = {}) =>
  run({ goal, agent, ...more });

test("zero bytes, broken UTF-8, colours and half characters in the output of an agent", async () => {
  const agent = await scratch.agent(
    "noise.sh",
    `printf 'nul \\000 latin1 \\351 \\033[31mred\\033[0m\\n'
head -c 300000 /dev/urandom
printf '\\n{"summary":"half \\\\ud800 nul \\\\u0000 end","discoveries":["\\\\udfff",7,null]}\\n'
if [ $DEPUTY_ATTEMPT = 1 ]; then exit 5; fi
echo b > b.txt`,
  );
  const task = await runWith("Make noise", agent);
  expect(task.state, task.end_detail).toBe("completed");
  const shown = await deputy.cli(["show", task.id]);
  expect(shown.code, shown.stderr).toBe(0);
  expect((await deputy.cli(["log", task.id])).code).toBe(0);
  const { attempts } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
  expect(attempts[1].summary).toMatch(/^half .* end$/);
});

test("the same in the output and in the test names of a check", async () => {
  const noisy = await scratch.write(
    "noisy.sh",
    `printf 'TAP version 13\\n1..2\\n'
printf 'ok 1 - nul \\000 latin1 \\351 \\033[31mred\\n'
if [ -e b.txt ]; then printf 'not ok 2 - half \\355\\240\\200 end\\n'; exit 1; fi
printf 'ok 2 - half \\355\\240\\200 end\\n'
head -c 100000 /dev/zero`,
  );
  const task = await runWith("Check noisily", "command:echo b > b.txt", {
    checks: [`sh ${noisy}`],
  });
  expect(task.state).toBe("failed");
  expect(task.end_detail).toContain("half");
  const receipt = await deputy.cli(["receipt", task.id]);
  expect(receipt.stdout).toContain("1 test fails");
});

test("files with names of any bytes, links out of the tree, a pipe, and a repository of its own", async () => {
  const agent = await scratch.agent(
    "names.sh",
    `echo 1 > "$(printf 'new\\nline')"
echo 2 > "$(printf 'latin\\351')"
echo 3 > -rf
echo 4 > ':(top)magic'
ln -s /etc/passwd link
mkfifo pipe
mkdir inner && cd inner && git init -q && echo 5 > five.txt
git -c user.name=a -c user.email=a@b add five.txt && git -c user.name=a -c user.email=a@b commit -qm inner`,
  );
  const task = await runWith("Name files", agent, { checks: ["test -e -rf"] });
  expect(task.state, task.end_detail).toBe("completed");
  const names = repository.git("ls-tree", "-r", "-z", "--name-only", task.branch).split("\0");
  for (const name of ["new\nline", "-rf", ":(top)magic", "link"]) expect(names).toContain(name);
  expect(names).not.toContain("pipe");
  const diff = await deputy.cli(["diff", task.id]);
  expect(diff.code, diff.stderr).toBe(0);
});

test("an agent has no secret of the daemon's, and what it leaves running is ended", async () => {
  const agent = await scratch.agent(
    "spy.sh",
    `env > ${scratch.at("env")}
(setsid sh -c 'echo $$ > ${scratch.at("left")}; exec sleep 300' >/dev/null 2>&1 &)
while [ ! -s ${scratch.at("left")} ]; do sleep 0.05; done
echo c > c.txt`,
  );
  const task = await runWith("Spy", agent);
  expect(task.state, task.end_detail).toBe("completed");
  const env = await scratch.read("env");
  expect(env).not.toMatch(/not.for.agents|DATABASE_URL|DEPUTY_TOKEN|DEPUTY_HOME/);
  expect(env).toContain("DEPUTY_BRIEF_FILE=");
  const pid = Number(await scratch.read("left"));
  expect(isProcessAlive({ pid, startTicks: null })).toBe(false);
});

test("an agent that runs out of time and does not listen to SIGTERM is ended, and the reason is said", async () => {
  const agent = await scratch.agent(
    "deaf.sh",
    `trap '' TERM; echo $$ >> ${scratch.at("deaf")}; while true; do sleep 1; done`,
  );
  const { stdout } = await deputy.cli(
    ["run", "Never listen", "--agent", agent, "--timeout", "0.01", "--json"],
    { cwd: repository.path },
  );
  const { id } = JSON.parse(stdout);
  const ended = await deputy.untilEvent(id, ({ type }) => type === "attempt.ended");
  expect(ended.data).toMatchObject({ reason: "timed_out" });
  await deputy.cli(["cancel", id]);
  expect((await deputy.untilOver(id)).state).toBe("cancelled");
});

test("a setup that prints zero bytes and fails: the reason is said, as the setup's", async () => {
  const own = await makeRepository({
    "a.txt": "a\n",
    ".deputy/config.yaml": `setup: printf 'nul \\000 😀 end\\n'; exit 4\n`,
  });
  const task = await deputy.run({
    repository: own.path,
    goal: "Fail in setup",
    agent: "command:true",
  });
  await own.remove();
  expect(task.state).toBe("failed");
  expect(task.end_detail).toContain("setup `printf");
  expect(task.end_detail).toContain("exit 4");
});

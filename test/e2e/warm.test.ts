import { expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** Setup runs before a task needs it: when a person asks, and by itself after the base has moved. */
const { deputy, receiptOf, repositoryWith } = withDeputy({
  env: { DEPUTY_SANDBOX: "bubblewrap" },
  config: "warm_minutes: 0.01\n",
});

const filesOf = (config: string) => ({
  ".gitignore": "node_modules/\n.env\n",
  "deps.lock": "one\n",
  ".deputy/config.yaml": config,
});
const install = "mkdir -p node_modules; cp deps.lock node_modules/version";
const config = `setup: ${install}\nchecks: [cmp deps.lock node_modules/version]\n`;

test("deputy warm runs setup once; then the plan says since when it is there, and nothing else runs it", async () => {
  const repository = await repositoryWith(filesOf(config));
  const warm = (...args: string[]) => deputy.cli(["warm", ...args], { cwd: repository.path });
  const at = `main at ${repository.git("rev-parse", "HEAD").slice(0, 10)}`;
  const first = await warm();
  expect(first, first.stderr).toMatchObject({ code: 0 });
  expect(first.stdout).toBe(
    `${at}, \`${install}\`: ${first.stdout.slice(first.stdout.indexOf("Setup ran"))}`,
  );
  expect(first.stdout).toMatch(
    /Setup ran just now in \d+\.\d s; each worktree gets a copy of what it made\.\n$/,
  );
  const again = JSON.parse((await warm("--json", "--base", "main")).stdout);
  expect(again).toMatchObject({ repository: repository.path, state: "ready", setup: [install] });

  const task = await deputy.run({
    repository: repository.path,
    goal: "Write a",
    agent: "command:echo a > a.txt",
  });
  expect(task.state, task.end_detail).toBe("completed");
  const events = await deputy.events(task.id);
  const plan = events.find(({ type }) => type === "task.planned")?.message;
  expect(plan).toMatch(
    /; setup: `mkdir .*` \(prepared just now, in place of \d+\.\d s\); checks: `cmp/,
  );
  expect(events.some(({ data }) => data.step === "setup")).toBe(false);
  const [setup] = (await receiptOf(task.id)).setup;
  expect(setup.copied).toMatchObject({ made_at: again.made_at, is_whole: true });

  // The base moves: what its setup makes is there before anybody asks.
  await repository.write({ "deps.lock": "two\n" });
  repository.git("commit", "--quiet", "--all", "--message", "Another lock");
  await until(async () => {
    const { body } = await deputy.api("POST", "/v1/warm", { repository: repository.path });
    expect(body.state).not.toBe("failed");
    return body.state === "ready" && body.made_at !== again.made_at;
  }, "it is prepared again");
});

test("what cannot be prepared is said in one sentence", async () => {
  const say = async (files: Record<string, string>) => {
    const { path } = await repositoryWith(files);
    const { code, stdout } = await deputy.cli(["warm", path]);
    return { code, said: stdout.replace(/^.*?: (?=Setup|There)/, "") };
  };
  const broken = "setup: \"echo 'error: no such package' >&2; exit 4\"\nchecks: []\n";
  expect(await say(filesOf(broken))).toEqual({
    code: 1,
    said: "Setup `echo 'error: no such package' >&2; exit 4` failed: exit 4: error: no such package\n",
  });
  expect(await say(filesOf("setup: []\nchecks: []\n"))).toEqual({
    code: 0,
    said: "There is no setup to run.\n",
  });
  expect(await say(filesOf("setup: echo two > deps.lock\nchecks: []\n"))).toEqual({
    code: 0,
    said: "Setup runs in each worktree. What setup made cannot be kept: it changes deps.lock, which git tracks.\n",
  });
  expect(await say(filesOf("setup: echo $PORT\nchecks: []\n"))).toEqual({
    code: 0,
    said: "Setup runs in each worktree: `echo $PORT` names its port or its task.\n",
  });
  const nowhere = await deputy.api("POST", "/v1/warm", { repository: "/nowhere/at/all" });
  expect(nowhere).toMatchObject({ status: 422, body: { code: "unprocessable" } });
  const unknown = await deputy.api("POST", "/v1/warm", {
    ...{ repository: (await repositoryWith(filesOf(config))).path, base: "no-such-branch" },
  });
  expect(unknown).toMatchObject({ status: 422 });
  expect((await deputy.api("POST", "/v1/warm", { repo: "x" })).status).toBe(400);
});

test("an ignored file that is copied into worktrees decides what is prepared", async () => {
  const repository = await repositoryWith({
    ...filesOf("setup: mkdir -p node_modules; cp .env node_modules/env\nchecks: []\n"),
    ".worktreeinclude": ".env\n",
  });
  const stateWith = async (env: string) => {
    await repository.write({ ".env": env });
    const { stdout } = await deputy.cli(["warm", "--json", repository.path]);
    return JSON.parse(stdout).state;
  };
  expect(await stateWith("A=1\n")).toBe("made");
  expect(await stateWith("A=1\n")).toBe("ready");
  expect(await stateWith("A=2\n")).toBe("made");
});

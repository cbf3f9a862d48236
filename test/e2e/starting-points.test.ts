import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { fingerprintCheckout } from "../../src/worktree/checkout/fingerprint.ts";
import { withDeputy } from "../support/fixtures.ts";
import { makeRepository } from "../support/repository.ts";

/** Where work may start from: any ref, any kind of checkout, also while the repository moves on. */
const { deputy, repository, scratch } = withDeputy({
  files: { "version.txt": "1\n", "deep/er/x.txt": "x\n" },
});

beforeAll(async () => {
  repository.git("tag", "-a", "v1", "-m", "one");
  await repository.write({ "version.txt": "2\n" });
  repository.git("commit", "-qam", "two");
  repository.git("branch", "feature/two");
  await repository.write({ "version.txt": "3\n" });
  repository.git("commit", "-qam", "three");
});

const agent = "command:cat version.txt > seen.txt";
const seen = (branch: string) => repository.git("show", `${branch}:seen.txt`);

test("a tag, a branch, a commit, and HEAD without any", async () => {
  const short = repository.git("rev-parse", "--short", "v1^{commit}");
  const bases: [string | undefined, string][] = [
    ["v1", "1"],
    ["feature/two", "2"],
    [short, "1"],
    [undefined, "3"],
  ];
  await Promise.all(
    bases.map(async ([base, version], index) => {
      const task = await deputy.run({
        repository: repository.path,
        goal: `Start ${index}`,
        agent,
        ...(base === undefined ? {} : { base }),
      });
      expect(task.state, task.end_detail).toBe("completed");
      expect(seen(task.branch)).toBe(version);
      const commit = repository.git("rev-parse", `${base ?? "HEAD"}^{commit}`);
      expect(repository.git("merge-base", task.branch, commit)).toBe(commit);
    }),
  );
});

test("a folder deep in a linked worktree with a detached HEAD means that worktree's commit", async () => {
  const linked = scratch.at("linked");
  repository.git("worktree", "add", "--quiet", "--detach", linked, "v1");
  const before = [await fingerprintCheckout(linked), await fingerprintCheckout(repository.path)];
  const run = await deputy.cli(["run", "From afar", "--agent", agent, "--watch"], {
    cwd: join(linked, "deep/er"),
  });
  expect(run.code, run.stdout + run.stderr).toBe(0);
  expect(seen("deputy/from-afar")).toBe("1");
  expect([await fingerprintCheckout(linked), await fingerprintCheckout(repository.path)]).toEqual(
    before,
  );
});

test("--include-uncommitted takes the checkout's changes along; without it they are named", async () => {
  const mine = await makeRepository({ "version.txt": "1\n" });
  try {
    await mine.write({ "version.txt": "mine\n", "extra.txt": "new\n" });
    const before = await fingerprintCheckout(mine.path);
    const plain = ["run", "Without", "--agent", agent, "--watch"];
    const without = await deputy.cli(plain, { cwd: mine.path });
    expect(without.stdout).toContain("are not part of this work (version.txt, extra.txt): commit");
    expect(mine.git("show", "deputy/without:seen.txt")).toBe("1");
    const args = ["run", "With all", "--agent", agent, "--include-uncommitted", "--watch"];
    const taken = await deputy.cli(args, { cwd: mine.path });
    expect(taken.code, taken.stdout + taken.stderr).toBe(0);
    expect(mine.git("show", "deputy/with-all:seen.txt")).toBe("mine");
    expect(mine.git("log", "--format=%an %s", "main..deputy/with-all").split("\n")).toEqual([
      "Deputy With all",
      "Tester Uncommitted changes of the checkout",
    ]);
    expect(await fingerprintCheckout(mine.path)).toEqual(before);

    const remote = await deputy.cli([...args, "--repo", "https://example.com/a.git"]);
    expect(remote.stderr).toContain("is no checkout on the daemon's machine");
    const based = await deputy.cli([...args, "--base", "v1"], { cwd: repository.path });
    expect(based.stderr).toContain('not to the base "v1"');
  } finally {
    await mine.remove();
  }
});

test("a repository that moves on, or is away for a while, changes nothing of a task on its way", async () => {
  const moving = await makeRepository({ "version.txt": "1\n" });
  try {
    const patient = await scratch.agent(
      "patient.sh",
      `touch ${scratch.at("started")}
while [ ! -e ${scratch.at("go")} ]; do sleep 0.05; done
cat version.txt > seen.txt`,
    );
    const { body } = await deputy.api("POST", "/v1/tasks", {
      repository: moving.path,
      goal: "Stay",
      agent: patient,
      checks: ["test -e seen.txt"],
    });
    await scratch.until("started");
    await moving.write({ "version.txt": "2\n" });
    moving.git("commit", "-qam", "two");
    moving.git("checkout", "-q", "-b", "elsewhere");
    moving.git("branch", "-q", "-D", "main");
    await scratch.write("go");
    const task = await deputy.untilOver(body.id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(moving.git("show", "deputy/stay:seen.txt")).toBe("1");
    const accepted = await deputy.cli(["accept", task.id]);
    expect(accepted.code, accepted.stderr).toBe(0);
    expect(moving.git("show", "elsewhere:seen.txt")).toBe("1");
  } finally {
    await moving.remove();
  }
});

test("a remote that is away is asked again later, and `why` says so", async () => {
  const { body } = await deputy.api("POST", "/v1/tasks", {
    repository: "http://127.0.0.1:1/nobody/here.git", // nothing listens there
    goal: "Wait for it",
    agent,
  });
  await deputy.untilEvent(body.id, ({ type }) => type === "stage.failed");
  let why = await deputy.cli(["why", body.id]);
  // The first waits are short, and a command line that is slow to start may meet the next try.
  while (why.stdout.includes("(planning): planning the task")) {
    why = await deputy.cli(["why", body.id]);
  }
  expect(why.stdout).toContain("(planning): plan broke: git cannot reach http://127.0.0.1:1/");
  expect(why.stdout).toContain("it continues by itself");
  expect((await deputy.cli(["cancel", body.id])).code).toBe(0);
  expect((await deputy.untilOver(body.id)).state).toBe("cancelled");
});

test("spaces, quotes and other letters in the path and in the goal", async () => {
  const odd = await makeRepository({ "version.txt": "1\n" });
  const path = scratch.at('it\'s a "földer" $(x)');
  await mkdir(path);
  try {
    odd.git("clone", "--quiet", odd.path, join(path, "re po"));
    const run = await deputy.cli(
      ["run", "Farbe ändern: `rm -rf /` $(x) 💥\n\nmore", "--agent", agent, "--json"],
      { cwd: join(path, "re po") },
    );
    const task = await deputy.untilOver(JSON.parse(run.stdout).id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(task.branch).toBe("deputy/farbe-ändern-rm-rf-x");
  } finally {
    await odd.remove();
  }
});

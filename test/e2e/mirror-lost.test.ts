import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deputy, makeDeputy } from "../support/deputy.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { makeScratch, type Scratch, waitFor } from "../support/scratch.ts";

/** The daemon's mirror of a repository is deleted by hand while tasks need it. */
let deputy: Deputy;
let repository: TestRepository;
let scratch: Scratch;

beforeAll(async () => {
  [deputy, repository, scratch] = await Promise.all([
    makeDeputy(),
    makeRepository({ "a.txt": "a\n" }),
    makeScratch(),
  ]);
  await deputy.start();
});
afterAll(async () => {
  await deputy?.close();
  await Promise.all([repository?.remove(), scratch?.remove()]);
});

async function submit(goal: string, agent: string, check: string): Promise<string> {
  const { body } = await deputy.api("POST", "/v1/tasks", {
    ...{ repository: repository.path, goal, agent, checks: [check] },
  });
  return body.id;
}

async function deleteMirrors(): Promise<void> {
  const root = join(deputy.home, "repos");
  for (const name of await readdir(root))
    await rm(join(root, name), { recursive: true, force: true });
}

test("a task goes on whose mirror is deleted while its agent runs", async () => {
  const agent = await scratch.agent(
    "run.sh",
    `echo "$DEPUTY_ATTEMPT" >> ${scratch.at("runs")}; echo one > b.txt; touch ${scratch.at("at-work")}
${waitFor(scratch.at("go"))}
echo two >> b.txt`,
  );
  const id = await submit("Run on", agent, "grep -q two b.txt");
  await scratch.until("at-work");
  await deleteMirrors();
  await scratch.write("go");
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:b.txt`)).toBe("one\ntwo");
  expect(await scratch.read("runs")).toBe("1\n");
});

test("a failed task can be retried, and its worktree is known, after its mirror was deleted", async () => {
  const agent = await scratch.agent(
    "fail.sh",
    `if [ ! -e ${scratch.at("repaired")} ]; then echo junk > junk.txt; exit 1; fi; echo ok > ok.txt`,
  );
  const id = await submit("Fail first", agent, "true");
  expect((await deputy.untilOver(id)).state).toBe("failed");
  await deleteMirrors();
  await scratch.write("repaired");
  const retried = await deputy.cli(["retry", id]);
  expect(retried.code, retried.stderr).toBe(0);
  await deputy.cli(["watch", id]);
  const { task } = (await deputy.api("GET", `/v1/tasks/${id}`)).body;
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("diff", "--name-only", "main", task.branch)).toBe("ok.txt");

  // Nor is the repository spoilt for others.
  const next = await deputy.run({
    ...{ repository: repository.path, goal: "Next", checks: ["true"] },
    agent: "command:echo n > n.txt",
  });
  expect(next.state, next.end_detail).toBe("completed");
});

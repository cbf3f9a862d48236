import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";

/** The daemon's mirror of a repository is deleted by hand while tasks need it. */

const { deputy, repository, scratch, submit } = withDeputy({ files: { "a.txt": "a\n" } });

const submitChecked = (goal: string, agent: string, check: string) =>
  submit({ goal, agent, checks: [check] });

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
  const id = await submitChecked("Run on", agent, "grep -q two b.txt");
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
  const id = await submitChecked("Fail first", agent, "true");
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

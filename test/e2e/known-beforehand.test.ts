import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import type { TestRepository } from "../support/repository.ts";

/** What cannot come to a good end is said at the plan, in a sentence, before an attempt is made. */
const { deputy, repositoryWith, scratch } = withDeputy();

const obstacles: [string, (repository: TestRepository) => string, string][] = [
  [
    "a branch called deputy",
    ({ git, path }) => {
      git("branch", "deputy");
      return path;
    },
    'has a branch called "deputy"',
  ],
  [
    "branches of ours that a push may not see",
    ({ git, path }) => {
      git("config", "--add", "transfer.hideRefs", "refs/heads/deputy");
      return path;
    },
    "hides refs/heads/deputy from pushes",
  ],
  [
    "a base that a fetch may not see",
    ({ git, path }) => {
      git("config", "--add", "uploadpack.hideRefs", "refs/heads");
      git("config", "--add", "uploadpack.hideRefs", "HEAD");
      return path;
    },
    "does not let its branch main be fetched",
  ],
  [
    "a partial clone",
    ({ git, path }) => {
      git("config", "uploadpack.allowFilter", "true");
      const clone = scratch.at("partial");
      spawnSync("git", [
        "clone",
        "-q",
        "--filter=blob:none",
        "--no-checkout",
        `file://${path}`,
        clone,
      ]);
      return clone;
    },
    "it is a partial clone",
  ],
];

test.each(obstacles)("%s is refused without an attempt", async (_, prepare, words) => {
  const repository = await repositoryWith({ "a.txt": "a\n" });
  const task = await deputy.run({
    repository: prepare(repository),
    goal: "Do it",
    agent: "command:echo b > b.txt",
    checks: ["true"],
  });
  expect(task.state).toBe("failed");
  expect(task.end_detail).toContain(words);
  expect((await deputy.api("GET", `/v1/tasks/${task.id}`)).body.attempts).toEqual([]);
});

test("a rule that hides other branches, or shows ours again, is no obstacle", async () => {
  const repository = await repositoryWith({ "a.txt": "a\n" });
  for (const rule of ["refs/heads/private", "refs/heads/deputy", "!refs/heads/deputy"])
    repository.git("config", "--add", "receive.hideRefs", rule);
  const task = await deputy.run({
    ...{ repository: repository.path, goal: "Do it", checks: ["true"] },
    agent: "command:echo b > b.txt",
  });
  expect(task.state, task.end_detail).toBe("completed");
});

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";

/** What git cannot hold, check out or hand over: the agent is told which path and why, once. */

const { deputy, repository, scratch } = withDeputy({
  files: { "a.txt": "a\n", ".gitignore": "*.log\n" },
});

const manyFolders = "d=$(printf 'd%.0s' $(seq 200)); for i in $(seq 16); do mkdir $d; cd $d; done";

const unfit: [string, string, string][] = [
  ["a name of .git with a dot", "mkdir .git.; echo x > .git./x", '".git./x" has a name'],
  ["the short name of .git", "mkdir in; echo x > in/GIT~1", '"in/GIT~1" has a name'],
  ["a stream of .git", "echo x > '.git:x'", '".git:x" has a name'],
  ["a backslash before .git", "echo x > 'a\\.git'", "has a name"],
  ["an unseen character in .git", "echo x > \"$(printf '.g\\342\\200\\214it')\"", "has a name"],
  ["a link called .gitmodules", "ln -s a.txt .gitmodules", '".gitmodules" is a link'],
  [
    "an endless line of attributes",
    'printf "*.x %3000s\\n" text > .gitattributes',
    '".gitattributes" has a line',
  ],
  [
    "a path for which another checkout has no room",
    `(${manyFolders}; echo x > x)`,
    "is longer than",
  ],
];

test.each(unfit)("%s", async (name, lines, said) => {
  const goal = `Write ${name}`;
  const agent = await scratch.agent(
    "write.sh",
    `if [ "$DEPUTY_ATTEMPT" = 1 ]; then echo ok > ok.txt; ${lines}; exit 0; fi
cp "$DEPUTY_BRIEF_FILE" ${scratch.at("brief")}; echo ok > ok.txt`,
  );
  const task = await deputy.run({ repository: repository.path, goal, agent, checks: ["true"] });
  expect(task.state, task.end_detail).toBe("completed");
  const { attempts } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
  expect(attempts.map(({ decision }: Json) => decision?.kind ?? null)).toEqual([
    "content_rejected",
    null,
  ]);
  expect(await scratch.read("brief")).toContain(said);
  expect(repository.git("diff", "--name-only", "main", task.branch)).toBe("ok.txt");
});

test("what is no file is left out, and that is told", async () => {
  const task = await deputy.run({
    ...{ repository: repository.path, goal: "Leave a pipe", checks: ["true"] },
    agent: "command:mkdir in; mkfifo in/pipe; echo ok > ok.txt",
  });
  expect(task.state, task.end_detail).toBe("completed");
  const left = (await deputy.events(task.id)).find(({ data }) => data.step === "left_out");
  expect(left?.message).toContain('"in/pipe" is no regular file');
});

test("names that only look odd are delivered, and so are links to nowhere", async () => {
  const task = await deputy.run({
    ...{ repository: repository.path, goal: "Odd names", checks: ["true"] },
    agent: await scratch.agent(
      "odd.sh",
      `echo 1 > .gitfoo; echo 2 > "$(printf 'new\\nline')"; echo 3 > "$(printf 'latin\\351')"; echo 4 > .git~2
ln -s loop loop; ln -s /nowhere/at/all gone; echo 5 > "back\\\\slash"; echo 6 > -; echo 7 > A.txt`,
    ),
  });
  expect(task.state, task.end_detail).toBe("completed");
  const names = repository.git("ls-tree", "-r", "-z", "--name-only", task.branch).split("\0");
  expect(names.filter(Boolean)).toHaveLength(11);
});

test("a change too large for a patch is delivered without one, and the receipt says so", async () => {
  const task = await deputy.run({
    ...{ repository: repository.path, goal: "Large", checks: ["true"] },
    agent: "command:truncate -s 101M large.bin",
  });
  expect(task.state, task.end_detail).toBe("completed");
  const folder = join(deputy.home, "artifacts", task.id);
  expect(existsSync(join(folder, "change.patch"))).toBe(false);
  const receipt = JSON.parse(await readFile(join(folder, "receipt.json"), "utf8"));
  expect(receipt.delivery.patch).toBe(null);
  expect(receipt.not_checked.join()).toContain("There is no patch");
  expect(repository.git("cat-file", "-s", `${task.branch}:large.bin`)).toBe(String(101 << 20));
  const diff = await deputy.api("GET", `/v1/tasks/${task.id}/diff`);
  expect(diff.body).toContain("Binary files");
});

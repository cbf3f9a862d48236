import { describe, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";
import { waitFor } from "../support/scratch.ts";

/** Plans: what runs at once, what waits, from which commit each part starts, and what is refused. */

const { deputy, repository, scratch } = withDeputy({ files: { "README.md": "# Here\n" } });

/** `deputy run --plan` with this text as plan.yaml. */
async function runPlan(goal: string, yaml: string, ...flags: string[]) {
  const file = await scratch.write("plan.yaml", yaml);
  const args = ["run", goal, "--plan", file, "--agent", "command:true", ...flags];
  return deputy.cli(args, { cwd: repository.path });
}

test("a diamond: its two middle parts meet each other, its last starts from both their commits", async () => {
  // Each of the two goes on only once it has seen the other: not at once would mean never.
  const meet = (own: string, other: string) =>
    scratch.agent(
      `${own}.sh`,
      `test -e top.txt\ntest ! -e ${other}.txt\ntouch ${scratch.at(`${own}-is-here`)}
${waitFor(scratch.at(`${other}-is-here`))}\necho ${own} > ${own}.txt`,
    );
  const { code, stdout, stderr } = await runPlan(
    "Build a diamond",
    `subtasks:
  - id: top
    title: The top
    agent: "command:echo top > top.txt"
    writes: [top.txt]
  - id: left
    title: The left side
    depends_on: [top]
    writes: [left.txt]
    agent: ${JSON.stringify(await meet("left", "right"))}
  - id: right
    title: The right side
    depends_on: [top]
    writes: [right.txt]
    agent: ${JSON.stringify(await meet("right", "left"))}
    checks: [grep -q right right.txt]
  - id: bottom
    title: The bottom
    depends_on: [left, right]
    agent: "command:cat top.txt left.txt right.txt > all.txt"
    checks: [test "$(wc -l < all.txt)" -eq 3]
`,
    "--watch",
  );
  expect(code, stdout + stderr).toBe(0);
  for (const key of ["top", "left", "bottom"])
    expect(stdout).toMatch(new RegExp(`attempt +${key}: `));
  expect((await deputy.cli(["log", "last", "--subtask", "left"])).code).toBe(0);
  const refused = await deputy.cli(["log", "last", "--subtask", "up"]);
  expect(refused.stderr).toContain('has no subtask "up"; its subtasks: "top", "left", "right"');
  expect(repository.git("show", "deputy/build-a-diamond:all.txt")).toBe("top\nleft\nright");
  const [id = ""] = /task_\w+/.exec(stdout) ?? [];
  const { body } = await deputy.api("GET", `/v1/tasks/${id}`);
  const [top, left, right, bottom] = body.subtasks;
  expect(left.base_commit).toBe(top.integrated_commit);
  expect(right.base_commit).toBe(top.integrated_commit);
  expect(left.commit).not.toBe(right.commit);
  const parents = repository.git("rev-list", bottom.base_commit);
  for (const { commit } of [top, left, right]) expect(parents).toContain(commit);
  expect(bottom.base_commit).toBe(body.attempts.at(-1).base_commit);
});

test("parts that write the same files take turns, each from the commit of the one before", async () => {
  // mkdir is atomic: two at once would collide, and fail for good at the second.
  const lock = scratch.at("lock");
  const agent = (line: string) =>
    JSON.stringify(
      `command:mkdir ${lock} || exit 9; echo ${line} >> list.txt; sleep 0.3; rmdir ${lock}`,
    );
  const { code, stdout } = await runPlan(
    "Take turns",
    `- {id: one, title: One, writes: [list.txt], agent: ${agent("one")}}
- {id: two, title: Two, writes: ["*.txt"], agent: ${agent("two")}}
- {id: three, title: Three, writes: ["**"], agent: ${agent("three")}}
`,
    "--watch",
  );
  expect(code, stdout).toBe(0);
  expect(repository.git("show", "deputy/take-turns:list.txt")).toBe("one\ntwo\nthree");
  const [id = ""] = /task_\w+/.exec(stdout) ?? [];
  const { body } = await deputy.api("GET", `/v1/tasks/${id}`);
  expect(body.attempts).toHaveLength(3);
});

describe("a plan that cannot be is refused by file and line, and nothing is created", () => {
  const refusals: [name: string, yaml: string, line: number, words: string[]][] = [
    [
      "a cycle",
      "subtasks:\n  - {id: a, title: A, depends_on: [c]}\n  - {id: b, title: B, depends_on: [a]}\n  - {id: c, title: C, depends_on: [b]}\n",
      2,
      ["a → c → b → a"],
    ],
    ["itself", "- id: a\n  title: A\n  depends_on: [a]\n", 3, ["a → a"]],
    [
      "an unknown dependency",
      "- id: a\n  title: A\n- id: b\n  title: B\n  depends_on:\n    - nobody\n",
      6,
      ['"b" depends on "nobody"'],
    ],
    [
      "an unknown key",
      "subtasks:\n  - id: a\n    title: A\n    depends: [b]\n",
      4,
      ['unknown key "depends"', "depends_on"],
    ],
    ["an unknown key at the top", "subtask:\n  - id: a\n", 1, ['unknown key "subtask"']],
    ["an id twice", "- {id: a, title: A}\n- {id: a, title: B}\n", 2, ['"a" is used twice']],
    ["YAML that is none", "subtasks:\n  - id: a\n    title: [A\n  - id: b\n", 4, []],
    ["a wrong type", "- id: a\n  title: A\n  writes: src\n", 3, ["writes", "array"]],
    ["a missing title", "- id: a\n  brief: b\n", 1, ["title"]],
    [
      "an agent that is none",
      "- {id: a, title: A}\n- {id: b, title: B, agent: gpt}\n",
      2,
      ["agent"],
    ],
    ["nothing", "", 1, []],
    ["no subtasks", "# later\nsubtasks: []\n", 2, ["subtasks"]],
  ];
  test.each(refusals)("%s", async (_, yaml, line, words) => {
    const count = async () => (await deputy.api("GET", "/v1/tasks")).body.tasks.length;
    const before = await count();
    const { code, stdout, stderr } = await runPlan("Never", yaml);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(`${scratch.at("plan.yaml")}:${line}: `);
    for (const word of words) expect(stderr).toContain(word);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(await count()).toBe(before);
  });
});

test("where nobody can make another plan, words about a given one are refused; yes and no count", async () => {
  const yaml =
    "subtasks:\n  - {id: only, title: Only, brief: b, agent: 'command:touch only.txt'}\n";
  const made = await runPlan("Touch it", yaml, "--approve-plan", "--json");
  const { id } = JSON.parse(made.stdout);
  await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  const words = await deputy.cli(["answer", id, "smaller, please"]);
  expect(words.code).toBe(2);
  expect(words.stderr).toMatch(
    /no planner is available \(builtin cannot work here: no model is configured.*\): answer "approve" or "cancel"\.$/m,
  );
  expect((await deputy.cli(["answer", id, "yes"])).code).toBe(0);
  expect(await deputy.untilOver(id)).toMatchObject({ state: "completed" });
});

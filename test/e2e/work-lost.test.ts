import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { TaskJson } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { waitFor } from "../support/scratch.ts";

/**
 * The mirror of a repository is deleted at a stage of a task whose first part is merged, so that its
 * commits exist nowhere else: the task is delivered without anybody's hand in it.
 */
const { deputy, scratch } = withDeputy();
let repository: TestRepository;

afterEach(() => repository?.remove());

type Case = {
  stage: string;
  /** What the second part's agent and the check do beside their work. Each is one line of shell. */
  agent?: (at: (name: string) => string, destroy: string) => string;
  check?: (at: (name: string) => string, destroy: string) => string;
  /** What a person does meanwhile. */
  meanwhile?: (id: string, destroy: () => Promise<void>) => Promise<void>;
  /** What the second part's file holds in the end. */
  delivered?: string;
};

const once = (at: (name: string) => string, what: string) =>
  `if [ ! -e ${at("done")} ]; then touch ${at("done")}; ${what}; fi`;

const cases: Case[] = [
  { stage: "execute", agent: (at, destroy) => once(at, destroy) },
  {
    stage: "verify or the gate",
    check: (at, destroy) => `if [ -e b.txt ]; then ${once(at, destroy)}; fi`,
  },
  {
    stage: "failed, then retried",
    agent: (at) => `if [ ! -e ${at("mended")} ]; then exit 1; fi`,
    meanwhile: async (id, destroy) => {
      expect((await deputy.untilOver(id)).state).toBe("failed");
      await destroy();
      await scratch.write("mended");
      expect((await deputy.cli(["retry", id])).stderr).toBe("");
    },
  },
  {
    stage: "a delivery that was refused, then retried",
    agent: (at) => once(at, `git -C ${repository.path} branch deputy`),
    meanwhile: async (id, destroy) => {
      expect((await deputy.untilOver(id)).state).toBe("failed");
      await destroy();
      repository.git("branch", "-D", "deputy");
      expect((await deputy.cli(["retry", id])).stderr).toBe("");
    },
  },
  {
    stage: "waiting for an answer",
    agent: () => `if [ -z "$DEPUTY_ANSWER" ]; then echo '{"question":"Which?"}'; exit 0; fi`,
    meanwhile: async (id, destroy) => {
      await deputy.untilEvent(id, ({ type }) => type === "question.asked");
      await destroy();
      expect((await deputy.cli(["answer", id, "this"])).stderr).toBe("");
    },
  },
  {
    stage: "paused",
    agent: (at) => `if [ ! -e ${at("go")} ]; then touch ${at("at-work")}; ${waitFor(at("go"))}; fi`,
    meanwhile: async (id, destroy) => {
      await scratch.until("at-work");
      expect((await deputy.cli(["pause", id])).stderr).toBe("");
      await deputy.untilEvent(
        id,
        ({ type }) => type === "stage.parked" || type === "attempt.ended",
      );
      await destroy();
      await scratch.write("go");
      expect((await deputy.cli(["resume", id])).stderr).toBe("");
    },
  },
  {
    stage: "rework of what was delivered",
    agent: () => `if grep -q "Say more" "$DEPUTY_BRIEF_FILE"; then echo more > b.txt; fi`,
    meanwhile: async (id, destroy) => {
      await deputy.untilOver(id);
      await destroy();
      expect((await deputy.cli(["comment", id, "b.txt:1", "Say more"])).stderr).toBe("");
      await deputy.untilEvent(id, ({ type }) => type === "subtask.reworked");
    },
    delivered: "more",
  },
];

describe.each([
  { worktrees: "deleted, too", isKept: false, some: cases },
  { worktrees: "kept", isKept: true, some: cases.slice(0, 2) },
])("worktrees $worktrees", ({ isKept, some }) => {
  test.each(some)("$stage", async ({ stage, agent, check, meanwhile, delivered = "b" }) => {
    // What was delivered before is in no way of the next one.
    repository = await makeRepository({ "base.txt": "base\n" });
    for (const name of ["done", "mended", "go", "at-work", "runs-a"]) await scratch.forget(name);
    const roots = ["repos", ...(isKept ? [] : ["worktrees"])].map((name) =>
      join(deputy.home, name),
    );
    // The worktree that a program works in stays where it is: it could not go on without.
    const line = [
      `find ${roots[0]} -mindepth 1 -delete`,
      ...roots.slice(1).map((root) => `rm -rf $(ls -d ${root}/* | grep -v "$(basename "$PWD")")`),
    ].join("; ");
    const destroy = async () => {
      for (const root of roots)
        for (const name of await readdir(root))
          await rm(join(root, name), { recursive: true, force: true, maxRetries: 5 });
    };
    const write = (name: string, more: string) =>
      scratch.agent(
        `${name}.sh`,
        `echo run >> ${scratch.at(`runs-${name}`)}\necho ${name} > ${name}.txt\n${more}`,
      );
    const judge = await scratch.write("check.sh", `set -e\n${check?.(scratch.at, line) ?? ":"}\n`);
    const { body } = await deputy.api("POST", "/v1/tasks", {
      ...{ repository: repository.path, goal: "Both parts", checks: [`sh ${judge}`] },
      plan: {
        subtasks: [
          { ...{ id: "a", title: "A", brief: "A" }, agent: await write("a", "") },
          {
            ...{ id: "b", title: "B", brief: "B", depends_on: ["a"] },
            agent: await write("b", agent?.(scratch.at, line) ?? ""),
          },
        ],
      },
    });
    await meanwhile?.(body.id, destroy);
    const task: TaskJson = await untilDelivered(body.id);
    expect(task.state, task.end_detail).toBe("completed");
    expect(repository.git("show", `${task.branch}:a.txt`)).toBe("a");
    expect(repository.git("show", `${task.branch}:b.txt`)).toBe(delivered);
    expect(repository.git("diff", "--name-only", "main", task.branch)).toBe("a.txt\nb.txt");
    // What a worktree or the user's repository still held was not done again; what was done again is told.
    const runs = (await scratch.read("runs-a")).trim().split("\n").length;
    const told = (await deputy.events(body.id)).some(({ message }) =>
      message.includes("lost with Deputy's mirror"),
    );
    if (isKept || stage.startsWith("rework"))
      expect({ runs, told }).toEqual({ runs: 1, told: false });
    else expect({ runs, told }).toEqual({ runs: 2, told: true });
  });
});

/** Followed by the CLI, which goes by what is true now and not by an end that was taken back. */
async function untilDelivered(id: string): Promise<TaskJson> {
  await deputy.cli(["watch", id]);
  return (await deputy.api("GET", `/v1/tasks/${id}`)).body.task;
}

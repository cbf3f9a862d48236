import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DeputyError } from "../../src/core/base/error.ts";
import { makeFolder, startCliTest } from "./helpers.ts";

describe("deputy run", () => {
  test("hands off the checkout it is in and says what to do next", async () => {
    const { cwd, service, deputyWith } = await startCliTest();
    mkdirSync(join(cwd, "src/deep"), { recursive: true });
    const run = await deputyWith({ cwd: join(cwd, "src/deep") }, "run", "Format everything");
    const [task] = [...service.tasks.values()];
    expect(run).toMatchObject({ code: 0, err: "" });
    expect(run.out).toContain(`deputy watch ${task?.id}`);
    expect(service.inputs).toEqual([{ goal: "Format everything", repository: cwd }]);
    expect(service.origins[0]?.source).toBe("cli");
  });

  test("sends every option under its wire name", async () => {
    const { cwd, service, deputy } = await startCliTest();
    writeFileSync(join(cwd, "plan.yaml"), "subtasks: []\n");
    writeFileSync(join(cwd, "notes.md"), "# Nötes\n");
    const run = await deputy(
      ...["run", "Do it", "--agent", "command:true", "--check", "npm test", "--check", "make"],
      ...["--plan", "plan.yaml", "--base", "main", "--deliver", "pr", "--attach", "notes.md"],
      ...["--allow-test-changes", "--timeout", "1.5", "--repo", "https://example.com/a.git"],
      ...["--idempotency-key", "k1", "--json"],
    );
    expect(run.err).toBe("");
    expect(service.inputs).toEqual([
      {
        goal: "Do it",
        repository: "https://example.com/a.git",
        base: "main",
        agent: "command:true",
        checks: ["npm test", "make"],
        plan_yaml: "subtasks: []\n",
        deliver: "pr",
        attachments: [{ name: "notes.md", content: "# Nötes\n" }],
        allow_test_changes: true,
        timeout_minutes: 1.5,
      },
    ]);
    expect(JSON.parse(run.out)).toMatchObject({ goal: "Do it", state: "queued" });
    const again = await deputy("run", "Other", "--idempotency-key", "k1");
    expect(again).toMatchObject({ code: 2, out: "" });
    expect(again.err).toBe("deputy: This Idempotency-Key belongs to another request.\n");
  });

  test("is sent again while the database is away, and makes one task", async () => {
    const { service, deputy } = await startCliTest();
    const submit = service.submit.bind(service);
    let lost = 0;
    service.submit = async (...request) => {
      const answer = await submit(...request);
      // The task is there, but its answer is lost: as when the database stops after the commit.
      if (lost++ === 0) throw Object.assign(new Error("terminating"), { code: "57P01" });
      return answer;
    };
    const run = await deputy("run", "Fix it");
    expect(run).toMatchObject({ code: 0, err: "" });
    expect(run.out).toContain([...service.tasks.keys()][0]);
    expect([lost, service.tasks.size]).toEqual([2, 1]);
    // A 503 that waiting does not mend is told at once.
    service.failWith = new DeputyError("unavailable", "OPENAI_API_KEY is not set.");
    expect(await deputy("run", "Fix it")).toMatchObject({
      code: 3,
      err: "deputy: OPENAI_API_KEY is not set.\n",
    });
  });

  test("reads the goal from stdin", async () => {
    const { service, deputyWith } = await startCliTest();
    await deputyWith({ stdin: "A long goal\nwith lines\n" }, "run", "-");
    expect(service.inputs[0]?.goal).toBe("A long goal\nwith lines");
    const refused: [string | Buffer, string][] = [
      ["  \n", "The text on stdin is empty."],
      [Buffer.from([0x66, 0xff]), "stdin is not valid UTF-8 text."],
      ["x".repeat(64_001), "stdin is too long: at most 64000 characters."],
      ["x".repeat(2_000_000), "stdin is too large: at most 256000 bytes."],
    ];
    for (const [stdin, message] of refused) {
      const run = await deputyWith({ stdin }, "run", "-");
      expect(run).toMatchObject({ code: 2, err: `deputy: ${message}\n` });
    }
    expect(service.tasks.size).toBe(1);
  });

  test("names the plan's file and line", async () => {
    const { cwd, deputy, service } = await startCliTest();
    writeFileSync(join(cwd, "plan.yaml"), "subtasks:\n  - id: a\n    depend_on: []\n");
    const run = await deputy("run", "x", "--plan", "./plan.yaml");
    expect(run).toMatchObject({
      code: 2,
      err: 'deputy: ./plan.yaml:4: Unknown field "depend_on".\n',
    });
    expect(service.tasks.size).toBe(0);
  });

  test.each([
    [["run"], "missing required argument 'goal'"],
    [["run", "x", "--agnet", "y"], "unknown option '--agnet'"],
    [["run", "x", "--timeout", "0"], "It must be a number above 0."],
    [["run", "x", "--plan", "no.yaml"], "no.yaml cannot be read: there is no such file."],
    [["run", "x", "--attach", "."], ". is a folder, not a file."],
    [["run", "x", "--attach", "a/n", "--attach", "b/n"], "Two attachments are named n"],
    [["run", "x", "--repo", "nowhere"], "nowhere is not a folder."],
    [["run", "x", "--agent", "gpt"], '"agent" is no known agent'],
    [["run", ""], '"goal" must not be empty.'],
    [["run", "x".repeat(70_000)], '"goal" must be at most 64000 characters'],
    [["watch", "sub_0123456789abcdefghjk"], "is the id of a subtask"],
    [["show", "task_zzzzzzzz"], "There is no task task_zzzzzzzz."],
    [["ls", "--limit", "x"], "It must be a whole number above 0."],
    [["ls", "--state", "done"], '"state" must be one of'],
    [["fly"], "unknown command 'fly'"],
    [["trigger", "test", "bad.json"], "bad.json is not valid JSON"],
  ])("%j is refused with 2 and one sentence", async (args, message) => {
    const { cwd, deputy, service } = await startCliTest();
    for (const folder of ["a", "b"]) {
      mkdirSync(join(cwd, folder));
      writeFileSync(join(cwd, folder, "n"), "");
    }
    writeFileSync(join(cwd, "bad.json"), "{");
    const run = await deputy(...args);
    expect(run).toMatchObject({ code: 2, out: "" });
    expect(run.err).toContain(message);
    expect(service.tasks.size).toBe(0);
  });

  test("outside a checkout it asks for one", async () => {
    const { deputyWith } = await startCliTest();
    const run = await deputyWith({ cwd: makeFolder() }, "run", "x");
    expect(run.code).toBe(2);
    expect(run.err).toContain("is not in a git checkout");
  });
});

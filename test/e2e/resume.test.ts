import { chmod, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Deputy, type Json, makeDeputy } from "../support/deputy.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { makeRepository, type TestRepository } from "../support/repository.ts";
import { makeScratch, type Scratch } from "../support/scratch.ts";
import { until } from "../support/until.ts";

/**
 * An attempt that is cut off goes on from its last stored turn: `kill -9` of the daemon while a tool
 * runs, while the model thinks, and a stop in between. Nothing is paid twice but the call in flight.
 * Of the programs of others what they wrote is there again, worktree or not.
 */
let deputy: Deputy;
let repository: TestRepository;
let scratch: Scratch;
let model: ModelServer;

beforeAll(async () => {
  scratch = await makeScratch();
  repository = await makeRepository({
    "README.md": "# Here\n",
    ".gitignore": "*.log\n",
    ".deputy/config.yaml": "setup: [echo set up > setup.log]\n",
  });
  model = await startModelServer({
    apiKey: "sk-resume",
    scenario: {
      models: ["scripted"],
      roles: {
        tool: {
          match: /killed in a tool/,
          turns: [
            { calls: [{ tool: "write", args: { path: "one.txt", content: "one\n" } }] },
            {
              calls: [
                {
                  tool: "bash",
                  args: {
                    command: `echo half > half.txt; if ! test -e ${scratch.at("again")}; then touch ${scratch.at("running")}; sleep 600; fi; cat one.txt`,
                  },
                },
              ],
            },
            { calls: [{ tool: "write", args: { path: "two.txt", content: "two\n" } }] },
            { calls: [{ tool: "finish", args: { summary: "Wrote both." } }] },
          ],
        },
        checked: {
          match: /killed in a check/,
          turns: [
            { calls: [{ tool: "write", args: { path: "one.txt", content: "one\n" } }] },
            { calls: [{ tool: "check", args: {} }] },
            { calls: [{ tool: "check", args: {} }] },
            { calls: [{ tool: "finish", args: { summary: "Checked." } }] },
          ],
        },
        thought: {
          match: /killed in a thought/,
          turns: [
            { calls: [{ tool: "write", args: { path: "first.txt", content: "first\n" } }] },
            { calls: [{ tool: "write", args: { path: "second.txt", content: "second\n" } }] },
            { calls: [{ tool: "finish", args: { summary: "Thought it over." } }] },
          ],
        },
        question: {
          match: /needs an answer/,
          turns: [
            { calls: [{ tool: "write", args: { path: "draft.txt", content: "draft\n" } }] },
            { calls: [{ tool: "ask", args: { question: "Red or blue?" } }] },
            { calls: [{ tool: "bash", args: { command: "cat draft.txt > final.txt" } }] },
            { calls: [{ tool: "finish", args: { summary: "Chose." } }] },
          ],
        },
        heard: {
          match: /is told something/,
          turns: [
            {
              calls: [
                {
                  tool: "bash",
                  args: {
                    command: `touch ${scratch.at("listening")}; while ! test -e ${scratch.at("said")}; do sleep 0.05; done; echo ok > ok.txt`,
                  },
                },
              ],
            },
            { calls: [{ tool: "finish", args: { summary: "Heard it." } }] },
          ],
        },
      },
    },
  });
  deputy = await makeDeputy({
    env: {
      PATH: `${scratch.path}:${process.env.PATH}`,
      OPENAI_API_KEY: "sk-resume",
      OPENAI_BASE_URL: model.url,
      DEPUTY_MODEL: "scripted",
    },
  });
});
afterEach(() => deputy.stop());
afterAll(async () => {
  await deputy?.close();
  await model?.close();
  await repository?.remove();
  await scratch?.remove();
});

const submit = async (goal: string, agent = "builtin", check = "true"): Promise<string> => {
  const { body, status } = await deputy.api("POST", "/v1/tasks", {
    goal,
    repository: repository.path,
    agent,
    checks: [check],
    assurance: "quick",
  });
  expect(status, body.detail).toBe(202);
  return body.id;
};
const requestsOf = (role: string) => model.requests.filter((request) => request.role === role);
const receiptOf = async (id: string): Promise<Json> =>
  (await deputy.api("GET", `/v1/tasks/${id}/receipt`)).body;

test("killed while a tool runs: the model is told that its result is unknown, the worktree is the checkpoint's", async () => {
  await deputy.start();
  const id = await submit("Be killed in a tool");
  const wait = `if ! test -e ${scratch.at("again")}; then touch ${scratch.at("checking")}; sleep 600; fi`;
  const checked = await submit("Be killed in a check", "builtin", wait);
  await Promise.all([scratch.until("running"), scratch.until("checking")]);
  const { body } = await deputy.api("GET", `/v1/tasks/${id}`);
  const worktree = body.worktrees[0].path;
  expect(await readFile(join(worktree, "half.txt"), "utf8")).toBe("half\n");
  await deputy.kill();
  await scratch.write("again");
  model.hold((request) => request.role === "tool");
  await deputy.start();
  const resumed = await model.waitForRequest(
    (request) => request.role === "tool" && request.turn === 2,
  );
  // Stopped between the turns: what the cut off command left is gone, what was stored is there.
  expect(await readFile(join(worktree, "one.txt"), "utf8")).toBe("one\n");
  await expect(readFile(join(worktree, "half.txt"), "utf8")).rejects.toThrow("ENOENT");
  expect(JSON.stringify(resumed.body)).toContain("Unknown result: the process stopped");
  model.release();
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:one.txt`)).toBe("one");
  expect(repository.git("show", `${task.branch}:two.txt`)).toBe("two");
  // Turn by turn, each asked for once: nothing was paid twice.
  expect(requestsOf("tool").map(({ turn }) => turn)).toEqual([0, 1, 2, 3]);
  const receipt = await receiptOf(id);
  expect(receipt.attempts.map(({ end_reason }: Json) => end_reason)).toEqual(["lost", "done"]);
  const used = receipt.usage.reduce((sum: number, { calls }: Json) => sum + calls, 0);
  expect(used).toBe(4);

  // A check changes nothing, so it is simply called again.
  const other = await deputy.untilOver(checked);
  expect(other.state, other.end_detail).toBe("completed");
  const asked = requestsOf("checked");
  expect(asked.map(({ turn }) => turn)).toEqual([0, 1, 2, 3]);
  expect(JSON.stringify(asked[2]?.body)).toContain("Not heard: the process stopped before it");
  expect(JSON.stringify(asked[3]?.body)).toContain("pass: 1 check passes");
});

test("killed while the model thinks: only the call in flight is asked for again", async () => {
  await deputy.start();
  const id = await submit("Be killed in a thought");
  await model.waitForRequest((request) => request.role === "thought" && request.turn === 0);
  model.hold((request) => request.role === "thought" && request.turn === 1);
  await model.waitForRequest((request) => request.role === "thought" && request.turn === 1);
  await deputy.kill();
  model.release();
  await deputy.start();
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(requestsOf("thought").map(({ turn }) => turn)).toEqual([0, 1, 1, 2]);
  expect(repository.git("show", `${task.branch}:first.txt`)).toBe("first");
  expect(repository.git("show", `${task.branch}:second.txt`)).toBe("second");
});

test("a question frees the slot, and its answer goes on in the same session", async () => {
  await deputy.start();
  const id = await submit("Write what needs an answer");
  await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  await deputy.kill();
  await deputy.start();
  const answered = await deputy.cli(["answer", id, "Blue"]);
  expect(answered.code, answered.stderr).toBe(0);
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:final.txt`)).toBe("draft");
  const asked = requestsOf("question");
  expect(asked.map(({ turn }) => turn)).toEqual([0, 1, 2, 3]);
  expect(JSON.stringify(asked[2]?.body)).toContain("Blue");
});

test("what a person says reaches the agent between two turns", async () => {
  await deputy.start();
  const id = await submit("Do what is told something");
  await scratch.until("listening");
  const said = await deputy.cli(["say", id, "Leave the old interface in place"]);
  expect(said.code, said.stderr).toBe(0);
  await scratch.write("said");
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  const [first, second] = requestsOf("heard");
  expect(JSON.stringify(first?.body)).not.toContain("Leave the old interface");
  expect(JSON.stringify(second?.body)).toContain("Leave the old interface in place");
});

test("killed with programs of others at work, and their worktrees lost: what they wrote is there again", async () => {
  const print = (line: object) => `echo '${JSON.stringify(line)}'`;
  const ran = { type: "command_execution", command: "sh", aggregated_output: "", exit_code: 0 };
  const usage = { input_tokens: 1, cached_input_tokens: 0, output_tokens: 1 };
  await scratch.write(
    "codex",
    `#!/bin/sh
case "$*" in
  --version) echo "codex-cli 1.0" ;;
  *"resume thread-1"*)
    cat > ${scratch.at("told")}; cat made.txt setup.log > seen.txt
    ${print({ type: "item.completed", item: { type: "agent_message", text: "Went on." } })}
    ${print({ type: "turn.completed", usage: { ...usage, reasoning_output_tokens: 0 } })} ;;
  *)
    ${print({ type: "thread.started", thread_id: "thread-1" })}
    echo made > made.txt
    ${print({ type: "item.completed", item: ran })}
    sleep 600 ;;
esac
`,
  );
  await chmod(scratch.at("codex"), 0o755);
  await deputy.start();
  const command = await scratch.agent(
    "patient.sh",
    `if [ "$DEPUTY_CONTINUES" ]; then cp "$DEPUTY_BRIEF_FILE" brief.txt; exit 0; fi
echo half > half.txt
sleep 600`,
  );
  const ids = [
    await submit("Lose the worktree", "codex"),
    await submit("Lose half of it", command),
  ];
  await until(async () => {
    const sql = "select 1 from sessions where task_id = any($1) and checkpoint_commit is not null";
    return (await deputy.database?.query(sql, [ids]))?.length === 2;
  }, "there are checkpoints");
  const seen = await Promise.all(ids.map((id) => deputy.api("GET", `/v1/tasks/${id}`)));
  await deputy.kill();
  for (const { body } of seen) await rm(body.worktrees[0].path, { recursive: true });
  await deputy.start();
  const [id = "", half = ""] = ids;
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  expect(repository.git("show", `${task.branch}:made.txt`)).toBe("made");
  expect(repository.git("show", `${task.branch}:seen.txt`)).toBe("made\nset up");
  expect(await scratch.read("told")).toContain("You were interrupted");
  const receipt = await receiptOf(id);
  expect(receipt.attempts.map(({ end_reason }: Json) => end_reason)).toEqual(["lost", "done"]);
  const other = await deputy.untilOver(half);
  expect(other.state, other.end_detail).toBe("completed");
  expect(repository.git("show", `${other.branch}:half.txt`)).toBe("half");
  expect(repository.git("show", `${other.branch}:brief.txt`)).toContain("You take over");
});

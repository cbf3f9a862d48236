import { chmod, mkdir, writeFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";

/**
 * A program that writes down each call in a file of its home, and says nothing of them before its turn
 * is over: codex with a login of its own, in the box. Here it never ends a turn unless it is gone on
 * with; its total then holds what it used before, but for the call in whose tool it was killed.
 */
const { deputy, receiptOf, repository, scratch } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: ({ scratch }) => ({
    HOME: scratch.at("user"),
    PATH: `${scratch.at("bin")}:${process.env.PATH}`,
    DEPUTY_SANDBOX: "bubblewrap",
  }),
  config: `roles: {coder: {agent: codex, model: m1}}
prices: {m1: {input: 10, cached_input: 1, output: 100}}
`,
  start: false,
});

const thread = "01a22310-32f0-7ed3-b541-fad15e60d285";
const program = `#!/bin/sh
cat > /dev/null
folder=$HOME/.codex/sessions/2026/11/28; file=$folder/rollout-2026-11-28T16-49-53-${thread}.jsonl
mkdir -p $folder
usage() { printf '{"input_tokens":%s,"cached_input_tokens":0,"output_tokens":0,"reasoning_output_tokens":0}' $1; }
call() {
  echo '{"type":"response_item","payload":{"type":"function_call"}}' >> $file
  echo '{"type":"token_usage_record","payload":{"usage":'$(usage 1000)'}}' >> $file
}
tools() { echo '{"type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":'$(usage $1)',"last_token_usage":'$(usage 1000)'}}}' >> $file; }
echo '{"type":"thread.started","thread_id":"${thread}"}'
case "$*" in
  *resume*)
    echo done > done.txt
    call; tools 3000
    echo '{"type":"item.completed","item":{"type":"agent_message","text":"Done."}}'
    echo '{"type":"turn.completed","usage":'$(usage 3000)'}' ;;
  *) call; tools 1000; call; tools 2000; call; sleep 600 ;;
esac
`;

beforeAll(async () => {
  await mkdir(scratch.at("bin"));
  await writeFile(scratch.at("bin/codex"), program);
  await chmod(scratch.at("bin/codex"), 0o755);
  await mkdir(scratch.at("user/.codex"), { recursive: true });
  await writeFile(scratch.at("user/.codex/auth.json"), '{"OPENAI_API_KEY":"the-users-key"}');
  await deputy.start();
});

test.each([
  [{ usd: 0.025 }, "$0.0300 of $0.0250"],
  [{ tokens: 2_500 }, "3000 tokens of 2500 tokens"],
  [{ turns: 3 }, "3 turns of 3 turns"],
])("a budget of %j ends it within its turn, and each call is paid once", async (budget, spent) => {
  const goal = { goal: "Do it", repository: repository.path, budget };
  const { body: task } = await deputy.api("POST", "/v1/tasks", goal);
  const asked = await deputy.untilEvent(task.id, ({ type }) => type === "question.asked");
  expect(asked.message).toContain(`The budget is used up: ${spent}`);
  await deputy.api("POST", `/v1/tasks/${task.id}/answer`, { answer: "yes" });
  const over = await deputy.untilOver(task.id);
  expect(over.state, over.end_detail).toBe("completed");
  expect((await receiptOf(task.id)).cost).toMatchObject({
    ...{ calls: 4, input_tokens: 4_000, cost_usd: 0.04 },
  });
});

test("what was counted before the daemon was killed is not counted again", async () => {
  const goal = { goal: "Do it", repository: repository.path };
  const { body: task } = await deputy.api("POST", "/v1/tasks", goal);
  const calls = async () => (await deputy.api("GET", `/v1/tasks/${task.id}`)).body.usage[0]?.calls;
  await expect.poll(calls, { timeout: 30_000 }).toBe(3);
  await deputy.kill();
  await deputy.start();
  const over = await deputy.untilOver(task.id);
  expect(over.state, over.end_detail).toBe("completed");
  expect((await receiptOf(task.id)).cost).toMatchObject({ calls: 4, input_tokens: 4_000 });
});

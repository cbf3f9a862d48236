import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import type { Turn } from "../support/model-server/scenario.ts";
import { startModelServer } from "../support/model-server/start.ts";

/** What a task costs, to the token, and what it may cost: against a server that knows what it served. */
let server: Awaited<ReturnType<typeof startModelServer>>;

/** Writes a file in as many turns as are given, each of another size, then finishes. */
const writes = (file: string, turns: number): Turn[] => [
  ...Array.from({ length: turns - 1 }, (_, turn) => ({
    text: `Turn ${turn + 1}.`,
    calls: [{ tool: "write", args: { path: file, content: `${turn}\n` } }],
    usage: { input: 1_000 + turn, cached: 400 + turn, output: 100 + turn, reasoning: 10 },
  })),
  {
    calls: [{ tool: "finish", args: { summary: `${file} is written.` } }],
    usage: { input: 2_001, cached: 1_001, output: 51 },
  },
];

beforeAll(async () => {
  server = await startModelServer({
    scenario: {
      roles: {
        // It finds nothing.
        reviewer: {
          match: /You review a change/,
          turns: [{ json: { summary: "good", findings: [], fine: [] } }],
        },
        // Two calls, whoever makes them, end neither.
        alpha: { match: /part alpha/, turns: writes("alpha.txt", 3) },
        beta: { match: /part beta/, turns: writes("beta.txt", 3) },
        coder: { turns: writes("a.txt", 3) },
      },
    },
  });
});
afterAll(() => server?.close());
const { deputy, receiptOf, repository } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: () => ({
    OPENAI_API_KEY: "sk-test",
    OPENAI_BASE_URL: server.url,
    DEPUTY_MODEL: "priced-1",
  }),
  config: "assurance: quick\nprices:\n  priced-*: {input: 10, cached_input: 1, output: 100}\n",
});

const here = () => ({ cwd: repository.path });
const run = async (goal: string, ...options: string[]) => {
  const { code, stdout, stderr } = await deputy.cli(["run", goal, "--json", ...options], here());
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout).id as string;
};
/** What the server served since. */
const served = () => {
  const { calls, ...tokens } = { ...server.served["priced-1"] };
  return { calls: calls ?? 0, ...tokens } as Record<string, number>;
};
const difference = (before: Record<string, number>) => {
  const now = served();
  const since = (name: string) => (now[name] ?? 0) - (before[name] ?? 0);
  return {
    calls: since("calls"),
    input_tokens: since("inputTokens"),
    cached_input_tokens: since("cachedInputTokens"),
    output_tokens: since("outputTokens"),
    reasoning_tokens: since("reasoningTokens"),
  };
};

test("the receipt's tokens are the served ones, its dollars the configured ones, and show says the same", async () => {
  const before = served();
  const id = await run("Write it");
  await deputy.untilOver(id);
  const { cost, usage, usage_by_attempt } = await receiptOf(id);
  const expected = difference(before);
  expect(expected).toMatchObject({ calls: 3, input_tokens: 1_000 + 1_001 + 2_001 });
  expect(usage).toMatchObject([{ role: "coder", model: "priced-1", ...expected }]);
  const { input_tokens: input, cached_input_tokens: cached, output_tokens: output } = expected;
  expect(cost.cost_usd).toBeCloseTo((10 * (input - cached) + cached + 100 * output) / 1e6, 10);
  expect(usage_by_attempt).toMatchObject([{ attempt: 1, agent: "builtin", ...expected }]);
  expect(cost).toMatchObject({ budget: null, orchestration: { share: 0, share_of: "dollars" } });
  const { stdout } = await deputy.cli(["show", id]);
  expect(stdout).toMatch(/coder {2}priced-1 {2}3 calls {2}4002 in \(1802 cached\) {2}252 out/);
  expect(stdout).toContain(
    "orchestration share 0 % of dollars: planning $0, review $0, recovery $0 (attempts after a failed one)",
  );
});

test("kill -9 in the middle of an attempt: what was counted is still counted, and nothing twice", async () => {
  const before = served();
  server.hold(({ turn }) => turn === 1);
  const id = await run("Write it slowly");
  await server.waitForRequest(({ turn, endedAt }) => turn === 1 && endedAt === null);
  await deputy.kill();
  await deputy.start();
  const counted = (await deputy.api("GET", `/v1/tasks/${id}`)).body.usage;
  expect(counted).toMatchObject([{ calls: 1, input_tokens: 1_000 }]);
  server.release();
  await deputy.untilOver(id);
  expect((await receiptOf(id)).cost).toMatchObject(difference(before));
});

test("the call that would pass the cap is not made; an answer raises it and the same work goes on", async () => {
  const before = served();
  const id = await run("Write it with little", "--budget", "2 turns");
  const asked = await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  expect(asked.message).toContain("The budget is used up: 2 turns of 2 turns. +2 turns?");
  expect(difference(before).calls).toBe(2);
  const why = await deputy.cli(["why", id]);
  expect(why.stdout).toContain("an answer from a person: The budget is used up");
  expect(why.stdout).toContain(`deputy answer ${id} "yes"`);
  const wrong = await deputy.cli(["answer", id, "please"]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('This question is about the budget: answer "yes", an amount');
  const right = await deputy.cli(["answer", id, "+1 turns"]);
  expect(right.code, right.stderr).toBe(0);
  expect((await deputy.untilOver(id)).state).toBe("completed");
  // The third turn, not the first again.
  expect(difference(before).calls).toBe(3);
  const { stdout } = await deputy.cli(["show", id]);
  expect(stdout).toMatch(/budget +3 turns/);
});

test("a reviewer that the budget stops asks for more, and reviews when it is granted; or it is said that nobody did", async () => {
  const start = async (goal: string) => {
    const id = await run(goal, "--budget", "3 turns", "--assurance", "standard");
    await deputy.untilEvent(id, ({ type }) => type === "question.asked");
    const { questions, subtasks } = (await deputy.api("GET", `/v1/tasks/${id}`)).body;
    expect(questions).toMatchObject([{ kind: "budget", answer: null }]);
    expect(subtasks).toMatchObject([{ state: "waiting", ending: { what: "unaffordable" } }]);
    return id;
  };
  const granted = await start("Write it, reviewed");
  expect((await deputy.cli(["answer", granted, "+2 turns"])).code).toBe(0);
  const refused = await start("Write it, unreviewed");
  expect((await deputy.cli(["answer", refused, "no"])).code).toBe(0);
  for (const [id, result] of [
    [granted, "done"],
    [refused, "not_done"],
  ] as const) {
    expect((await deputy.untilOver(id)).state).toBe("completed");
    const receipt = await receiptOf(id);
    expect(receipt.attempts).toHaveLength(1);
    expect(receipt.reviews[0].reviewers).toMatchObject([{ result }]);
  }
  expect((await receiptOf(refused)).not_checked.join()).toContain("the budget is used up");
});

test("parallel subtasks share one cap and one question; no ends both, and what was spent is told", async () => {
  const before = served();
  const plan = [
    { id: "alpha", title: "Alpha", brief: "Do part alpha." },
    { id: "beta", title: "Beta", brief: "Do part beta." },
  ];
  const body = {
    ...{ goal: "Do both", repository: repository.path, plan: { subtasks: plan } },
    // Every first turn costs 0.0164: it is passed by the call that is made below it, and no other.
    budget: { usd: 0.02 },
  };
  const { body: task } = await deputy.api("POST", "/v1/tasks", body);
  await deputy.untilEvent(task.id, ({ type }) => type === "task.waiting");
  expect(difference(before).calls).toBe(2);
  // What each might come to is known beforehand, because it is told how long it may answer.
  const both = server.requests.filter(({ role }) => role === "alpha" || role === "beta");
  expect(both.map(({ body }) => (body as Json).max_tokens)).toEqual([16_000, 16_000]);
  const { questions, subtasks } = (await deputy.api("GET", `/v1/tasks/${task.id}`)).body;
  expect(questions).toMatchObject([{ kind: "budget", subtask_id: null, answer: null }]);
  expect(subtasks.map(({ hold }: Json) => hold.question_id)).toEqual([
    questions[0].id,
    questions[0].id,
  ]);
  expect((await deputy.cli(["answer", task.id, "no"])).code).toBe(0);
  const over = await deputy.untilOver(task.id);
  expect(over.state).toBe("failed");
  expect(over.end_detail).toContain("the budget is used up, and no more was granted");
  expect((await receiptOf(task.id)).cost).toMatchObject(difference(before));
});

test("minutes stop an agent that makes no calls", async () => {
  const id = await run("Sleep", "--agent", "command:sleep 100", "--budget", "0.005m");
  const asked = await deputy.untilEvent(id, ({ type }) => type === "question.asked");
  expect(asked.message).toMatch(/The budget is used up: [\d.]+ min of 0 min/);
  expect((await deputy.cli(["answer", id, "no"])).code).toBe(0);
  expect((await deputy.untilOver(id)).state).toBe("failed");
});

test("bench runs the tasks of a folder in each mode and compares them", async () => {
  const folder = join(deputy.home, "tasks");
  await mkdir(folder);
  const task = `goal: Write it for the bench\nrepository: ${repository.path}\nchecks: ["test -e a.txt"]\n`;
  await writeFile(join(folder, "one.yaml"), task);
  const before = served();
  const { code, stdout, stderr } = await deputy.cli(["bench", "direct,direct+review", "tasks"]);
  expect(code, stderr).toBe(0);
  expect(stderr).toBe("one, direct: pass\none, direct+review: pass\n");
  expect(stdout).toMatch(/TASK +MODE +PASS +CALLS +TOKENS +CACHED +COST +TIME/);
  expect(stdout).toMatch(/one +direct +pass +3 +4254 +1802 +\$0\.0490 /);
  expect(stdout).toMatch(/all +direct +1 of 1 +3 /);
  const [reviewed] = (await deputy.api("GET", "/v1/tasks?limit=1")).body.tasks;
  const { cost, usage } = await receiptOf(reviewed.id);
  expect(usage).toMatchObject([{ role: "coder", calls: 3 }, { role: "reviewer" }]);
  expect(stdout).toMatch(new RegExp(`one +direct\\+review +pass +${cost.calls} `));
  const { review, work, share } = cost.orchestration;
  expect([work.calls, review.calls]).toEqual([3, usage[1].calls]);
  expect(share).toBeCloseTo(review.cost_usd / (review.cost_usd + work.cost_usd), 10);
  // Both runs together are what the server served.
  expect(difference(before).calls).toBe(3 + cost.calls);
  expect((await deputy.cli(["receipt", reviewed.id])).stdout).toMatch(
    /Orchestration share: \d+ % of dollars: planning \$0\.0000, review \$0\.\d+, recovery \$0\.0000/,
  );
  const unknown = await deputy.cli(["bench", "direct,fast", "tasks"]);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('"fast" is not a bench mode');
});

test("an unknown price is unknown, and no cap in dollars is promised on it", async () => {
  await deputy.stop();
  await deputy.start({ DEPUTY_MODEL: "mystery" });
  const refused = await deputy.cli(["run", "Write it", "--budget", "$5"], here());
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain(
    'The budget has a cap in dollars, but the price of mystery is unknown: set it under "prices" in config.yaml',
  );
  const id = await run("Write it", "--budget", "100k tokens");
  await deputy.untilOver(id);
  const { cost } = await receiptOf(id);
  expect(cost).toMatchObject({ calls: 3, cost_usd: null, orchestration: { share_of: "tokens" } });
  const { stdout } = await deputy.cli(["show", id]);
  expect(stdout).toContain("price unknown");
  expect((await deputy.cli(["receipt", id])).stdout).toMatch(/\| mystery \| 3 \|.*\| unknown \|/);
});

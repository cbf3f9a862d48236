import { chmod, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { withDeputy } from "../support/fixtures.ts";

/** A program with a login of its own, in the box: it says what it uses, and nobody is asked before. */
const { deputy, repository, scratch } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: ({ scratch }) => ({
    HOME: scratch.at("user"),
    PATH: `${scratch.at("bin")}:${process.env.PATH}`,
    DEPUTY_SANDBOX: "bubblewrap",
  }),
  config: `roles: {coder: {agent: opencode, model: acme/m1}}
prices: {acme/m1: {input: 10, cached_input: 1, output: 100}}
`,
  start: false,
});
const key = { type: "api", key: "the-users-key" };
const loginFile = () => scratch.at("user/.local/share/opencode/auth.json");
const idle = "61423";

/** Uses 3,000 tokens and then works on for ever; gone on with, it finishes. */
const program = `#!/bin/sh
cat > /dev/null
login=$HOME/.local/share/opencode/auth.json
say() { printf '{"type":"text","sessionID":"ses_1","part":{"text":"%s"}}\\n' "$1"; }
step() { printf '{"type":"step_finish","sessionID":"ses_1","part":{"reason":"%s","cost":0,"tokens":{"input":1000,"output":0,"reasoning":0,"cache":{"read":0,"write":0}}}}\\n' "$1"; }
say "asked for $*"
say "has $(tr -d '"' < $login)"
(chmod 600 $login; echo spoiled > $login) 2> /dev/null && say "spoiled it"
case "$*" in
  *--session*) echo done > done.txt; step stop ;;
  *) step tool-calls; step tool-calls; step tool-calls; sleep ${idle} ;;
esac
`;

beforeAll(async () => {
  await mkdir(scratch.at("bin"));
  await writeFile(scratch.at("bin/opencode"), program);
  await chmod(scratch.at("bin/opencode"), 0o755);
  await mkdir(dirname(loginFile()), { recursive: true });
  await deputy.start();
});

/** Command lines of all processes of the machine. */
async function listCommands(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  return Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")));
}

test("it is ended when what it says it used is the budget, and its login is not its to change", async () => {
  await writeFile(loginFile(), JSON.stringify({ acme: key, other: key }));
  const goal = { goal: "Do it", repository: repository.path, budget: { usd: 0.025 } };
  const { body: task } = await deputy.api("POST", "/v1/tasks", goal);
  const asked = await deputy.untilEvent(task.id, ({ type }) => type === "question.asked");
  expect(asked.message).toContain("The budget is used up: $0.0300 of $0.0250");
  expect((await listCommands()).some((line) => line.includes(idle))).toBe(false);
  const { stdout: said } = await deputy.cli(["log", task.id]);
  expect(said).toContain("-m acme/m1");
  expect(said).toContain("has {acme:{type:api,key:the-users-key}}");
  expect(said).not.toContain("spoiled it");

  await deputy.api("POST", `/v1/tasks/${task.id}/answer`, { answer: "yes" });
  const over = await deputy.untilOver(task.id);
  expect(over.state, over.end_detail).toBe("completed");
  expect(repository.git("show", `${over.branch}:done.txt`)).toBe("done");
  const { body } = await deputy.api("GET", `/v1/tasks/${task.id}/receipt`);
  expect(body.cost).toMatchObject({ calls: 4, input_tokens: 4_000, cost_usd: 0.04 });
  expect(JSON.parse(await readFile(loginFile(), "utf8"))).toEqual({ acme: key, other: key });
});

test("a login that has run out waits for its user, and uses up no attempt", async () => {
  const acme = { type: "oauth", access: "a", refresh: "r", expires: 1_700_000_000_000 };
  await writeFile(loginFile(), JSON.stringify({ acme }));
  const goal = { goal: "Do it, too", repository: repository.path, budget: { usd: 0.01 } };
  const { body: task } = await deputy.api("POST", "/v1/tasks", goal);
  const asked = await deputy.untilEvent(task.id, ({ type }) => type === "question.asked");
  expect(asked.message).toContain(
    "The login of opencode expired at 2023-11-14T22:13:20.000Z: start `opencode` once",
  );
  await writeFile(loginFile(), JSON.stringify({ acme: key }));
  await deputy.api("POST", `/v1/tasks/${task.id}/answer`, { answer: "yes" });
  // It works now, until its money is spent.
  const again = await deputy.untilEvent(
    task.id,
    ({ type, seq }) => type === "question.asked" && seq > asked.seq,
  );
  expect(again.message).toContain("The budget is used up");
  await deputy.api("POST", `/v1/tasks/${task.id}/cancel`);
  await deputy.untilOver(task.id);
});

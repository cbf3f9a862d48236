import { chmod, mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";

/** Programs that are ended by a signal of somebody else: they go on, and nobody is charged for it. */
const { deputy, repository, run, scratch, show } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: ({ scratch }) => ({
    HOME: scratch.at("user"),
    PATH: `${scratch.at("bin")}:${process.env.PATH}`,
    DEPUTY_SANDBOX: "bubblewrap",
  }),
  config: "roles: {coder: {model: acme/m1}}\nsandbox: {memory_mb: 300}\n",
  start: false,
});

/** Writes half of its work and is killed; four times. Gone on with, it finds what it wrote. */
const program = `#!/bin/sh
brief=$(cat)
say() { printf '{"type":"text","sessionID":"ses_1","part":{"text":"%s"}}\\n' "$1"; }
finish() {
  say finished
  printf '{"type":"step_finish","sessionID":"ses_1","part":{"reason":"stop","cost":0,"tokens":{"input":1,"output":0,"reasoning":0,"cache":{"read":0,"write":0}}}}\\n'
  exit
}
say "begun with $*"
case "$(cat word.txt 2> /dev/null) $brief" in
  *"two goes"*) echo no > word.txt; finish ;;
  "no "*) echo worse > word.txt; kill -KILL $$ ;;
  *"was ended from outside"*) [ ! -e word.txt ] || finish ;;
  "worse "*) echo right > word.txt; finish ;;
esac
n=$(wc -l < half.txt 2> /dev/null || echo 0)
case "$*" in *--session*) [ "$n" -gt 0 ] || { say "lost its files"; exit 3; } ;; esac
case "$n" in 0) ;; *) case "$brief" in *"was ended from outside"*) ;; *) say "not told"; exit 4 ;; esac ;; esac
echo half >> half.txt
case "$n" in
  0) kill -KILL $$ ;;
  1) kill -TERM $$ ;;
  2) kill -SEGV $$ ;;
  3) sh -c 'kill -9 $$'; exit $? ;;
esac
echo done > done.txt
finish
`;

beforeAll(async () => {
  const login = scratch.at("user/.local/share/opencode/auth.json");
  await mkdir(scratch.at("bin"));
  await writeFile(scratch.at("bin/opencode"), program);
  await chmod(scratch.at("bin/opencode"), 0o755);
  await mkdir(dirname(login), { recursive: true });
  await writeFile(login, JSON.stringify({ acme: { type: "api", key: "the-users-key" } }));
  await deputy.start();
});

async function runTask(input: Record<string, unknown>) {
  const task = await run(input);
  const { attempts }: Json = await show(task.id);
  const events = await deputy.events(task.id);
  const told = events.filter(({ type }) => type === "recovery.decided").map((e) => e.message);
  return { task, attempts, told };
}

test("killed four times, it goes on in its session and its files, and no attempt is counted", async () => {
  const { task, attempts, told } = await runTask({ goal: "Do it", agent: "opencode" });
  expect(task.state, task.end_detail).toBe("completed");
  expect(attempts.map(({ end_reason }: Json) => end_reason)).toEqual([
    ...Array.from({ length: 4 }, () => "crashed"),
    "done",
  ]);
  for (const message of told) expect(message).toContain("continues, not counted as an attempt");
  expect(told.map((message) => /killed by (SIG\w+)/.exec(message)?.[1])).toEqual([
    "SIGKILL",
    "SIGTERM",
    "SIGSEGV",
    "SIGKILL",
  ]);
  expect(repository.git("show", `${task.branch}:half.txt`)).toBe("half\n".repeat(5).trim());
});

test("one that is killed again and again is counted from the sixth time on, and ends", async () => {
  const { task, attempts, told } = await runTask({
    goal: "Die",
    agent: "command:echo x > x.txt; kill -9 $$",
  });
  expect(task.state).toBe("failed");
  expect(attempts).toHaveLength(7);
  expect(told[4]).toContain("not counted as an attempt");
  expect(told[5]).toContain("(2 of 6 that count) from a clean base");
  expect(task.end_detail).toContain("killed by SIGKILL, which counts after 5 times");
});

test("a repair that is killed when its change is made has changed something", async () => {
  const { task, attempts, told } = await runTask({
    ...{ goal: "Do it in two goes", agent: "opencode", allow: ["word.txt"] },
    checks: ["cat word.txt; grep -qx right word.txt"],
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect(attempts.map(({ end_reason }: Json) => end_reason)).toEqual([
    ...["done", "crashed", "done"],
    "done",
  ]);
  expect(told[2]).toContain("repairs it in the same session");
});

test("one that took more memory than it may is told so by name, and goes on", async () => {
  const hog = "a=[];for(let i=0;i<4;i++)a.push(Buffer.alloc(5e7,1));setTimeout(()=>{},60000)";
  const agent = `command:if ! grep -q "Use less memory" "$DEPUTY_BRIEF_FILE"; then
for i in 1 2 3; do node -e "${hog}" & done; wait; fi; echo small > small.txt`;
  const { task, attempts, told } = await runTask({ goal: "Take much", agent });
  expect(task.state, task.end_detail).toBe("completed");
  expect(attempts).toHaveLength(2);
  expect(told[0]).toContain(
    "not counted as an attempt (killed by the sandbox: more than 300 MB of memory, its limit (sandbox.memory_mb))",
  );
});

test("a check that is killed is run again, and says nothing about the change", async () => {
  const check = "[ -e was ] || { touch was; kill -9 $$; }";
  const { task, attempts } = await runTask({
    goal: "Be checked",
    agent: "command:echo x > x.txt",
    checks: [check],
  });
  expect(task.state, task.end_detail).toBe("completed");
  expect(attempts).toHaveLength(1);
});

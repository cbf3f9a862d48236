import { chmod, mkdir, writeFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";

/** A program that takes messages while it works: hung it is found all the same. */
const stallS = 8;

const { deputy, repository, scratch, show, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: ({ scratch }) => ({
    HOME: scratch.at("user"),
    PATH: `${scratch.at("bin")}:${process.env.PATH}`,
    ANTHROPIC_API_KEY: "sk-slow",
  }),
  config: `roles: {coder: {stall_minutes: ${stallS / 60}, timeout_minutes: 1}}\n`,
  start: false,
});

/** Acknowledges what it hears, as Claude Code does, whatever it waits for; resumed, it finishes. */
const program = `#!/usr/bin/env node
const { spawn } = require("node:child_process");
const say = (line) => console.log(JSON.stringify(line));
const finish = () => {
  require("node:fs").appendFileSync("work.txt", "whole\\n");
  say({ type: "result", subtype: "success", is_error: false, result: "did it", modelUsage: {} });
  process.exit(0);
};
let begun = false;
require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  say({ ...JSON.parse(line), isReplay: true });
  if (begun) return;
  begun = true;
  say({ type: "system", subtype: "init", session_id: "ses_1" });
  if (process.argv.includes("--resume")) {
    if (!/showed no sign of life/.test(line)) process.exit(3);
    return finish();
  }
  spawn("sleep", ["1000"]);
});
`;

beforeAll(async () => {
  await mkdir(scratch.at("bin"));
  await writeFile(scratch.at("bin/claude"), program);
  await chmod(scratch.at("bin/claude"), 0o755);
  await deputy.start();
});

async function story(id: string) {
  const task = await deputy.untilOver(id);
  expect(task.state, task.end_detail).toBe("completed");
  const { attempts }: Json = await show(id);
  const events = await deputy.events(id);
  const asked = events.filter(({ message }) => message.includes("sign of life for"));
  const work = repository.git("show", `${task.branch}:work.txt`);
  return { ends: attempts.map(({ end_reason }: Json) => end_reason), asked, work };
}

test("it hears that it is asked to go on, and is stopped all the same", async () => {
  const id = await submit({ goal: "Wait for a child", agent: "claude" });
  const { asked, ends, work } = await story(id);
  expect(ends).toEqual(["stalled", "done"]);
  expect(asked.filter(({ type }) => type === "attempt.progressed")).toHaveLength(1);
  expect(work).toBe("whole");
});

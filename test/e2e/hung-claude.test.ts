import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";

/** A program that takes messages while it works: hung it is found, and not while its model thinks. */
const stallS = 8;

/** Answers each call later than an agent may be silent. */
const model = createServer((request, response) => {
  request.resume();
  setTimeout(
    () => {
      const usage = { input_tokens: 1, output_tokens: 1 };
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ type: "message", model: "m", content: [], usage }));
    },
    1.5 * stallS * 1000,
  );
});

beforeAll(async () => {
  await new Promise<void>((done) => model.listen(0, "127.0.0.1", done));
});

const { deputy, repository, scratch, show, submit } = withDeputy({
  files: { "README.md": "# Here\n" },
  env: ({ scratch }) => ({
    HOME: scratch.at("user"),
    PATH: `${scratch.at("bin")}:${process.env.PATH}`,
    ANTHROPIC_API_KEY: "sk-slow",
    ANTHROPIC_BASE_URL: `http://127.0.0.1:${(model.address() as AddressInfo).port}`,
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
  if (!line.includes("slow model")) return spawn("sleep", ["1000"]);
  const { ANTHROPIC_API_KEY: key, ANTHROPIC_BASE_URL: url } = process.env;
  const headers = { "x-api-key": key, "content-type": "application/json" };
  const body = JSON.stringify({ model: "m", max_tokens: 10, messages: [] });
  fetch(url + "/v1/messages", { method: "POST", headers, body }).then(finish);
});
`;

beforeAll(async () => {
  await mkdir(scratch.at("bin"));
  await writeFile(scratch.at("bin/claude"), program);
  await chmod(scratch.at("bin/claude"), 0o755);
  await deputy.start();
});
afterAll(() => model.close());

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

test("while its model thinks it is neither asked nor stopped", async () => {
  const id = await submit({ goal: "Ask a slow model", agent: "claude" });
  const { asked, ends } = await story(id);
  expect(ends).toEqual(["done"]);
  expect(asked).toEqual([]);
});

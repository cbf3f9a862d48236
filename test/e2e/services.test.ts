import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { type Fixtures, withDeputy } from "../support/fixtures.ts";
import { type ModelServer, startModelServer } from "../support/model-server/start.ts";
import { until } from "../support/until.ts";

/** Checks that need a server beside them: each run has its own, and what is wrong with one is told. */

const server = `
import { createServer } from "node:net";
const port = Number(process.env.ECHO_PORT ?? process.argv[2]);
const server = createServer((socket) => {
  socket.on("data", (data) => {
    if (String(data) === "die\\n") { console.error("told to die"); process.exit(7); }
    socket.end("echo " + data);
  });
});
server.listen(port, "127.0.0.1", () => console.log("listening"));
process.on("SIGTERM", () => { console.log("stopping"); process.exit(0); });
`;
const test_ = `
import assert from "node:assert/strict";
import { connect } from "node:net";
import test from "node:test";
import { word } from "../src/word.js";
const ask = (text) => new Promise((done, fail) => {
  let said = "";
  const socket = connect(Number(process.env.ECHO_PORT ?? 5999), "127.0.0.1", () => socket.write(text + "\\n"));
  socket.on("data", (data) => { said += data; }).on("end", () => done(said)).on("error", fail);
});
test("the server answers", async () => assert.equal(await ask(word), "echo hello\\n"));
`;
const section = `services:
  - name: echo
    run: exec node service/server.js
    port: ECHO_PORT
`;
const filesWith = (services: string, more: Record<string, string> = {}) => ({
  "package.json": JSON.stringify({ type: "module", scripts: { test: "node --test" } }),
  "service/server.js": server,
  "test/echo.test.js": test_,
  "src/word.js": 'export const word = "hullo";\n',
  ".deputy/config.yaml": `checks: [npm test]\n${services}`,
  ...more,
});
const mend = `printf 'export const word = "hello";\\n' > src/word.js`;
const detailOf = async (deputy: Fixtures["deputy"], id: string): Promise<Json> =>
  (await deputy.api("GET", `/v1/tasks/${id}`)).body;

/** Processes of this machine with this word in their command lines; inside boxes, too. */
function listProcesses(word: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(word);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

describe.each(["bubblewrap", "none"])("with the sandbox %s", (provider) => {
  const { deputy, receiptOf, repository, repositoryWith, run, submit } = withDeputy({
    files: filesWith(section),
    env: { DEPUTY_SANDBOX: provider, DEPUTY_CONCURRENCY: "2" },
  });

  test("work is verified beside its service, which its agent can use as well", async () => {
    const agent = `command:${mend}; "$DEPUTY_SERVICES" npm test > tested.txt && cp "$DEPUTY_BRIEF_FILE" brief.txt && test -z "$ECHO_PORT"`;
    const task = await run({ goal: "Say hello", agent, checks: ["npm test"] });
    expect(task.state, task.end_detail).toBe("completed");
    expect(task.preparation.services).toMatchObject([{ name: "echo", ports: ["ECHO_PORT"] }]);
    const tested = repository.git("show", `${task.branch}:tested.txt`);
    expect(tested).toMatch(/^# pass 1$|^ℹ pass 1$/m);
    const brief = repository.git("show", `${task.branch}:brief.txt`);
    expect(brief).toContain("- `echo` (`exec node service/server.js`, its port in $ECHO_PORT)");
    const receipt = await receiptOf(task.id);
    expect(receipt.headline).toMatch(/^Verified/);
    const [check] = receipt.checks;
    expect(check).toMatchObject({ result: "pass", reason: "green, red before" });
    expect(check.services).toEqual([{ name: "echo", ready_ms: expect.any(Number) }]);
    expect(check.baseline.tests).toMatchObject({ failed: 1 });
    expect(receipt.repeat.services).toMatchObject([{ name: "echo" }]);
    // Beside the check's own log.
    expect(readFileSync(check.log.replace(/\.log$/, ".echo.log"), "utf8")).toContain("stopping");
    const planned = await deputy.untilEvent(task.id, ({ type }) => type === "task.planned");
    expect(planned.message).toContain("beside services: `echo`");
    const { stdout } = await deputy.cli(["receipt", task.id]);
    expect(stdout).toMatch(/`echo` \(`exec node service\/server.js`\): .*, ready after \d/);
  });

  test("without the section the same work is not verified", async () => {
    const without = await repositoryWith(filesWith(""));
    const task = await run({
      repository: without.path,
      goal: "Say hello",
      agent: `command:${mend}`,
    });
    expect(task.state).toBe("failed");
  });

  test("a service that the change breaks is the change's failure, and names it", async () => {
    const agent = `command:${mend}; if [ "$DEPUTY_ATTEMPT" = 1 ]; then echo 'throw new Error("no server")' > service/server.js; else git show HEAD:service/server.js > service/server.js; fi`;
    const task = await run({ goal: "Say hello", agent, allow_test_changes: true });
    expect(task.state, task.end_detail).toBe("completed");
    const [first] = (await detailOf(deputy, task.id)).attempts;
    expect(first.verdict.summary).toMatch(
      /service `echo` exited with 1 before it was ready: Error: no server; without the change its services run/,
    );
    expect(first.decision.kind).toBe("checks_failed");
  });

  test("one that ends while the check runs is no failure of the change", async () => {
    const dying = "services:\n  - name: dying\n    run: sleep 0.2; echo my last words; exit 5\n";
    const files = filesWith(dying, { "test/echo.test.js": "setTimeout(() => {}, 600_000);\n" });
    const { path } = await repositoryWith(files);
    const id = await submit({ repository: path, goal: "Say hello", agent: `command:${mend}` });
    const { data } = await deputy.untilEvent(id, ({ type }) => type === "check.finished");
    expect(data.result).toBe("inconclusive");
    expect(data.reason).toBe("service `dying` exited with 5 while the command ran: my last words");
    await until(async () => {
      const [attempt] = (await detailOf(deputy, id)).attempts;
      return attempt.decision?.kind === "infrastructure";
    }, "the attempt is not blamed");
    await deputy.api("POST", `/v1/tasks/${id}/cancel`, {});
    await deputy.untilOver(id);
  });

  test("one that is never ready is told, with the time that was waited", async () => {
    const late = `${section}    start_timeout_s: 0.5\n    ready: echo not yet; exit 3\n`;
    const { path } = await repositoryWith(filesWith(late));
    const id = await submit({ repository: path, goal: "Say hello", agent: `command:${mend}` });
    const { data } = await deputy.untilEvent(id, ({ type }) => type === "check.finished");
    expect(data.reason).toBe(
      "service `echo` was not ready after 0.5 s by `echo not yet; exit 3`: listening",
    );
    await deputy.api("POST", `/v1/tasks/${id}/cancel`, {});
    await deputy.untilOver(id);
  });

  test("two tasks at once have a server each", async () => {
    // A fixed port is free in each box; without boxes ports are leased.
    const fixed =
      "services:\n  - {name: echo, run: exec node service/server.js 5999, ready: 5999}\n";
    const { path } = await repositoryWith(filesWith(provider === "none" ? section : fixed));
    const both = ["one", "two"].map((goal) =>
      run({ repository: path, goal, agent: `command:${mend}`, checks: ["npm test && sleep 1"] }),
    );
    for (const task of await Promise.all(both))
      expect(task.state, task.end_detail).toBe("completed");
  });

  test("kill -9 of the daemon leaves no process of a service or its check", async () => {
    const mark = `lonely-${provider}-${process.pid}`;
    // What leaves its session is found by its mark at the next start, where no box ends with the daemon.
    const start = provider === "none" ? "exec node" : "setsid -w node";
    const lonely = `services:\n  - {name: lonely, run: ${start} service/server.js 0 ${mark}, ready: test -e /proc}\n`;
    const files = filesWith(lonely, { "test/echo.test.js": "setTimeout(() => {}, 600_000);\n" });
    const { path } = await repositoryWith(files);
    await submit({ repository: path, goal: "Say hello", agent: `command:${mend}` });
    await until(() => listProcesses(mark).length > 0, "the service runs");
    await deputy.kill();
    await until(() => listProcesses(mark).length === 0, "it is gone");
  });
});

describe("a model", () => {
  let model: ModelServer;
  const call = (tool: string, args: Json) => ({ calls: [{ tool, args }] });
  const turns = [
    call("write", { path: "src/word.js", content: 'export const word = "hello";\n' }),
    call("bash", { command: '"$DEPUTY_SERVICES" npm test | grep -c "^# pass 1" > passed.txt' }),
    call("check", {}),
    call("finish", { summary: "It says hello." }),
  ];
  beforeAll(async () => {
    model = await startModelServer({ scenario: { roles: { coder: { match: /./, turns } } } });
  });
  afterAll(() => model?.close());
  const { repository, run } = withDeputy({
    files: filesWith(section),
    env: () => ({
      ...{ OPENAI_API_KEY: "sk-test", OPENAI_BASE_URL: model.url, DEPUTY_MODEL: "scripted" },
      DEPUTY_SANDBOX: "bubblewrap",
    }),
  });

  test("has services beside its commands and its own checks", async () => {
    const task = await run({ goal: "Say hello", agent: "builtin", mode: "direct" });
    expect(task.state, task.end_detail).toBe("completed");
    expect(repository.git("show", `${task.branch}:passed.txt`)).toBe("1");
    expect(JSON.stringify(model.requests)).toContain("pass: 1 check passes");
  });
});

import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { startHttpServer } from "../../src/http/server.ts";
import { token } from "../http/helpers.ts";
import { mainPath } from "../support/deputy.ts";
import { makeHome, startCliTest } from "./helpers.ts";

test("shows each event as one line and ends with what to do next", async () => {
  const { startDeputy, service } = await startCliTest();
  const run = startDeputy("run", "Fix it", "--watch");
  await run.saw("Task created");
  const id = [...service.tasks.keys()][0] ?? "";
  service.emit(id, "attempt.progressed", "Worktree\n ready", "running", { step: "worktree" });
  await run.saw("worktree    Worktree ready");
  service.change(id, { branch: "deputy/fix-it" });
  service.emit(id, "task.completed", "Completed: on deputy/fix-it", "completed");
  const { code, out, err } = await run.done;
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain(`${id}  completed`);
  expect(out).toContain("branch  deputy/fix-it");
  expect(out).toContain(`deputy accept ${id}`);
  expect(out).not.toContain("\u001b");
  const lines = out.split("\n").filter((line) => /^ +\d+\.\ds /.test(line));
  expect(lines).toHaveLength(3);
});

test("a failed or cancelled task ends with 1", async () => {
  const { deputy, submit, service } = await startCliTest();
  for (const state of ["failed", "cancelled"] as const) {
    const { id } = await submit();
    service.emit(id, `task.${state}`, "Over", state);
    const run = await deputy("watch", id.slice(0, 20));
    expect(run.code).toBe(1);
    expect(run.out).toContain(`${id}  ${state}`);
    // There is no attempt that could have said something.
    expect(run.out).not.toContain("deputy log");
  }
});

test("the reason of a give-up is said once, and what fails again after a retry is told again", async () => {
  const { startDeputy, submit, service } = await startCliTest();
  const { id } = await submit();
  const reason = "giving up after 3 attempts: `npm test` is red";
  const giveUp = () => {
    service.emit(id, "recovery.decided", `Recovery: ${reason}`, "running", { action: "give_up" });
    service.emit(id, "subtask.failed", `"Fix it" failed: ${reason}`);
  };
  const all = `"fix" failed: ${reason}; "use" could not start because of that`;
  giveUp();
  service.emit(id, "task.retried", "Retry requested", "running");
  const run = startDeputy("watch", id);
  await run.saw("Retry requested");
  giveUp();
  service.change(id, { endDetail: all });
  service.emit(id, "question.asked", "Question: Which?");
  service.emit(id, "task.failed", `Failed: ${all}`, "failed");
  const { out } = await run.done;
  const told = out.split("\n").flatMap((line) => line.split(/s [!✗·] \w+ +/)[1] ?? []);
  expect(told).toEqual([
    "Task created",
    `Recovery: ${reason}`,
    '"Fix it" failed',
    "Retry requested",
    `Recovery: ${reason}`,
    '"Fix it" failed',
    "Question: Which?",
    'Failed: "fix" failed; "use" could not start because of that',
  ]);
  expect(out).toContain(`answer it: deputy answer ${id} "…"`);
  expect(out.slice(out.indexOf("Failed:")).split("could not start")).toHaveLength(2);
});

test("--json gives one event a line, and the end last", async () => {
  const { deputy, submit, service } = await startCliTest();
  const { id } = await submit();
  service.emit(id, "task.failed", "Over", "failed");
  const run = await deputy("watch", id, "--json");
  const lines = run.out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines.map(({ type }) => type)).toEqual(["task.created", "task.failed", "end"]);
  expect(lines[2]).toMatchObject({ state: "failed", task: { id } });
});

test("run --json --watch begins with the task", async () => {
  const { startDeputy, service } = await startCliTest();
  const run = startDeputy("run", "x", "--json", "--watch");
  await run.saw("task.created");
  service.emit([...service.tasks.keys()][0] ?? "", "task.completed", "Done", "completed");
  const { out, code } = await run.done;
  expect(code).toBe(0);
  expect(JSON.parse(out.split("\n")[0] ?? "")).toMatchObject({ type: "submitted" });
});

test("Ctrl-C detaches, says so, and leaves the task alone", async () => {
  const { startDeputy, submit, service } = await startCliTest();
  const { id } = await submit();
  const run = startDeputy("watch", id);
  await run.saw("Task created");
  run.interrupt();
  const { code, err } = await run.done;
  expect(code).toBe(130);
  expect(err).toContain(`Detached; ${id} is not affected. Come back with: deputy watch ${id}`);
  expect(service.tasks.get(id)?.state).toBe("queued");
});

test("goes on after a restart of the daemon on another port, and misses nothing", async () => {
  const { startDeputy, submit, service, close, home } = await startCliTest();
  const { id } = await submit();
  const run = startDeputy("watch", id);
  await run.saw("Task created");
  await close();
  await run.saw("The daemon is not reachable");
  service.emit(id, "task.planning", "Planned meanwhile");
  const second = await startHttpServer({
    service,
    host: "127.0.0.1",
    port: 0,
    token,
    allowedHosts: [],
    redact: (text) => text,
    version: "0",
    log: () => {},
  });
  onTestFinished(() => second.close());
  writeFileSync(join(home, "daemon.json"), JSON.stringify({ url: second.url, pid: 2 }));
  await run.saw("Planned meanwhile");
  service.emit(id, "task.completed", "Done", "completed");
  const { code, out, err } = await run.done;
  expect(code).toBe(0);
  expect(err).toContain("The daemon is back.");
  expect(out.match(/Task created/g)).toHaveLength(1);
});

test("Ctrl-C works while the daemon is away", async () => {
  const { startDeputy, submit, close } = await startCliTest();
  const { id } = await submit();
  const run = startDeputy("watch", id);
  await run.saw("Task created");
  await close();
  await run.saw("The daemon is not reachable");
  run.interrupt();
  expect((await run.done).code).toBe(130);
});

/** The real program, which collects its garbage when it gets SIGUSR2, and says so. */
function watchForReal(home: string, id: string, shell = 'exec "$@"') {
  const collect = `process.on("SIGUSR2", async () => {
    for (let n = 0; n < 10; n++) { globalThis.gc(); await new Promise((done) => setTimeout(done, 5)); }
    console.error("collected");
  })`;
  const hook = `data:text/javascript,${encodeURIComponent(collect)}`;
  const node = [process.execPath, "--expose-gc", "--import", hook, mainPath, "watch", id];
  const child = spawn("sh", ["-c", shell, "sh", ...node], {
    env: { PATH: process.env.PATH, DEPUTY_HOME: home },
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

test("Ctrl-C ends it at once when the garbage was collected meanwhile", async () => {
  const { home, submit, service } = await startCliTest();
  const { id } = await submit();
  const child = watchForReal(home, id);
  const [out, err] = [createInterface(child.stdout), createInterface(child.stderr)];
  for await (const line of out) if (line.includes("Task created")) break;
  child.kill("SIGUSR2");
  expect(await once(err, "line")).toEqual(["collected"]);
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([130, null]);
  expect(service.tasks.get(id)?.state).toBe("queued");
});

test("whoever reads it no further ends it, without a complaint", async () => {
  const { home, submit, service } = await startCliTest();
  const { id } = await submit();
  const shell = '{ "$@" 2>&1; echo "code $?" >&3; } 3>&2 | head -1';
  const child = watchForReal(home, id, shell);
  const [out, err] = [createInterface(child.stdout), createInterface(child.stderr)];
  expect(await once(out, "line")).toEqual([expect.stringContaining(id)]);
  const told = once(err, "line");
  service.emit(id, "attempt.progressed", "On its way", "running");
  expect(await told).toEqual(["code 0"]);
});

test("colours show on a terminal only, and NO_COLOR turns them off", async () => {
  const { deputyWith, submit, service, url } = await startCliTest();
  const { id } = await submit();
  service.emit(id, "task.completed", "Done", "completed");
  const home = makeHome(url);
  const color = await deputyWith({ home, isTTY: true, env: { TERM: "xterm" } }, "watch", id);
  expect(color.out).toContain("\u001b[32m");
  const env = { TERM: "xterm", NO_COLOR: "1" };
  expect((await deputyWith({ home, isTTY: true, env }, "watch", id)).out).not.toContain("\u001b");
});

test("a message cannot move the terminal's cursor", async () => {
  const { deputy, submit, service } = await startCliTest();
  const { id } = await submit();
  service.emit(id, "task.completed", "a\u001b[2Jb\u001b]0;title\u0007c\rd\u0000", "completed");
  expect((await deputy("watch", id)).out).toMatch(/delivery {4}abcd$/m);
});

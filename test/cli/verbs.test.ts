import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Actions } from "../../src/cli/actions.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { DeputyError } from "../../src/core/base/error.ts";
import { makeFolder, startCliTest } from "./helpers.ts";

test("pair lets a device in, and devices says which there are and what each may", async () => {
  const { deputy, service } = await startCliTest();
  expect((await deputy("devices", "ls")).out).toMatch(/^No devices\. deputy open /);
  const paired = await deputy("pair", "--view");
  expect(paired.out).toMatch(
    /^0123 abcd\nType it .*\. Five tries\.\nA phone needs an https address/,
  );
  const { device } = await service.signIn("0123abcd", "Pixel\u001b[2J", null);
  const { id } = device;
  expect((await deputy("devices", "ls")).out).toMatch(
    new RegExp(`^${id} {2}Pixel.*  view, paired 2026-01-01, last seen 2026-01-01\n$`),
  );
  expect((await deputy("devices", "change", id)).code).toBe(2);
  expect((await deputy("devices", "change", id, "--act", "--view")).code).toBe(2);
  const changed = await deputy("devices", "change", id, "--act", "--name", "My phone");
  expect(changed.out).toBe(`My phone (${id}) may act.\n`);
  expect((await deputy("devices", "revoke", id)).out).toBe(`My phone (${id}) is forgotten.\n`);
  expect((await deputy("devices", "revoke", id)).code).toBe(2);
});

test("open opens the page signed in, or says where it is", async () => {
  const { deputy, deputyWith, service, url } = await startCliTest();
  const address = `${url}/pair#`;
  const nowhere = await deputy("open");
  expect(nowhere.out).toMatch(
    /^There is no browser here. Open this on this machine; it works once:/,
  );
  expect(nowhere.out).toContain(`\n${address}`);
  expect((await deputy("open", "--print")).out).toContain(`\n${address}`);
  const { address: told } = JSON.parse((await deputy("open", "--json")).out);
  expect(told).toMatch(/\/pair#[\w-]{22}$/);
  const seen: string[] = [];
  const openBrowser = async (given: string) => {
    await service.signIn(given.slice(address.length), "Firefox", null);
    seen.push("opened");
    return { remove: async () => void seen.push("removed") };
  };
  const opened = await deputyWith({ machine: { openBrowser } }, "open");
  expect(opened.out).toBe("The page is open in your browser, signed in.\n");
  expect(seen).toEqual(["opened", "removed"]);
});

test("ls, show and why look at tasks", async () => {
  const { deputy, submit } = await startCliTest();
  expect((await deputy("ls")).out).toContain("No tasks.");
  const { id } = await submit({ goal: "First line\nsecond", checks: ["npm test"] });
  const { id: second } = await submit();
  const list = await deputy("ls");
  expect(list.out).toMatch(/^ID +STATE +CREATED +TITLE\n/);
  expect(list.out).toContain("First line\n");
  const page = await deputy("ls", "--limit", "1");
  expect(page.out).toContain(`deputy ls --cursor ${second}`);
  expect((await deputy("ls", "--cursor", second, "--json")).out).toContain(id);
  const show = await deputy("show", id);
  expect(show.out).toContain("waits for   Waits for a free planner.");
  expect(show.out).toContain("npm test");
  const why = await deputy("why", id);
  expect(why.out).toContain(`${id} (queued): Waits for a free planner.\n  since   2026-01-01`);
  expect(why.out).toMatch(/\n {2}sub_\w+ \(queued\): Waits for a free planner\.\n/);
});

test("log, diff and receipt print what they get", async () => {
  const { deputy, submit } = await startCliTest();
  const { id } = await submit();
  expect((await deputy("log", id, "--attempt", "2", "--tail", "9")).out).toBe(
    "attempt 2 of any, 9 bytes\n",
  );
  expect((await deputy("log", id, "--subtask", "api")).out).toContain("latest of api");
  expect((await deputy("diff", id)).out).toContain("+new\n");
  expect((await deputy("receipt", id)).out).toBe("# Fix it\n");
  expect(JSON.parse((await deputy("receipt", id, "--json")).out)).toEqual({ goal: "Fix it" });
});

test("cancel, retry, accept, update, rollback, discard, answer and restore tell the task", async () => {
  const { deputy, deputyWith, submit, service } = await startCliTest();
  const { id } = await submit();
  expect((await deputy("answer", id, "yes", "--question", "que_1")).code).toBe(0);
  await deputyWith({ stdin: "long\nanswer\n" }, "answer", id, "-");
  expect(service.answers).toEqual([
    { answer: "yes", questionId: "que_1" },
    { answer: "long\nanswer", questionId: null },
  ]);
  expect((await deputy("accept", id)).out).toBe("Merged into main.\n");
  expect((await deputy("update", id)).out).toBe("Up to date with main already.\n");
  expect((await deputy("rollback", id)).out).toBe("Undone on main.\n");
  expect((await deputy("discard", id)).out).toBe("Removed the branch.\n");
  expect((await deputy("restore", id)).out).toBe("Restored one.\n  /tmp/wt\n");
  expect((await deputy("cancel", id)).out).toBe(`${id} is cancelled.\n`);
  const again = await deputy("cancel", id);
  expect(again).toMatchObject({ code: 2, err: "deputy: The task is cancelled already.\n" });
  expect((await deputy("retry", id)).out).toContain("is being retried");
  const changes = [
    "--agent",
    "codex",
    "--model",
    "m",
    "--check",
    "a",
    "--check",
    "b",
    "--timeout",
    "5",
  ];
  expect((await deputy("retry", id, ...changes)).code).toBe(0);
  expect(service.retries).toEqual([
    {},
    { agent: "codex", model: "m", checks: ["a", "b"], timeout_minutes: 5 },
  ]);
});

test("answer, say and comment take the rest of the line", async () => {
  const { deputy, deputyWith, submit, service } = await startCliTest();
  const { id } = await submit();
  const short = id.slice(5, 20);
  await deputy("answer", "last", "yes", "do", "it", "--question", "que_1");
  await deputy("say", short, "keep", "--subtask", "main", "the", "old", "name");
  await deputy("comment", "last", "a.ts:3", "use", "a", "Map");
  await deputyWith({ stdin: "from stdin\n" }, "say", id, "-");
  expect(service.answers).toEqual([
    { answer: "yes do it", questionId: "que_1" },
    { text: "keep the old name", subtask: "main" },
    { place: "a.ts:3", text: "use a Map" },
    { text: "from stdin", subtask: null },
  ]);
});

test("answer and resume say what became of the task", async () => {
  const { deputy, submit, service } = await startCliTest();
  const { id } = await submit();
  const say = async (verb: string, change: Parameters<typeof service.change>[1]) => {
    service.change(id, change);
    return (await deputy(verb, id, ...(verb === "answer" ? ["no"] : []))).out;
  };
  expect(await say("answer", { state: "cancelled", endDetail: "not approved" })).toBe(
    `Answered; ${id} is cancelled: not approved.\n`,
  );
  expect(await say("answer", { state: "running", endDetail: null })).toBe(
    `Answered; ${id} continues.\nFollow it with: deputy watch ${id}\n`,
  );
  expect(await say("resume", {})).toBe(`Resumed; ${id} continues.\n`);
  const waits = `${id} still waits for a person; see: deputy why ${id}.\n`;
  expect(await say("resume", { state: "waiting" })).toBe(`Resumed; ${waits}`);
  expect(await say("answer", { cancelRequestedAt: new Date() })).toContain(
    `${id} is asked to stop; what it did so far is kept.\n`,
  );
});

test("trigger test sends the payload", async () => {
  const { deputy, cwd } = await startCliTest();
  writeFileSync(join(cwd, "payload.json"), JSON.stringify({ action: "opened", issue: {} }));
  const run = await deputy("trigger", "test", "payload.json");
  expect(JSON.parse(run.out)).toMatchObject({ event: null, fires: false });
  const named = await deputy("trigger", "test", "payload.json", "--forge", "gitea");
  expect(JSON.parse(named.out)).toMatchObject({ forge: "gitea" });
  const rule = await deputy("trigger", "test", "payload.json", "--rule", "nightly");
  expect(JSON.parse(rule.out)).toMatchObject({
    rule: "nightly",
    text: expect.stringMatching(/^{/),
  });
  expect(await deputy("trigger", "test")).toMatchObject({
    code: 2,
    err: expect.stringContaining("name a file"),
  });
});

test("schedule lists, runs, pauses and resumes", async () => {
  const { deputy } = await startCliTest();
  expect((await deputy("schedule", "ls")).out).toMatch(
    /^NAME .*\nnightly +30 2 \* \* \* Europe\/Berlin +2026-01-02T01:30:00.000Z +Tidy up\n/,
  );
  expect((await deputy("schedule", "run", "nightly")).out).toBe("task_1 (change: x)\n");
  expect((await deputy("schedule", "pause", "nightly")).out).toBe("nightly is paused.\n");
  expect((await deputy("schedule", "resume", "nightly")).out).toContain("fires next at 2026-01-02");
  const wrong = await deputy("schedule", "run", "x");
  expect(wrong).toMatchObject({
    code: 2,
    err: "deputy: There is no schedule x; there are nightly.\n",
  });
});

test("--json gives one JSON document on every verb that asks the daemon", async () => {
  const { deputy, submit, service, cwd } = await startCliTest();
  const { id } = await submit();
  writeFileSync(join(cwd, "p.json"), JSON.stringify({ issue: {} }));
  const verbs = [
    ...[["ls"], ["run", "x"], ["show", id], ["why", id], ["log", id], ["diff", id]],
    ...[
      ["receipt", id],
      ["answer", id, "y"],
      ["accept", id],
      ["update", id],
      ["rollback", id],
      ["discard", id],
      ["restore", id],
    ],
    ...[
      ["retry", id],
      ["cancel", id],
      ["trigger", "test", "p.json"],
      ["trigger", "reset", "nightly"],
      ["schedule", "ls"],
      ["schedule", "run", "nightly"],
      ["schedule", "pause", "nightly"],
    ],
    ...[["freeze", "--reason", "x"], ["thaw"]],
  ];
  for (const args of verbs) {
    const run = await deputy(...args, "--json");
    expect(run.code, args.join(" ")).toBe(0);
    expect(() => JSON.parse(run.out), args.join(" ")).not.toThrow();
  }
  expect(service.tasks.size).toBe(2);
});

test("up, down, worker, doctor and demo are handed their options", async () => {
  const calls: unknown[] = [];
  const record =
    (name: string, code: 0 | 1 | 3 = 0) =>
    async (options: unknown) => {
      calls.push([name, options]);
      return code;
    };
  const actions: Actions = {
    up: record("up"),
    down: async () => {
      throw new DeputyError("unavailable", "No daemon runs here.");
    },
    worker: record("worker"),
    doctor: record("doctor", 1),
    installMcp: record("installMcp"),
    prove: record("prove", 1),
    connectGithub: record("connectGithub"),
    githubStatus: record("githubStatus", 1),
    disconnectGithub: record("disconnectGithub"),
    demo: async () => {
      throw new DeputyError("conflict", "A second daemon on the same home.");
    },
  };
  const { deputyWith } = await startCliTest();
  const deputy = (...args: string[]) => deputyWith({ actions }, ...args);
  expect((await deputy("up", "--detach", "--port", "0", "--host", "::1")).code).toBe(0);
  expect((await deputy("worker", "--concurrency", "3")).code).toBe(0);
  expect((await deputy("worker", "--detach")).code).toBe(0);
  expect((await deputy("doctor", "--json")).code).toBe(1);
  expect(await deputy("down")).toMatchObject({ code: 3, err: "deputy: No daemon runs here.\n" });
  expect((await deputy("demo")).code).toBe(2);
  expect((await deputy("mcp", "install", "--client", "codex", "--print")).code).toBe(0);
  expect((await deputy("mcp", "install", "--client", "vim")).code).toBe(2);
  expect((await deputy("up", "--port", "70000")).code).toBe(2);
  expect((await deputy("github", "connect", "--org", "acme", "--repo", "acme/app")).code).toBe(0);
  expect((await deputy("github", "connect", "--repo", "acme")).code).toBe(2);
  expect((await deputy("github", "connect", "--wait", "0")).code).toBe(2);
  expect((await deputy("github", "status", "--json")).code).toBe(1);
  expect((await deputy("github", "disconnect")).code).toBe(0);
  expect(calls).toEqual([
    ["up", { json: false, detach: true, host: "::1", port: 0 }],
    ["worker", { json: false, detach: false, concurrency: 3 }],
    ["worker", { json: false, detach: true, concurrency: null }],
    ["doctor", { json: true }],
    ["installMcp", { json: false, client: "codex", print: true }],
    [
      "connectGithub",
      { json: false, org: "acme", name: null, repositories: ["acme/app"], waitMinutes: 30 },
    ],
    ["githubStatus", { json: true }],
    ["disconnectGithub", { json: false }],
  ]);
});

test("prove reads the receipt from a file, or asks for it", async () => {
  const calls: unknown[] = [];
  const actions: Partial<Actions> = {
    prove: async (options) => {
      calls.push(options);
      return 1;
    },
  };
  const { deputyWith } = await startCliTest();
  const cwd = makeFolder();
  writeFileSync(join(cwd, "receipt.json"), '{"format":"deputy.receipt/1"}');
  writeFileSync(join(cwd, "broken.json"), "{");
  const deputy = (...args: string[]) => deputyWith({ actions, cwd }, ...args);
  expect((await deputy("prove", "receipt.json", "--proof", "full", "--repository", cwd)).code).toBe(
    1,
  );
  expect(calls).toEqual([
    {
      ...{ json: false, receipt: { format: "deputy.receipt/1" }, repository: cwd },
      ...{ checkout: null, level: "full" },
    },
  ]);
  expect((await deputy("prove", "broken.json")).err).toContain("broken.json is not valid JSON");
  expect((await deputy("prove", "missing.json")).code).toBe(2);
  expect((await deputy("prove", "receipt.json", "--proof", "some")).code).toBe(2);
});

test("every verb takes --json and says what it does", () => {
  const never = () => Promise.reject(new Error("never"));
  const program = buildProgram(
    {
      ...{ up: never, down: never, worker: never, doctor: never, demo: never },
      ...{ installMcp: never, prove: never },
      ...{ connectGithub: never, githubStatus: never, disconnectGithub: never },
    },
    { openBrowser: never, drawQr: never },
  );
  const leaves = program.commands.flatMap((command) =>
    command.commands.length > 0 ? command.commands : [command],
  );
  expect(leaves.map((command) => command.name()).sort()).toEqual(
    [
      ...[
        "accept",
        "answer",
        "cancel",
        "demo",
        "diff",
        "discard",
        "doctor",
        "down",
        "inbox",
        "ladder",
        "log",
        "ls",
      ],
      ...["open", "pair", "ls", "change", "revoke", "test", "connect", "status", "disconnect"],
      ...[
        "agents",
        "bench",
        "budget",
        "comment",
        "freeze",
        "pause",
        "resume",
        "say",
        "snooze",
        "thaw",
        "update",
        "warm",
      ],
      ...[
        "install",
        "prove",
        "receipt",
        "restore",
        "retry",
        "rollback",
        "run",
        "show",
        "snapshots",
        "test",
        "up",
        "watch",
        "why",
        "worker",
      ],
      // Of deputy schedule.
      ...["ls", "run", "pause", "resume"],
      "reset",
    ].sort(),
  );
  for (const command of leaves) {
    expect(
      command.options.some(({ long }) => long === "--json"),
      command.name(),
    ).toBe(true);
    expect(command.description()).not.toBe("");
  }
});

test("help goes to stdout with 0, nothing at all is wrong usage", async () => {
  const { deputy } = await startCliTest();
  const help = await deputy("--help");
  expect(help).toMatchObject({ code: 0, err: "" });
  expect(help.out).toContain("Exit codes: 0 ok, 1 the task failed");
  expect((await deputy("--version")).out).toMatch(/^\d+\.\d+\.\d+/);
  expect((await deputy()).code).toBe(2);
});

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { afterEach, expect, test } from "vitest";
import { demoScenario } from "../../src/demo/scenario.ts";
import { startScriptedModel } from "../../src/demo/scripted-model.ts";
import { mainPath } from "../support/deputy.ts";
import { until } from "../support/until.ts";

/** The demo as a stranger runs it: nothing but Node, git and the package. It makes its own database. */
const leftovers: string[] = [];

afterEach(async () => {
  for (const folder of leftovers.splice(0)) await rm(folder, { recursive: true, force: true });
});

async function runDemo(
  env: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [mainPath, "demo"], {
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/", NO_COLOR: "1", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output += chunk;
  });
  const [code] = await once(child, "close");
  const repository = /^The repository: (\S+)/m.exec(output)?.[1];
  if (repository) leftovers.push(dirname(repository));
  return { code, output };
}

test("without a key: says that the model is scripted, shows the wrong first fix, ends with branch, receipt, untouched checkout", async () => {
  const { code, output } = await runDemo({});
  expect(code, output).toBe(0);
  expect(output).toMatch(/SCRIPTED/);
  const lines = [
    /9 tests pass, 1 fails/,
    /plan +Plan: direct/,
    /worktree +Worktree ready/,
    /attempt +Attempt 1 /,
    /✗ checks/,
    /recovery/,
    /attempt +Attempt 2 /,
    /✓ checks/,
    /integration/,
    /delivery +Completed: deputy\//,
    /# Receipt/,
    /\*\*Verified\*\*/,
    /Your checkout is untouched/,
    /git log --oneline --stat main\.\.deputy\//,
  ];
  let from = 0;
  for (const line of lines) {
    const found = line.exec(output.slice(from));
    expect(found, `${line} after position ${from} in:\n${output}`).not.toBeNull();
    from += (found?.index ?? 0) + 1;
  }
});

test("with a key: the same on the model at OPENAI_BASE_URL, by the name in DEPUTY_MODEL, and nothing is left running", async () => {
  const model = await startScriptedModel(demoScenario, { apiKey: "sk-test-key" });
  try {
    const { code, output } = await runDemo({
      OPENAI_API_KEY: "sk-test-key",
      OPENAI_BASE_URL: model.baseUrl,
      DEPUTY_MODEL: "some-model",
    });
    expect(code, output).toBe(0);
    expect(output).toContain(`The agent is a real model: some-model at ${model.baseUrl}`);
    expect(output).not.toMatch(/SCRIPTED|sk-test-key/);
    expect(new Set(model.requests.map((request) => request.model))).toEqual(
      new Set(["some-model"]),
    );
    const home = leftovers[0] ?? "";
    const commands = await Promise.all(
      (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(readCommand),
    );
    expect(commands.filter((command) => command.includes(home))).toEqual([]);
  } finally {
    await model.close();
  }
});

async function readCommand(pid: string): Promise<string> {
  return readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => ""); // gone meanwhile
}

/** Gives a program a terminal; without it nobody can see the page. */
const hasScript = spawnSync("script", ["--version"]).status === 0;

test.skipIf(!hasScript)(
  "in a terminal it leaves its page open, signed in by an address, until Ctrl-C",
  async () => {
    const command = `${process.execPath} ${mainPath} demo`;
    const child = spawn("script", ["-qec", command, "/dev/null"], {
      env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "/", NO_COLOR: "1" },
      stdio: ["pipe", "pipe", "pipe"],
    });
    let output = "";
    child.stdout.on("data", (chunk) => {
      output += chunk;
    });
    const ended = once(child, "close");
    const found = () => /(http:\/\/\S+)\/pair#(\S+)/.exec(output);
    await until(async () => found() !== null || child.exitCode !== null, "the page is open");
    const [, url = "", code = ""] = found() ?? [];
    expect(code, output).not.toBe("");
    const entered = await fetch(`${url}/v1/session`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-deputy": "1", origin: url },
      body: JSON.stringify({ code, name: "A test" }),
    });
    const cookie = entered.headers.get("set-cookie")?.split(";")[0] ?? "";
    expect(entered.status).toBe(200);
    const listed = await fetch(`${url}/v1/tasks`, { headers: { cookie } });
    const { tasks } = (await listed.json()) as { tasks: unknown[] };
    expect(tasks).toHaveLength(1);
    child.stdin.write("\u0003");
    const [status] = await ended;
    expect([0, 130]).toContain(status); // as shells tell Ctrl-C
    const repository = /The repository: (\S+)/.exec(output)?.[1];
    if (repository) leftovers.push(dirname(repository));
  },
);

import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** A machine without a sandbox: it is said wherever a person looks, and only people may start tasks. */
const secret = "a-shared-secret";
const { deputy, repository, scratch } = withDeputy({
  files: { "a.txt": "a\n" },
  keepLog: true,
  env: ({ scratch }) => ({
    PATH: scratch.at("bin"),
    DEPUTY_SANDBOX: "auto",
    DEPUTY_LOG_LEVEL: "info",
    GITHUB_WEBHOOK_SECRET: secret,
  }),
  config: "sandbox: { disk_mb: 1000 }\n",
  start: false,
});

beforeAll(async () => {
  await linkPrograms(["bwrap", "srt"]);
  await writeFile(
    join(deputy.home, "triggers.yaml"),
    `github:
  - on: issues.labeled
    repository: acme/*
    label: deputy
    clone: ${repository.path}
    agent: 'command:echo b > b.txt'
`,
  );
  await deputy.start();
});

/** All that is on PATH, but these, in the one folder that is on the daemon's. */
async function linkPrograms(names: readonly string[]): Promise<void> {
  const folder = scratch.at("bin");
  await mkdir(folder);
  const found = new Map<string, string>();
  for (const from of (process.env.PATH ?? "").split(delimiter)) {
    try {
      for (const name of readdirSync(from)) {
        if (!names.includes(name) && !found.has(name)) found.set(name, join(from, name));
      }
    } catch {
      // named on PATH, and not there
    }
  }
  await Promise.all([...found].map(([name, target]) => symlink(target, join(folder, name))));
}

const reason = "bubblewrap is not installed";

test("the start says so, and doctor says what is degraded by it", async () => {
  const log = readFileSync(join(deputy.home, "daemon.log"), "utf8");
  expect(log).toContain(`sandbox: none: ${reason}`);
  const { code, stdout } = await deputy.cli(["doctor"]);
  expect(code).toBe(0);
  expect(stdout).toContain(`none: ${reason}`);
  expect(stdout).toContain("Agents and checks run as the daemon's user");
  expect(stdout).toContain("tasks from triggers are refused");
  for (const said of [log, stdout]) {
    expect(said).toContain(
      "Without a sandbox nothing enforces sandbox.disk_mb of the configuration",
    );
  }
});

test("what a person submits is done, and its receipt says that it ran without a sandbox", async () => {
  const task = await deputy.run({
    ...{ goal: "Add b", repository: repository.path, agent: "command:echo b > b.txt" },
    checks: ["test -e b.txt"],
  });
  expect(task.state, task.end_detail).toBe("completed");
  const { body } = await deputy.api("GET", `/v1/tasks/${task.id}/receipt`);
  expect(body.attempts[0].sandbox).toMatchObject({
    ...{ provider: "none", problem: expect.stringContaining(reason), refused: [] },
  });
  expect(body.not_checked.join("\n")).toContain("Agents and checks ran without a sandbox");
  expect((await deputy.cli(["receipt", task.id])).stdout).toContain("ran in no sandbox");
});

test("a trigger's task is refused in words, and stays refused", async () => {
  const payload = JSON.stringify({
    action: "labeled",
    label: { name: "deputy" },
    issue: {
      ...{ number: 1, title: "Add b", body: "b", state: "open", labels: [{ name: "deputy" }] },
      ...{ user: { login: "ada", id: 1, type: "User" }, author_association: "MEMBER" },
    },
    repository: { id: 1, full_name: "acme/app", owner: { login: "acme" } },
    sender: { login: "ada", id: 1, type: "User" },
  });
  const { status } = await fetch(`${deputy.url()}/hooks/github`, {
    method: "POST",
    headers: {
      ...{ "content-type": "application/json", "x-github-event": "issues" },
      "x-github-delivery": "d-1",
      "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(payload).digest("hex")}`,
    },
    body: payload,
  });
  expect(status).toBe(202);
  const result = await until(async () => {
    const [row] =
      (await deputy.database?.query<{ result: string | null }>(
        "select result from inbox where processed_at is not null",
      )) ?? [];
    return row?.result ?? null;
  }, "the delivery is dealt with");
  expect(result).toMatch(/^refused: Tasks from triggers need a sandbox, and there is none: /);
  expect(result).toContain(reason);
  expect(result).toContain("deputy doctor");
  const { tasks } = (await deputy.api("GET", "/v1/tasks")).body;
  expect(tasks.filter(({ origin }: Json) => origin.subject !== null)).toEqual([]);
});

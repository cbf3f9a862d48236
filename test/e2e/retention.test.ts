import { createHmac } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openMirror, openMirrors } from "../../src/worktree/mirror/open-mirror.ts";
import type { Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { until } from "../support/until.ts";

/** What finished tasks leave goes in its time; the tasks, receipts and patches stay, and so does what is not over. */
const { deputy, repository, scratch } = withDeputy({
  files: { "a.txt": "a\n" },
  env: { GITHUB_WEBHOOK_SECRET: "a-shared-secret" },
});

test("logs, events and worktrees of what is over go, in words, and the snapshots of what is settled; a retry still works", async () => {
  const submit = async (goal: string, command: string) => {
    const body = {
      repository: repository.path,
      goal,
      agent: `command:${command}`,
      checks: ["true"],
    };
    return (await deputy.api("POST", "/v1/tasks", body)).body.id as string;
  };
  const needs = scratch.at("there");
  const done = await submit("Write", "echo b > b.txt; echo written");
  const failed = await submit("Fail", `echo half > c.txt; echo half; test -e ${needs}`);
  const open = await submit("Ask", `echo d > d.txt; echo '{"question": "Which?"}'`);
  const { mirror, patch, shown } = await (async () => {
    expect((await deputy.untilOver(done)).state).toBe("completed");
    expect((await deputy.untilOver(failed)).state).toBe("failed");
    await deputy.untilEvent(open, ({ type }) => type === "question.asked");
    const [name = ""] = (await readdir(join(deputy.home, "repos"))).filter((it) =>
      it.endsWith(".git"),
    );
    return {
      mirror: openMirrors(join(deputy.home, "repos")).at(join(deputy.home, "repos", name)),
      patch: join(deputy.home, "artifacts", done, "change.patch"),
      shown: (await deputy.cli(["diff", done])).stdout,
    };
  })();
  // Merged by hand, which the next task's fetch tells; and one that nobody wants.
  repository.git("merge", "--quiet", "--ff-only", "deputy/write");
  await deputy.cli(["accept", done]); // that it was merged is recorded now, not at some start
  const thrown = await submit("Throw away", "echo e > e.txt; echo thrown");
  expect((await deputy.untilOver(thrown)).state).toBe("completed");
  expect((await deputy.cli(["discard", thrown])).code).toBe(0);
  const attemptOf = async (id: string): Promise<string> =>
    (await deputy.api("GET", `/v1/tasks/${id}`)).body.attempts[0].id;
  const [old, kept] = [await attemptOf(done), await attemptOf(open)];
  const [unwanted, undecided] = [await attemptOf(thrown), await attemptOf(failed)];
  await deputy.stop();
  await writeFile(join(deputy.home, "config.yaml"), "retention_days: 0.0000001\n");
  await deputy.start();

  const untilTold = (id: string, words: RegExp) =>
    until(
      async () => (await deputy.events(id)).some(({ message }) => words.test(message)),
      `${id} tells ${words}`,
    );
  for (const id of [done, failed, thrown]) await untilTold(id, /^Removed \d+ logs/);
  const events = await deputy.events(done);
  expect(events.map(({ type }) => type)).toEqual(["task.pruned"]);
  expect(events[0]?.message).toMatch(/^Removed \d+ logs, \d+ snapshots, \d+ events: kept for /);
  const refs = await openMirror(mirror).run(["for-each-ref", "--format=%(refname)"]);
  expect(refs).not.toContain(`refs/deputy/attempts/${old}`);
  expect(refs).not.toContain(`refs/deputy/attempts/${unwanted}`);
  expect(refs).toContain(`refs/deputy/attempts/${undecided}`);
  expect(refs).toContain(`refs/deputy/tasks/${done}`);
  expect(refs).toContain(`refs/deputy/attempts/${kept}`);
  const logs = await readdir(join(deputy.home, "logs"));
  expect(logs).toContain(`${kept}.log`);
  expect(logs).not.toContain(`${old}.log`);
  expect(logs).not.toContain(done);
  expect((await deputy.events(open)).length).toBeGreaterThan(5);

  expect(existsSync(patch)).toBe(true);
  expect((await deputy.cli(["diff", done])).stdout).toBe(shown);
  const receipt: Json = (await deputy.api("GET", `/v1/tasks/${done}/receipt`)).body;
  expect(receipt).toMatchObject({ verified: true, task: { logs_removed_at: expect.any(String) } });
  const log = await deputy.cli(["log", done]);
  expect(log.stderr).toContain(`The log of attempt 1 of ${done} was removed on 20`);
  const diff = await deputy.cli(["diff", failed]);
  expect(diff.stdout).toContain("c.txt");

  // The worktrees were put aside in that round; what was put aside goes in the next one.
  expect((await deputy.cli(["restore", failed])).code).toBe(0);
  await deputy.stop();
  await deputy.start();
  await untilTold(done, /^Removed 1 snapshots: /);
  const restored = await deputy.cli(["restore", thrown]);
  expect(restored.code).toBe(2);
  expect(restored.stderr).toContain(`${thrown} cannot be restored any more: its worktrees were`);
  // What nobody decided on keeps its snapshots, however long ago it ended.
  expect((await deputy.cli(["restore", failed])).code).toBe(0);

  await scratch.write("there");
  await deputy.cli(["retry", failed]);
  expect(await deputy.untilOver(failed)).toMatchObject({ state: "completed" });
});

test("keys, deliveries and dead processes go after a month; younger ones and what is open stay", async () => {
  const { database } = deputy;
  if (!database) throw new Error("no database");
  const submit = async (key: string, command: string) => {
    const body = {
      repository: repository.path,
      goal: `Write ${key}`,
      agent: `command:${command}`,
      checks: ["true"],
    };
    return deputy.api("POST", "/v1/tasks", body, { "idempotency-key": key });
  };
  const deliver = async (id: string) => {
    const body = JSON.stringify({ action: "created" });
    const signature = createHmac("sha256", "a-shared-secret").update(body).digest("hex");
    const headers = {
      ...{ "x-github-event": "star", "x-github-delivery": id },
      "x-hub-signature-256": `sha256=${signature}`,
    };
    const response = await fetch(`${deputy.url()}/hooks/github`, { method: "POST", headers, body });
    return ((await response.json()) as { message: string }).message;
  };
  const isSettled = async (id: string) =>
    (
      await database.query(
        "select from inbox where delivery_id = $1 and processed_at is not null",
        [id],
      )
    ).length === 1;
  const commands = {
    old: "echo k >> k.txt",
    young: "echo k >> k.txt",
    open: `echo '{"question": "?"}'`,
  };
  const ids = new Map<string, string>();
  for (const [key, command] of Object.entries(commands))
    ids.set(key, (await submit(key, command)).body.id);
  for (const key of ["old", "young"]) await deputy.untilOver(ids.get(key) ?? "");
  await deputy.untilEvent(ids.get("open") ?? "", ({ type }) => type === "question.asked");
  for (const id of ["d-old", "d-young"]) {
    expect(await deliver(id)).toMatch(/^Kept/);
    await until(() => isSettled(id), `${id} is dealt with`);
  }
  await deputy.stop();
  const age = (table: string, column: string, where: string) =>
    database.query(`update ${table} set ${column} = now() - interval '31 days' where ${where}`);
  await age("tasks", "ended_at", `id = '${ids.get("old")}'`);
  await age("idempotency_keys", "created_at", "true");
  await age("inbox", "processed_at", "delivery_id = 'd-old'");
  const processes = await database.query<{ id: string }>(
    "select id from processes order by started_at",
  );
  const [oldest] = processes;
  await age("processes", "ended_at", `id = '${oldest?.id}'`);
  await age("processes", "heartbeat_at", `id = '${oldest?.id}'`);
  await deputy.start();

  const ask = <Row extends { id: string }>(sql: string) =>
    database.query<Row>(sql).then((rows) => rows.map(({ id }) => id));
  await until(
    async () => !(await ask("select id from processes")).includes(oldest?.id ?? ""),
    "the oldest process is forgotten",
  );
  expect(await ask("select id from processes")).toEqual(
    expect.arrayContaining(processes.slice(1).map(({ id }) => id)),
  );
  expect(await ask("select key as id from idempotency_keys order by 1")).toEqual(["open", "young"]);
  expect(await ask("select delivery_id as id from inbox")).toEqual(["d-young"]);
  for (const key of ["young", "open"] as const)
    expect((await submit(key, commands[key])).body.id).toBe(ids.get(key));
  expect(await deliver("d-young")).toMatch(/already/);
  const again = await submit("old", commands.old);
  expect(again.status).toBe(202);
  expect(again.body.id).not.toBe(ids.get("old"));
});

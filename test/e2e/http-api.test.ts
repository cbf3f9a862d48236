import { readFile, stat } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readStream } from "../http/helpers.ts";
import type { EventJson, Json } from "../support/deputy.ts";
import { withDeputy } from "../support/fixtures.ts";
import { greetingProject, repairGreeting } from "../support/repository.ts";

/** The HTTP API on the real daemon: keys, pages, replay across a restart, doors that stay shut. */

const { deputy, repository } = withDeputy({ files: greetingProject });

const input = (goal: string) => ({
  goal,
  repository: repository.path,
  agent: repairGreeting,
  checks: ["npm test"],
});

/** A request with a Host header of our own, which fetch does not allow. */
function knock(path: string, host: string): Promise<number> {
  const url = new URL(deputy.url());
  return new Promise((resolve, reject) => {
    request({ host: url.hostname, port: url.port, path, headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on("error", reject)
      .end();
  });
}

test("the token is made on first run, for its owner alone, and nothing is told without it", async () => {
  const { mode } = await stat(join(deputy.home, "token"));
  expect(mode & 0o777).toBe(0o600);
  for (const path of ["/v1/tasks", "/metrics"]) {
    const response = await fetch(deputy.url() + path);
    expect(response.status).toBe(401);
    expect(response.headers.get("content-type")).toContain("application/problem+json");
  }
  expect((await fetch(`${deputy.url()}/healthz`)).status).toBe(200);
  expect(await knock("/healthz", "evil.example")).toBe(403);
  expect(await knock("/healthz", "localhost")).toBe(200);
});

test("an Idempotency-Key makes one task however often and at once it comes, and refuses another body", async () => {
  const send = (goal: string) =>
    deputy.api("POST", "/v1/tasks", input(goal), { "idempotency-key": "key-1" });
  const answers = await Promise.all(Array.from({ length: 8 }, () => send("Once only")));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  const other = await send("Something else");
  expect(other.status).toBe(409);
  expect(other.body).toMatchObject({ code: "conflict", status: 409 });
  expect(other.body.detail).toContain(answers[0]?.body.id);
  expect((await deputy.untilOver(answers[0]?.body.id)).state).toBe("completed");
});

test("pages go through all tasks once, newest first, and states filter", async () => {
  const made: string[] = [];
  for (let i = 0; i < 5; i++) {
    const { body } = await deputy.api("POST", "/v1/tasks", {
      ...input(`Page ${i}`),
      agent: "command:true",
    });
    made.unshift(body.id);
  }
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor ? `&cursor=${cursor}` : "";
    const { body } = await deputy.api("GET", `/v1/tasks?limit=2${query}`);
    expect(body.tasks[0]).not.toHaveProperty("attachments");
    seen.push(...body.tasks.map(({ id }: Json) => id));
    cursor = body.next_cursor;
  } while (cursor);
  expect(seen.slice(0, 5)).toEqual(made);
  expect(new Set(seen).size).toBe(seen.length);
  for (const id of made) await deputy.untilOver(id);
  const failed = (await deputy.api("GET", "/v1/tasks?state=failed")).body.tasks;
  expect(failed.map(({ id }: Json) => id).sort()).toEqual([...made].sort());
  const forged = Buffer.from(JSON.stringify(["1", `task_${"0".repeat(20)}`])).toString("base64url");
  for (const cursor of ["nonsense", forged])
    expect((await deputy.api("GET", `/v1/tasks?cursor=${cursor}`)).status).toBe(400);
  expect((await deputy.api("GET", "/v1/tasks?state=done")).status).toBe(400);
});

test("a watcher misses nothing and sees nothing twice when the daemon is killed meanwhile", async () => {
  const { body: task } = await deputy.api("POST", "/v1/tasks", {
    ...input("Across a restart"),
    agent: "command:sleep 1; sed -i s/Hullo/Hello/ src/greeting.js",
  });
  const first = await deputy.untilEvent(task.id, ({ type }) => type === "attempt.started");
  await deputy.kill();
  await deputy.start();
  const streamed: EventJson[] = [];
  await deputy.untilEvent(task.id, (event) => {
    streamed.push(event);
    return event.type === "task.completed";
  });
  const stored = await deputy.events(task.id);
  expect(streamed.map(({ seq }) => seq)).toEqual(stored.map(({ seq }) => seq));
  const replayed = await readReplay(task.id, first.seq);
  expect(replayed).toEqual(stored.map(({ seq }) => seq).filter((seq) => seq > first.seq));
});

/** The sequence numbers that a client gets that comes with this Last-Event-ID, to the stream's end. */
async function readReplay(id: string, after: number): Promise<number[]> {
  const { body } = await deputy.api("GET", `/v1/tasks/${id}/events`, undefined, {
    accept: "text/event-stream",
    "last-event-id": String(after),
  });
  expect(body).toMatch(/event: end\n/);
  return [...(body as string).matchAll(/^id: (\d+)$/gm)].map(([, seq]) => Number(seq));
}

test("evidence by HTTP: diff, receipt in both forms, log, why, metrics", async () => {
  const task = await deputy.run(input("All the evidence"));
  const path = `/v1/tasks/${task.id}`;
  const diff = await deputy.api("GET", `${path}/diff`);
  expect(diff.headers.get("content-type")).toContain("text/x-diff");
  expect(diff.body).toContain("+export const greet = (name) => ['Hello', name]");
  const markdown = await deputy.api("GET", `${path}/receipt`, undefined, {
    accept: "text/markdown",
  });
  expect(markdown.body).toContain("**Verified**");
  expect((await deputy.api("GET", `${path}/receipt`)).body).toMatchObject({
    format: "deputy.receipt/1",
    verified: true,
  });
  expect((await deputy.api("GET", `${path}/why`)).body).toMatchObject({
    state: "completed",
    subtasks: [],
  });
  expect((await deputy.api("GET", `${path}/log`)).status).toBe(200);
  expect((await deputy.api("GET", "/metrics")).body).toMatch(
    /^deputy_tasks\{state="completed"\} [1-9]/m,
  );
});

test("the stream of all tasks goes on after the daemon was killed, and misses nothing", async () => {
  const token = (await readFile(join(deputy.home, "token"), "utf8")).trim();
  const follow = async (cursor?: string) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(cursor && { "last-event-id": cursor }),
    };
    return readStream(await fetch(`${deputy.url()}/v1/stream`, { headers }));
  };
  const stream = await follow();
  const first = await stream.next();
  expect(first).toMatchObject({ event: "snapshot", id: expect.any(String) });
  const { body: task } = await deputy.api("POST", "/v1/tasks", input("Seen live"));
  let cursor: string | null = null;
  for (let seen = false; !seen; ) {
    const event = await stream.next();
    cursor = event?.id ?? cursor;
    seen = event?.event === "tasks" && event.data.includes(task.id);
  }
  await deputy.kill();
  expect(await stream.next().catch(() => null)).toBeNull();
  await deputy.start();
  const { body: other } = await deputy.api("POST", "/v1/tasks", input("Missed"));
  await deputy.untilOver(other.id);
  await deputy.untilOver(task.id);
  const again = await follow(cursor ?? "");
  const missed = await again.next();
  expect(missed?.event).toBe("tasks");
  const { counts, tasks } = JSON.parse(missed?.data ?? "{}");
  const states = Object.fromEntries(tasks.map(({ id, state }: Json) => [id, state]));
  expect(states).toMatchObject({ [task.id]: "completed", [other.id]: "completed" });
  expect(counts.completed).toBeGreaterThanOrEqual(2);
  await again.cancel();
});

test("the API describes itself, and every route that it names answers", async () => {
  const { paths, openapi } = (await deputy.api("GET", "/openapi.json")).body;
  expect(openapi).toMatch(/^3\.1/);
  const wanted = [
    "/v1/tasks",
    "/v1/tasks/{id}",
    "/v1/tasks/{id}/events",
    "/v1/tasks/{id}/diff",
    "/v1/tasks/{id}/receipt",
    "/v1/tasks/{id}/why",
    "/v1/tasks/{id}/log",
    "/v1/tasks/{id}/cancel",
    "/v1/tasks/{id}/retry",
    "/v1/tasks/{id}/accept",
    "/v1/tasks/{id}/discard",
    "/v1/tasks/{id}/answer",
    "/v1/tasks/{id}/restore",
    "/hooks/github",
    "/healthz",
    "/readyz",
    "/metrics",
  ];
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(wanted));
  // The stream has no end, a session is a browser's, and no push goes to browsers here.
  const apart = ["/v1/stream", "/v1/session", "/v1/push/key"];
  const plain = (path: string) => paths[path].get && !path.includes("{") && !apart.includes(path);
  for (const path of Object.keys(paths).filter(plain)) {
    expect((await deputy.api("GET", path)).status, path).toBe(200);
  }
  expect((await fetch(`${deputy.url()}/docs`)).status).toBe(200);
});

test("an agent's environment holds neither the token nor the database's address", async () => {
  const token = (await readFile(join(deputy.home, "token"), "utf8")).trim();
  const task = await deputy.run({
    ...input("Look for secrets"),
    agent: `command:env > env.txt; sed -i s/Hullo/Hello/ src/greeting.js`,
  });
  const diff = (await deputy.api("GET", `/v1/tasks/${task.id}/diff`)).body as string;
  expect(diff).toContain("DEPUTY_TASK_ID=");
  for (const secret of [token, deputy.database?.url ?? "", "DATABASE_URL"])
    expect(diff).not.toContain(secret);
});

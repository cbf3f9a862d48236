import { describe, expect, test } from "vitest";
import { problemWire } from "../../src/api/daemon.ts";
import { ladderWire } from "../../src/api/task/ladder.ts";
import { newTaskWire, taskWire } from "../../src/api/task/task.ts";
import { taskDetailWire, taskListWire } from "../../src/api/task/task-detail.ts";
import { whyWire } from "../../src/api/task/why.ts";
import { sendRaw, startTestServer, token } from "./helpers.ts";

const good = { goal: "Fix it", repository: "/repo" };

describe("POST /v1/tasks", () => {
  test("answers 202 with the task and where it is", async () => {
    const { post, service } = await startTestServer();
    const response = await post("/v1/tasks", good);
    const task = taskWire.strict().parse(await response.json());
    expect(response.status).toBe(202);
    expect(response.headers.get("location")).toBe(`/v1/tasks/${task.id}`);
    expect(task).toMatchObject({ goal: "Fix it", state: "queued", timeout_minutes: 60 });
    expect(service.origins).toEqual([
      { source: "http", subject: null, outsideText: null, replyTo: null, reviewedAgainst: null },
    ]);
  });

  test("the same key with the same body is the same task, whatever the order of its fields", async () => {
    const { post } = await startTestServer();
    const key = { "idempotency-key": "k1" };
    const first = await post("/v1/tasks", good, key);
    const again = await post("/v1/tasks", { repository: "/repo", goal: "Fix it" }, key);
    const other = await post("/v1/tasks", { ...good, goal: "Break it" }, key);
    expect([first.status, again.status, other.status]).toEqual([202, 202, 409]);
    expect(await again.json()).toEqual(await first.json());
    expect(first.headers.get("idempotency-replayed")).toBeNull();
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    for (const bad of ["", "with space", "x".repeat(256), "é"]) {
      const refused = await post("/v1/tasks", good, { "idempotency-key": bad });
      expect(refused.status).toBe(400);
    }
  });

  test.each<[string, object, string, string | undefined]>([
    ["no goal", { repository: "/r" }, '"goal" is missing; it must be a string.', "goal"],
    ["an empty goal", { ...good, goal: "  " }, '"goal" must not be empty.', "goal"],
    [
      "a goal of 2 MB",
      { ...good, goal: "x".repeat(2_000_000) },
      '"goal" must be at most 64000 characters; put long material into attachments.',
      "goal",
    ],
    ["a wrong type", { ...good, goal: 3 }, '"goal" must be a string, not a number.', "goal"],
    ["an unknown field", { ...good, gaol: 1 }, 'The body has an unknown field: "gaol".', undefined],
    [
      "no list",
      { ...good, checks: "npm test" },
      '"checks" must be an array, not a string.',
      "checks",
    ],
    [
      "a wrong entry",
      { ...good, checks: ["a", ""] },
      '"checks[1]" must not be empty.',
      "checks[1]",
    ],
    [
      "an unknown agent",
      { ...good, agent: "gpt" },
      '"agent" is no known agent; use "builtin", "codex", "claude", "opencode", "acp:<program and arguments>" or "command:<program and arguments>".',
      "agent",
    ],
    [
      "another delivery",
      { ...good, deliver: "mail" },
      '"deliver" must be one of branch, pr.',
      "deliver",
    ],
    [
      "a negative time",
      { ...good, timeout_minutes: -1 },
      '"timeout_minutes" must be more than 0.',
      "timeout_minutes",
    ],
    [
      "a plan with unknown keys",
      { ...good, plan: { subtasks: [{ id: "a", title: "A", depend_on: [] }] } },
      '"plan.subtasks[0]" has an unknown field: "depend_on".',
      "plan.subtasks[0]",
    ],
    [
      "an empty plan",
      { ...good, plan: { subtasks: [] } },
      '"plan.subtasks" must have at least 1 entry.',
      "plan.subtasks",
    ],
    [
      "a NUL",
      { ...good, checks: ["a\0b"] },
      '"checks[0]" holds a NUL or half of a surrogate pair, which cannot be stored.',
      "checks[0]",
    ],
    [
      "half a character",
      { ...good, goal: "\ud83d" },
      '"goal" holds a NUL or half of a surrogate pair, which cannot be stored.',
      "goal",
    ],
  ])("refuses %s in one sentence", async (_what, body, detail, field) => {
    const { post, service } = await startTestServer();
    const response = await post("/v1/tasks", body);
    const problem = problemWire.strict().parse(await response.json());
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(problem).toEqual({
      type: "about:blank",
      title: "Bad Request",
      status: 400,
      detail,
      code: "invalid_input",
      ...(field && { field }),
    });
    expect(service.tasks.size).toBe(0);
  });

  test.each([
    [
      '{"goal": "x",\n"repository": }',
      `The body is not valid JSON: unexpected token '}', ..."ository": }".`,
    ],
    [
      '{"goal": "x",\n"repository" "/r"}',
      "The body is not valid JSON: something is wrong at line 2, column 14.",
    ],
    ['{"goal": "x"', "The body is not valid JSON: it ends too early."],
    ["", "The body is missing; it must be an object."],
    ["[]", "The body must be an object, not an array."],
    [JSON.stringify({ ...good, budget: { turns: 1.5 } }), '"budget.turns" must be a whole number.'],
    ['{"goal":"x","__proto__":{"a":1}}', "The body is not valid JSON: it names __proto__"],
  ])("refuses the body %j", async (body, detail) => {
    const { call } = await startTestServer();
    const headers = { "content-type": "application/json" };
    const response = await call("/v1/tasks", { method: "POST", body, headers });
    expect(response.status).toBe(400);
    expect(((await response.json()) as { detail: string }).detail).toContain(detail);
  });

  test("refuses broken UTF-8 and takes whole UTF-8", async () => {
    const { url, post } = await startTestServer();
    const body = Buffer.from('{"goal":"caf\xe9","repository":"/r"}', "latin1");
    const answer = await sendRaw(
      url,
      `POST /v1/tasks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
      body,
    );
    expect(answer).toContain("400 Bad Request");
    expect(answer).toContain("The body is not valid UTF-8.");
    const task = (await (
      await post("/v1/tasks", { ...good, goal: "café 👩‍🚀 \u2028" })
    ).json()) as object;
    expect(task).toMatchObject({ goal: "café 👩‍🚀 \u2028" });
  });

  test("refuses 50 MB with an answer that arrives", async () => {
    const { post, service } = await startTestServer();
    const response = await post("/v1/tasks", { ...good, goal: "x".repeat(50 * 1024 * 1024) });
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      code: "too_large",
      detail: "The body is larger than this route accepts: at most 8 MiB.",
    });
    expect(service.tasks.size).toBe(0);
  });

  test("refuses what is not JSON", async () => {
    const { call } = await startTestServer();
    const response = await call("/v1/tasks", { method: "POST", body: "goal=x" });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ code: "unsupported_media_type" });
  });

  test("the example in the document is valid input", () => {
    expect(newTaskWire.parse({ ...good, checks: ["npm test"] })).toBeTruthy();
  });
});

describe("reading", () => {
  test("lists newest first, page by page, by state", async () => {
    const { call, submit, service } = await startTestServer();
    const ids = [await submit(), await submit(), await submit()].map(({ id }) => id).reverse();
    service.change(ids[0] ?? "", { state: "running" });
    const read = async (query: string) =>
      taskListWire.strict().parse(await (await call(`/v1/tasks${query}`)).json());
    const first = await read("?limit=2");
    const second = await read(`?limit=2&cursor=${first.next_cursor}`);
    expect([...first.tasks, ...second.tasks].map(({ id }) => id)).toEqual(ids);
    expect(second.next_cursor).toBeNull();
    expect((await read("?state=running")).tasks.map(({ id }) => id)).toEqual([ids[0]]);
    for (const bad of ["?limit=0", "?limit=a", "?state=done", "?page=2"]) {
      expect((await call(`/v1/tasks${bad}`)).status).toBe(400);
    }
  });

  test("shows a task by the beginning of its id, without or with task_, and the last one", async () => {
    const { call, submit } = await startTestServer();
    const { id } = await submit();
    for (const name of [id.slice(0, 14), id.slice(5, 14), id.slice(5), "last"]) {
      const detail = taskDetailWire.parse(await (await call(`/v1/tasks/${name}`)).json());
      expect(detail.task.id).toBe(id);
    }
    whyWire.parse(await (await call(`/v1/tasks/${id}/why`)).json());
    ladderWire.parse(await (await call(`/v1/tasks/${id}/ladder`)).json());
  });

  test.each([
    ["task_zzzzzzzzzzzzzzzzzzzz", 404, "There is no task task_zzzzzzzzzzzzzzzzzzzz."],
    [
      "sub_zzzzzzzzzzzzzzzzzzzz",
      400,
      '"id" must be the id of a task (task_…); "sub_zzzzzzzzzzzzzzzzzzzz" is the id of a subtask.',
    ],
    [
      "task_z",
      400,
      '"id" is too short: give at least 8 characters of the task\'s id, not "task_z".',
    ],
    ["12", 400, '"id" must be the id of a task (task_…) or "last", not "12".'],
    [
      "task_zzzzzzzzzzzzzzzzzzzzz",
      400,
      '"id" is too long: the id of a task is task_ and 20 characters, not "task_zzzzzzzzzzzzzzzzzzzzz".',
    ],
    ["..%2F..%2Fetc", 400, '"id" must be the id of a task (task_…) or "last", not "../../etc".'],
    [
      "task_%00aaaaaa",
      400,
      '"id" must be the id of a task (task_…) or "last", not "task_\\u0000aaaaaa".',
    ],
  ])("answers for the id %s with %i", async (id, status, detail) => {
    const { call } = await startTestServer();
    for (const path of ["", "/events", "/diff", "/receipt", "/why", "/ladder", "/log"]) {
      const response = await call(`/v1/tasks/${id}${path}`);
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ detail });
    }
    for (const verb of ["cancel", "retry", "accept", "update", "rollback", "discard", "restore"]) {
      const response = await call(`/v1/tasks/${id}/${verb}`, { method: "POST" });
      expect(response.status).toBe(status);
    }
  });

  test("gives the diff, the receipt in two forms, and the log", async () => {
    const { call, submit } = await startTestServer();
    const { id } = await submit();
    const diff = await call(`/v1/tasks/${id}/diff`);
    expect(diff.headers.get("content-type")).toBe("text/x-diff; charset=utf-8");
    expect(await diff.text()).toContain("+new");
    const receipt = (query: string, accept?: string) =>
      call(`/v1/tasks/${id}/receipt${query}`, accept ? { headers: { accept } } : {});
    expect(await (await receipt("")).json()).toEqual({ goal: "Fix it" });
    expect(await (await receipt("?format=md")).text()).toBe("# Fix it\n");
    expect(await (await receipt("", "text/markdown, */*;q=0.1")).text()).toBe("# Fix it\n");
    expect((await receipt("", "image/png")).status).toBe(406);
    expect(await (await call(`/v1/tasks/${id}/log?attempt=2&tail_bytes=9`)).text()).toBe(
      "attempt 2 of any, 9 bytes\n",
    );
  });
});

describe("commands", () => {
  test("reach the service and answer with what it says", async () => {
    const { post, submit, service } = await startTestServer();
    const { id } = await submit();
    const answer = await post(`/v1/tasks/${id}/answer`, { answer: "yes", question_id: "que_1" });
    expect(answer.status).toBe(200);
    expect(service.answers).toEqual([{ answer: "yes", questionId: "que_1" }]);
    expect((await post(`/v1/tasks/${id}/answer`, { answer: " " })).status).toBe(400);
    expect((await post(`/v1/tasks/${id}/answer`)).status).toBe(400);
    expect(await (await post(`/v1/tasks/${id}/accept`)).json()).toMatchObject({
      task: { id },
      detail: "Merged into main.",
    });
    expect(await (await post(`/v1/tasks/${id}/update`)).json()).toMatchObject({
      detail: "Up to date with main already.",
    });
    expect(await (await post(`/v1/tasks/${id}/rollback`)).json()).toMatchObject({
      detail: "Undone on main.",
    });
    expect(await (await post(`/v1/tasks/${id}/discard`)).json()).toMatchObject({ task: { id } });
    expect(await (await post(`/v1/tasks/${id}/restore`)).json()).toEqual({
      worktrees: [{ subtask_id: "sub_1", path: "/tmp/wt" }],
      detail: "Restored one.",
    });
    const cancel = await post(`/v1/tasks/${id}/cancel`);
    expect(cancel.status).toBe(202);
    expect(await cancel.json()).toMatchObject({ state: "cancelled", hold: null });
    const again = await post(`/v1/tasks/${id}/cancel`);
    expect(again.status).toBe(409);
    expect(await again.json()).toMatchObject({
      code: "conflict",
      detail: "The task is cancelled already.",
    });
    expect((await post(`/v1/tasks/${id}/retry`)).status).toBe(202);
  });
});

import { createHmac, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../../src/config/config.ts";
import { DeputyError } from "../../src/core/base/error.ts";
import { makeGuards } from "../../src/daemon/triggers/guards.ts";
import { countComments } from "../../src/delivery/forges/count-comments.ts";
import { stopForSubject } from "../../src/orchestrator/commands/stop-for-subject.ts";
import {
  acceptTask,
  batchCreations,
  type IntakeRequest,
  type IntakeRules,
} from "../../src/orchestrator/intake/intake.ts";
import { changeOrigin } from "../../src/orchestrator/questions/approval-question.ts";
import { makeAdvanceDeps } from "../../src/orchestrator/transitions/advance.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import { isBranchOfOurs } from "../../src/store/tasks/branches.ts";
import { findActiveTask, findDeliverer, getTask } from "../../src/store/tasks/tasks.ts";
import {
  insertDelivery,
  listLanes,
  listOpenDeliveries,
  noteDelivery,
  settleDelivery,
} from "../../src/store/triggers/inbox.ts";
import { inboxSource } from "../../src/triggers/folder/take-file.ts";
import { normalize } from "../../src/triggers/forges/receive-forge.ts";
import type { GithubRule } from "../../src/triggers/github/github-rule.ts";
import type { Account } from "../../src/triggers/github/github-trust.ts";
import type { CommandDeps, InboxDeps } from "../../src/triggers/github/inbox-deps.ts";
import { processInbox } from "../../src/triggers/github/process-inbox.ts";
import { receiveDelivery } from "../../src/triggers/github/receive-github.ts";
import { readGuards } from "../../src/triggers/guards/guard-rule.ts";
import type { Inbox } from "../../src/triggers/inbox.ts";
import { processLocal } from "../../src/triggers/process-local.ts";
import { parseTriggerRules } from "../../src/triggers/rules.ts";
import { makeLanes } from "../../src/triggers/run-lanes.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";
import { until } from "../support/until.ts";
import { giteaIssueHook, giteaLabel, change as merge } from "./forges/payloads.ts";
import { everyRule, examplePayload } from "./github/payloads.ts";

let database: TestDatabase;
let store: Store;
let inbox: Inbox;

beforeAll(async () => {
  database = await createTestDatabase();
  store = await openStore(database.connection, {
    onError: (error) => {
      throw error;
    },
  });
  const { db } = store;
  inbox = {
    insert: (delivery) => insertDelivery(db, delivery),
    listOpen: (...given) => listOpenDeliveries(db, ...given),
    settle: (id, end) => settleDelivery(db, id, end),
    note: (id, note) => noteDelivery(db, id, note),
  };
});
afterAll(async () => {
  await store.close();
  await database.drop();
});
beforeEach(async () => {
  await store.db.deleteFrom("inbox").execute();
});

const secret = "s3cret";

function knock(
  event: string,
  body: unknown,
  options: { id?: string; signature?: string; secrets?: string[]; raw?: Buffer } = {},
) {
  const rawBody = options.raw ?? Buffer.from(JSON.stringify(body));
  const hmac = createHmac("sha256", secret).update(rawBody).digest("hex");
  return receiveDelivery(
    {
      secrets: options.secrets ?? [secret],
      insertDelivery: inbox.insert,
      isPolled: async () => false,
    },
    {
      id: options.id ?? randomUUID(),
      event,
      signature: options.signature ?? `sha256=${hmac}`,
      rawBody,
    },
  );
}

function makeDeps(changes: Partial<InboxDeps> = {}): InboxDeps & { logged: string[] } {
  const { db } = store;
  const intake: IntakeRules = {
    db,
    ...batchCreations(db),
    ...makeAdvanceDeps(db, () => []),
    announce: async () => "evt_unused",
    defaultAgent: () => "builtin",
    requireAgent: () => {},
    defaultTimeoutMs: () => null,
    checkRepository: async (repository) => repository,
    requirePullRequests: () => {},
    defaultBudget: null,
    defaultWhenStuck: "ask",
    unpricedModel: () => null,
  };
  const logged: string[] = [];
  return {
    forge: "github",
    wasLabelled: null,
    inbox,
    rules: () => everyRule,
    submit: (request) => acceptTask(intake, request),
    admit: async () => {},
    requireQuiet: async () => {},
    findActiveTask: (subject) => findActiveTask(db, subject),
    findEarlier: async () => null,
    rework: () => Promise.reject(new Error("there was nothing to rework")),
    retry: () => Promise.reject(new Error("there was nothing to retry")),
    findDeliverer: (url) => findDeliverer(db, url),
    decide: async () => null,
    tell: async () => null,
    stop: (taskId, about) => stopForSubject(intake, taskId, about),
    changeOrigin: (taskId, change) => changeOrigin(intake, taskId, change),
    hasWriteAccess: null,
    isOwnBranch: (branch) => isBranchOfOurs(db, branch),
    commands: null,
    own: null,
    log: (_level, _fields, message) => logged.push(message),
    logged,
    ...changes,
  };
}

const rows = () => store.db.selectFrom("inbox").selectAll().orderBy("receivedAt").execute();
let issueNumber = 100;
const newIssue = (changes = {}) =>
  examplePayload("issues", "opened", { issue: { number: ++issueNumber, ...changes } });
const finish = (taskId: string) =>
  store.db
    .updateTable("tasks")
    .set({ state: "completed", holdKind: null, holdReason: null, holdOn: null })
    .where("id", "=", taskId)
    .execute();

test("a signed delivery is kept once, however often it comes", async () => {
  const id = randomUUID();
  const payload = newIssue();
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => knock("issues", payload, { id })),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  expect(answers.filter(({ message }) => message.startsWith("Kept"))).toHaveLength(1);
  expect(await rows()).toHaveLength(1);
  expect(await processInbox(makeDeps())).toEqual({ settled: 1, open: 0 });
  expect((await knock("issues", payload, { id })).message).toMatch(/already/);
  expect((await knock("issues", payload, { id: id.toUpperCase() })).message).toMatch(/already/);
  expect(await processInbox(makeDeps())).toEqual({ settled: 0, open: 0 });
});

test("without a secret the door is closed and says how to open it", async () => {
  expect(await knock("issues", {}, { secrets: [] })).toEqual({
    status: 503,
    message: "Webhooks are off: set GITHUB_WEBHOOK_SECRET to turn them on.",
  });
});

test.each([
  ["a wrong signature", 401, { signature: `sha256=${"0".repeat(64)}` }],
  ["a signature that is no ASCII", 401, { signature: "sha256=é" }],
  ["no JSON", 400, { raw: Buffer.from("payload=%7B%7D") }],
  ["a list", 400, { raw: Buffer.from("[]") }],
  ["broken UTF-8", 400, { raw: Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]) }],
  ["no body", 400, { raw: Buffer.alloc(0) }],
  ["an id that is none", 400, { id: "../../etc" }],
  [
    "JSON of many levels",
    400,
    { raw: Buffer.from(`{"a":${"[".repeat(50_000)}${"]".repeat(50_000)}}`) },
  ],
  ["a NUL in the action", 400, { raw: Buffer.from('{"action":"open\\u0000ed"}') }],
])("%s is refused with %i and not kept", async (_, status, options) => {
  const answer = await knock("issues", newIssue(), options);
  expect(answer.status).toBe(status);
  expect(answer.message).toMatch(/\.$/);
  expect(await rows()).toEqual([]);
});

test("what a database chokes on is kept all the same, and becomes a task", async () => {
  const raw = Buffer.from(JSON.stringify(newIssue({ body: "NUL \0 lone \ud800 text \\u0000 👍" })));
  expect((await knock("issues", null, { raw })).status).toBe(202);
  await processInbox(makeDeps());
  const [row] = await rows();
  const task = await getTask(store.db, row?.taskId ?? "");
  expect(task?.origin.outsideText).toContain("NUL \ufffd lone \ufffd text \\u0000 👍");
});

test("an issue becomes a task, its row says why, and its payload is let go", async () => {
  await knock("issues", newIssue({ title: "Crash on start" }));
  await processInbox(makeDeps());
  const [row] = await rows();
  expect(row).toMatchObject({
    action: "opened",
    subject: `github:Codertocat/Hello-World#${issueNumber}`,
    result: "change: issues.opened fits github[0]; Codertocat owns the repository",
    payload: {},
  });
  expect(await getTask(store.db, row?.taskId ?? "")).toMatchObject({
    state: "queued",
    delivery: "pr",
    origin: { source: "github", outsideText: expect.stringContaining("Crash on start") },
  });
});

test("what fits no rule is settled with its reason", async () => {
  await knock("star", { action: "created" });
  await processInbox(makeDeps());
  expect(await rows()).toMatchObject([
    { result: "ignored: star.created is not an event that can start a task", taskId: null },
  ]);
});

test("a crash between submitting and recording makes no second task", async () => {
  await knock("issues", newIssue());
  const deps = makeDeps();
  const dying = { ...inbox, settle: () => Promise.reject(new Error("killed")) };
  const isDown = { ...dying, note: dying.settle };
  await expect(processInbox({ ...deps, inbox: isDown })).rejects.toThrow("killed");
  expect(await processInbox(deps)).toEqual({ settled: 1, open: 0 });
  const [row] = await rows();
  expect(row?.taskId).toMatch(/^task_/);
  const subject = `github:Codertocat/Hello-World#${issueNumber}`;
  const tasks = await store.db
    .selectFrom("tasks")
    .select("id")
    .where("subject", "=", subject)
    .execute();
  expect(tasks).toEqual([{ id: row?.taskId }]);
});

test("a second event about an issue that is being worked on joins its task", async () => {
  const payload = newIssue();
  await knock("issues", payload);
  await knock("issues", payload);
  await processInbox(makeDeps());
  const [first, second] = await rows();
  expect(second).toMatchObject({
    result: `joined: ${first?.taskId} is at work on it`,
    taskId: first?.taskId,
  });
});

test("a pull request that moves on waits for its review to end; then only the newest counts", async () => {
  const push = (sha: string) =>
    knock(
      "pull_request",
      examplePayload("pull_request", "synchronize", {
        pull_request: { number: 77, head: { sha: sha.repeat(40) } },
      }),
    );
  await push("a");
  await processInbox(makeDeps());
  const [first] = await rows();
  await push("b");
  await push("c");
  expect(await processInbox(makeDeps())).toEqual({ settled: 1, open: 1 });
  expect((await rows()).map(({ result }) => result)).toEqual([
    expect.stringMatching(/^review: /),
    expect.stringMatching(/^superseded by /),
    `waits for ${first?.taskId} to end`,
  ]);
  await finish(first?.taskId ?? "");
  expect(await processInbox(makeDeps())).toEqual({ settled: 1, open: 0 });
  const last = (await rows()).at(-1);
  expect(await getTask(store.db, last?.taskId ?? "")).toMatchObject({
    base: "c".repeat(40),
    delivery: "comment",
    expectsChange: false,
  });
});

/** An event about the newest issue, once it is processed. */
async function happen(event: string, payload: unknown) {
  const id = randomUUID();
  await knock(event, payload, { id });
  await processInbox(makeDeps());
  return (await rows()).find(({ deliveryId }) => deliveryId === id);
}

test("closing the issue, or taking its label away, stops the task; another label does not", async () => {
  const about = () => ({ issue: { number: issueNumber } });
  const start = async () => {
    const issue = { number: ++issueNumber, state: "open" };
    const payload = examplePayload("issues", "labeled", { issue, label: { name: "bug" } });
    const taskId = (await happen("issues", payload))?.taskId ?? "";
    expect(await getTask(store.db, taskId)).toMatchObject({ state: "queued" });
    return taskId;
  };
  const take = (name: string) =>
    happen("issues", examplePayload("issues", "unlabeled", { ...about(), label: { name } }));
  const labelled = await start();
  expect((await take("help wanted"))?.result).toMatch(/was not started for that label$/);
  expect(await take("Bug")).toMatchObject({ taskId: labelled, result: `stopped: ${labelled}` });
  expect(await getTask(store.db, labelled)).toMatchObject({ state: "cancelled" });

  const closed = await start();
  const close = () =>
    happen("issues", examplePayload("issues", "reopened", { action: "closed", ...about() }));
  expect((await close())?.result).toBe(`stopped: ${closed}`);
  expect(await getTask(store.db, closed)).toMatchObject({ state: "cancelled" });
  expect((await close())?.result).toBe("ignored: no task is about it");

  const late = await start();
  const preparation = {
    ...{ baseCommit: "a".repeat(40), baseRef: "main", mirror: "/m", setup: [], checks: [] },
    ...{ checksSource: "none", delivery: null, protectedPaths: [], forkCommit: null },
  };
  const set = {
    ...{ state: "delivering" as const, preparation: JSON.stringify(preparation) },
    ...{ headCommit: "d".repeat(40), holdReason: "a slot", holdOn: ["slot:deliver"] },
  };
  await store.db.updateTable("tasks").set(set).where("id", "=", late).execute();
  expect((await close())?.result).toMatch(/^asked whether task_\w+ goes on/);
  const task = await getTask(store.db, late);
  expect(task).toMatchObject({ state: "delivering", pausedAt: expect.any(Date) });
  const [asked] = await store.db
    .selectFrom("questions")
    .selectAll()
    .where("taskId", "=", late)
    .execute();
  expect(task?.hold).toMatchObject({ kind: "question", questionId: asked?.id });
  expect(asked?.text).toMatch(/closed Codertocat\/Hello-World#\d+, and the work is nearly done/);
});

test("closing a pull request stops the task that delivered it and is at work on it again", async () => {
  const taskId = (await happen("issues", newIssue()))?.taskId ?? "";
  const html_url = "https://github.com/Codertocat/Hello-World/pull/900";
  const pull_request = { number: 900, html_url };
  const payload = examplePayload("pull_request", "closed", { pull_request });
  expect((await happen("pull_request", payload))?.taskId).toBeNull();
  await store.db
    .updateTable("tasks")
    .set({ deliveryUrl: html_url })
    .where("id", "=", taskId)
    .execute();
  expect(await happen("pull_request", payload)).toMatchObject({
    taskId,
    result: `stopped: ${taskId}`,
  });
});

test("a storm of issues opens the breaker, and what a cap holds back waits", async () => {
  const deps = makeDeps();
  const { db } = store;
  const advance = { ...makeAdvanceDeps(db, () => []), announce: async () => "evt_unused" };
  const nobody = loadConfig({ DEPUTY_HOME: "/nonexistent" });
  const { admit } = makeGuards(db, advance, nobody, deps.log);
  const [rule] = everyRule.github;
  const rules = (changes: object) => ({
    ...everyRule,
    github: [
      { ...(rule as GithubRule), name: "issues", guards: { ...readGuards({}), ...changes } },
    ],
  });
  const capped = makeDeps({ admit, rules: () => rules({ maxPerDay: 1 }) });
  for (let n = 0; n < 2; n++) await knock("issues", newIssue());
  expect(await processInbox(capped)).toEqual({ settled: 1, open: 1 });
  expect((await rows()).at(-1)?.result).toMatch(
    /^waits until .*issues may start no more than 1 in a day/,
  );

  await store.db
    .updateTable("inbox")
    .set({ result: null })
    .where("processedAt", "is", null)
    .execute();
  for (let n = 0; n < 10; n++) await knock("issues", newIssue());
  await processInbox(makeDeps({ admit, rules: () => rules({ breaker: 8 }) }));
  const all = await rows();
  expect(all.filter(({ taskId }) => taskId !== null)).toHaveLength(8);
  expect(all.at(-1)?.result).toMatch(/^refused: breaker open since .*deputy trigger reset issues/);
  const { state } = (await getTask(db, all[0]?.taskId ?? "")) ?? {};
  expect(state).toBe("cancelled");
});

test("what was let through and could not start does not, once the breaker is open", async () => {
  const { db } = store;
  const nobody = loadConfig({ DEPUTY_HOME: "/nonexistent" });
  const advance = { ...makeAdvanceDeps(db, () => []), announce: async () => "evt_unused" };
  const { admit } = makeGuards(db, advance, nobody, () => {});
  const about = { rule: "stormy", repository: "/app", guards: { ...readGuards({}), breaker: 2 } };
  const want = (deliveryId: string) => admit({ ...about, deliveryId, depth: 0, subject: null });
  const ids = ["one", "two", "made", "three"].map((name) => `hook:stormy:${name}`);
  const [one = "", two = "", made = "", three = ""] = ids;
  const { submit } = makeDeps();
  for (const deliveryId of ids)
    await inbox.insert({ deliveryId, source: "hook", event: "post", action: null, payload: {} });
  await want(one);
  const origin = { source: "hook", subject: null, outsideText: null, replyTo: null } as const;
  await submit({
    ...{ input: { goal: "Do it", repository: "/app" }, recipe: "change", approval: null },
    ...{ origin: { ...origin, reviewedAgainst: null } },
    idempotency: { key: made, bodyHash: "hook" },
  });
  await want(two);
  await expect(want(three)).rejects.toThrow(/breaker open since/);
  await expect(want(one)).rejects.toThrow(/breaker open since/);
  await want(made);
});

test("two programs that answer each other on one subject stop: no reply, one push, and a person closes it", async () => {
  const { db } = store;
  const config = loadConfig({
    DEPUTY_HOME: "/nonexistent",
    DEPUTY_WEBHOOK_URL: "https://example.org/hook",
    DEPUTY_WEBHOOK_SECRET: "x".repeat(32),
  });
  const advance = { ...makeAdvanceDeps(db, () => []), announce: async () => "evt_unused" };
  const open = () => makeGuards(db, advance, { ...config, maxComments: 3 }, () => {});
  const place = `acme/app#${++issueNumber}`;
  const subject = `github:${place}`;
  const written: string[] = [];
  const commenter = countComments(db, {
    upsertComment: async ({ taskId, target }) => {
      const edited = written.includes(taskId);
      if (!edited) written.push(taskId);
      return { url: target, edited };
    },
  });
  const say = (taskId: string, target = place) =>
    commenter.upsertComment({ target, taskId, body: "Yes?", known: null });
  const rules = parseTriggerRules(
    `github: [{ on: command, repository: acme/app, trusted: [mallory] }]`,
    "triggers.yaml",
  );
  /** The other program asks, once more. */
  const ask = async (guards = open()) => {
    const about = { number: issueNumber, state: "open" };
    const payload = examplePayload("issue_comment", "created", {
      ...{ issue: about, repository: { full_name: "acme/app" }, sender: stranger },
      comment: { body: "/deputy why", user: stranger, author_association: "NONE" },
    });
    const commands = {
      ...{ appSlug: null, acknowledge: async () => {}, findMade: async () => null },
      findAbout: async () => null,
      reply: async (target: string, _: string, key: string) => void (await say(key, target)),
    } as unknown as CommandDeps;
    await knock("issue_comment", payload);
    await processInbox(
      makeDeps({ commands, rules: () => rules, requireQuiet: guards.requireQuiet }),
    );
    return (await rows()).at(-1)?.result;
  };
  for (let edit = 0; edit < 9; edit++) await say(`story:${place}`); // one comment
  const start: IntakeRequest = {
    ...{ input: { goal: "Do it", repository: "/app" }, recipe: "change", approval: null },
    idempotency: { key: place, bodyHash: "github" },
    origin: {
      source: "github",
      ...{ subject, outsideText: null, replyTo: null, reviewedAgainst: null },
    },
  };
  const { task } = await makeDeps().submit(start);
  await inbox.insert({
    deliveryId: place,
    source: "github",
    event: "issues",
    action: null,
    payload: {},
  });
  await inbox.settle(place, { result: "change", subject, taskId: task.id });
  for (let turn = 0; turn < 3; turn++) expect(await ask()).toMatch(/^refused: No task of mine/);
  // Four comments by now. Also after a restart, and on other subjects nothing is stopped.
  for (let turn = 0; turn < 3; turn++) {
    expect(await ask()).toMatch(
      new RegExp(`^refused: breaker open since \\S+; deputy trigger reset '${subject}' closes it$`),
    );
  }
  expect(written).toHaveLength(4);
  expect((await getTask(db, task.id))?.state).toBe("cancelled");
  await open().requireQuiet(`${subject}1`);
  const pushes = await db
    .selectFrom("notifications")
    .select("payload")
    .where("taskId", "=", "")
    .execute();
  const told = pushes.filter((push) =>
    JSON.stringify(push).includes(`subject ${place} is stopped`),
  );
  expect(told).toHaveLength(1);
  await open().reset(subject);
  expect(await ask()).toMatch(/^refused: No task of mine/);
});

/** A server that answers nothing until the test says so. */
async function startSlowServer() {
  let answer = () => {};
  const mayAnswer = new Promise<void>((done) => (answer = done));
  let ask = () => {};
  const isAsked = new Promise<void>((done) => (ask = done));
  const server = createServer(async (_, response) => {
    ask();
    await mayAnswer;
    response.end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = () => new Promise((closed) => server.close(closed).closeAllConnections());
  return { url: `http://127.0.0.1:${port}`, isAsked, answer: () => answer(), close };
}

test("a storm of repairs cancels those that no agent has begun, and leaves the one under way", async () => {
  const { db } = store;
  const nobody = loadConfig({ DEPUTY_HOME: "/nonexistent" });
  const advance = { ...makeAdvanceDeps(db, () => []), announce: async () => "evt_unused" };
  const { admit } = makeGuards(db, advance, nobody, () => {});
  const guards = { ...readGuards({}), breaker: 2 };
  const repair = async (name: string, startedAt: Date) => {
    const { task } = await makeDeps().submit({
      ...{ input: { goal: "Do it", repository: "/repairs" }, recipe: "change", approval: null },
      origin: {
        source: "github",
        ...{ subject: null, outsideText: null, replyTo: null, reviewedAgainst: null },
      },
      idempotency: { key: `made ${name}`, bodyHash: "github" },
    });
    // The work that was delivered before, or that of this repair.
    await sql`insert into subtasks (id, task_id, key, position, title, brief, depends_on, writes, agent, state)
      values (${`sub_${name}`}, ${task.id}, 'main', 0, '', '', '{}', '{}', 'builtin', 'completed')`.execute(
      db,
    );
    await sql`insert into attempts (id, task_id, subtask_id, number, epoch, process_id, agent, base_commit, started_at, ended_at, end_reason)
      values (${`att_${name}`}, ${task.id}, ${`sub_${name}`}, 1, 1, 'p', 'builtin', 'c', ${startedAt}, now(), 'done')`.execute(
      db,
    );
    await inbox.insert({
      deliveryId: name,
      source: "github",
      event: "check_run",
      action: null,
      payload: {},
    });
    const about = { rule: "own", repository: "/repairs", guards, subject: null, depth: 0 };
    const end = await admit({ ...about, deliveryId: name }).then(() => "rework", String);
    await inbox.settle(name, {
      result: end,
      subject: null,
      taskId: end === "rework" ? task.id : null,
    });
    return { id: task.id, end };
  };
  const begun = await repair("begun", new Date(Date.now() + 60_000));
  const queued = await repair("queued", new Date(Date.now() - 60_000));
  expect((await repair("third", new Date())).end).toMatch(/breaker open since/);
  const isAsked = async ({ id }: { id: string }) => {
    const task = await getTask(db, id);
    return task?.state === "cancelled" || task?.cancelRequestedAt != null;
  };
  expect([await isAsked(begun), await isAsked(queued)]).toEqual([false, true]);
});

const stranger = { login: "mallory", id: 666, type: "User" };
const byStranger = () => ({
  ...newIssue({ author_association: "NONE", user: stranger }),
  sender: stranger,
});

test("a stranger's issue becomes a task that waits for approval", async () => {
  await knock("issues", byStranger());
  await processInbox(makeDeps());
  const [row] = await rows();
  const task = await getTask(store.db, row?.taskId ?? "");
  expect(task).toMatchObject({ state: "waiting", hold: { kind: "question" } });
  const questions = await store.db
    .selectFrom("questions")
    .selectAll()
    .where("taskId", "=", task?.id ?? "")
    .execute();
  expect(questions).toMatchObject([
    { kind: "approval", text: expect.stringContaining("mallory is NONE") },
  ]);
});

test("whoever GitHub says may write needs no approval, and is asked about by name", async () => {
  await knock("issues", byStranger());
  const asked: unknown[] = [];
  const hasWriteAccess = async (repository: string, { login, id }: Account) => {
    asked.push([repository, login, id]);
    return true;
  };
  await processInbox(makeDeps({ hasWriteAccess }));
  const [row] = await rows();
  expect(asked).toEqual([["Codertocat/Hello-World", "mallory", 666]]);
  expect(await getTask(store.db, row?.taskId ?? "")).toMatchObject({ state: "queued" });
});

test.each(["forbidden", "not_found"] as const)(
  "a look-up that GitHub answers with %s is a question, which says so",
  async (code) => {
    await knock("issues", byStranger());
    const hasWriteAccess = () =>
      Promise.reject(new DeputyError(code, "Could not ask:\nthe token may not do that."));
    expect(await processInbox(makeDeps({ hasWriteAccess }))).toEqual({ settled: 1, open: 0 });
    const [row] = await rows();
    const taskId = row?.taskId ?? "";
    expect(await getTask(store.db, taskId)).toMatchObject({ state: "waiting" });
    const [asked] = await store.db
      .selectFrom("questions")
      .selectAll()
      .where("taskId", "=", taskId)
      .execute();
    expect(asked?.text.split("\n")[0]).toMatch(
      /mallory is NONE .*\. Could not ask: the token may not do that\.$/,
    );
  },
);

test("a rate limit of GitHub's is waited for, and nothing is asked before it ends", async () => {
  await knock("issues", byStranger());
  const retryAt = new Date(Date.now() + 3_600_000);
  let asked = 0;
  const hasWriteAccess = () => {
    asked++;
    return Promise.reject(new DeputyError("unavailable", "It is used up.", { retryAt }));
  };
  const deps = makeDeps({ hasWriteAccess });
  for (let round = 0; round < 3; round++)
    expect(await processInbox(deps)).toEqual({ settled: 0, open: 1 });
  expect(asked).toBe(1);
  const [row] = await rows();
  expect(row?.result).toBe(`waits until ${retryAt.toISOString()}: It is used up.`);
  await store.db
    .updateTable("inbox")
    .set({ result: "waits until 2026-01-01T00:00:00.000Z: It is used up." })
    .execute();
  expect(await processInbox(makeDeps({ hasWriteAccess: async () => true }))).toMatchObject({
    settled: 1,
  });
});

test("whose a branch is our own rows tell, not its name", async () => {
  const { db } = store;
  await knock("issues", newIssue());
  await processInbox(makeDeps());
  const [{ taskId } = { taskId: null }] = await rows();
  const ours = { branch: "deputy/fix-it", deliveredCommit: "a".repeat(40) };
  const repository = "git@github.com:codertocat/hello-world.git";
  await finish(taskId ?? "");
  await db
    .updateTable("tasks")
    .set({ ...ours, repository })
    .where("id", "=", taskId ?? "")
    .execute();
  const about = async (ref: string, sha: string, repo: object = {}) => {
    const head = { ref, sha, repo };
    const pull_request = { head, draft: false, state: "open", number: ++issueNumber };
    const id = randomUUID();
    await knock("pull_request", examplePayload("pull_request", "opened", { pull_request }), { id });
    await processInbox(makeDeps());
    return (await rows()).find(({ deliveryId }) => deliveryId === id)?.result;
  };
  const others = "b".repeat(40);
  expect(await about(ours.branch, ours.deliveredCommit)).toMatch(/is a branch of ours/);
  expect(await about("deputy/other", ours.deliveredCommit)).toMatch(/is a branch of ours/);
  expect(await about(ours.branch, others), "added to since").toMatch(/is a branch of ours/);
  expect(await about("deputy/not-ours", others)).toMatch(/^review: /);
  expect(await about(ours.branch, ours.deliveredCommit, { id: 99 }), "a fork's").toMatch(
    /^review: /,
  );
});

test("what the intake refuses is settled; what fails for another reason is tried again", async () => {
  await knock("issues", newIssue());
  const refuse = () => Promise.reject(new DeputyError("invalid_input", "No such repository."));
  const fail = () => Promise.reject(new Error("connection lost"));
  expect(await processInbox(makeDeps({ submit: fail }))).toEqual({ settled: 0, open: 1 });
  expect(await rows()).toMatchObject([
    { result: "tried again later: connection lost", processedAt: null },
  ]);
  expect(await processInbox(makeDeps({ submit: refuse }))).toEqual({ settled: 1, open: 0 });
  expect(await rows()).toMatchObject([{ result: "refused: No such repository." }]);

  await knock("issues", newIssue());
  await store.db
    .updateTable("inbox")
    .set({ receivedAt: new Date(Date.now() - 4 * 86_400_000) })
    .where("processedAt", "is", null)
    .execute();
  expect(await processInbox(makeDeps({ submit: fail }))).toEqual({ settled: 1, open: 0 });
  expect((await rows()).map(({ result }) => result)).toContain("gave up: connection lost");
});

test("an agent that cannot work is waited for, said once; what is refused otherwise is not", async () => {
  await knock("issues", newIssue());
  const why = "codex cannot work here: not installed.";
  const missing = makeDeps({
    submit: () => Promise.reject(new DeputyError("unprocessable", why, { field: "agent" })),
  });
  for (let round = 0; round < 2; round++)
    expect(await processInbox(missing)).toEqual({ settled: 0, open: 1 });
  expect(await rows()).toMatchObject([{ result: `tried again later: ${why}`, processedAt: null }]);
  expect(missing.logged).toEqual([`Delivery is tried again later: ${why}`]);
  expect(await processInbox(makeDeps())).toEqual({ settled: 1, open: 0 });
  expect((await rows())[0]?.taskId).toMatch(/^task_/);
});

test("an event that fails in an unforeseen way keeps no other waiting, and its row counts its tries", async () => {
  const changed = (action: string) =>
    examplePayload("issues", "edited", { action, issue: { number: issueNumber } });
  await knock("issues", newIssue());
  await knock("issues", changed("edited"));
  await knock("issues", newIssue());
  await knock("issues", newIssue());
  const stopped: string[] = [];
  const deps = makeDeps({
    changeOrigin: () => Promise.reject(new TypeError("nobody thought of this")),
    stop: async (taskId) => {
      stopped.push(taskId);
      return "stopped";
    },
  });
  issueNumber -= 2;
  await knock("issues", changed("closed"));
  issueNumber += 2;
  const logged: object[] = [];
  const log: InboxDeps["log"] = (level, fields) => void (level === "warn" && logged.push(fields));
  for (let round = 0; round < 2; round++) {
    expect((await processInbox({ ...deps, log })).open).toBe(1);
  }
  expect(stopped).toHaveLength(1);
  const failed = async () => (await rows()).find(({ processedAt }) => processedAt === null);
  const result = expect.stringMatching(/^waits until \S+: failed 1 time: nobody thought of this$/);
  expect(await failed()).toMatchObject({ action: "edited", result });
  // It is not asked again before its pause is over.
  expect(logged).toMatchObject([{ deliveryId: (await failed())?.deliveryId, tries: 1 }]);
  const past = "waits until 2026-01-01T00:00:00.000Z: failed 1 time: nobody thought of this";
  await store.db
    .updateTable("inbox")
    .set({ result: past })
    .where("processedAt", "is", null)
    .execute();
  await processInbox({ ...deps, log });
  expect((await failed())?.result).toMatch(/: failed 2 times: nobody thought of this$/);
  await store.db
    .updateTable("inbox")
    .set({ result: past, receivedAt: new Date(Date.now() - 4 * 86_400_000) })
    .where("processedAt", "is", null)
    .execute();
  expect(await processInbox({ ...deps, log })).toEqual({ settled: 1, open: 0 });
  expect((await rows()).map((row) => row.result)).toContain(
    "gave up: failed 2 times: nobody thought of this",
  );
});

test("a forge that answers slowly about one repository holds up no other, and a stop ends rounds between deliveries", async () => {
  const slow = await startSlowServer();
  const hasWriteAccess = async (repository: string) => {
    await fetch(`${slow.url}/repos/${repository}`);
    return true;
  };
  const of = (full_name: string, payload: object = byStranger()) => ({
    ...payload,
    ...examplePayload("issues", "opened", { ...payload, repository: { full_name } }),
  });
  const deps = makeDeps({ hasWriteAccess });
  const lanes = makeLanes({
    list: () => listLanes(store.db, ["github", "reconcile"]),
    nameOf: String,
    round: async (repository, isStopped) => {
      await processInbox(deps, { repository, isStopped });
    },
    log: deps.log,
  });
  await knock("issues", of("acme/slow"));
  await knock("issues", of("acme/slow"));
  await lanes.fill();
  await slow.isAsked;
  await knock("issues", of("acme/quick", newIssue()));
  await lanes.fill();
  const states = async () => (await rows()).map(({ processedAt }) => processedAt !== null);
  await until(
    async () => (await states())[2] === true,
    "the other repository's event was processed",
  );
  expect(await states()).toEqual([false, false, true]);
  const stopped = lanes.stop();
  slow.answer();
  await stopped;
  // The one that it was at was ended with, and the next was left for another start.
  expect(await states()).toEqual([true, false, true]);
  await slow.close();
});

test("many open deliveries are all looked at in one round", async () => {
  await Promise.all(Array.from({ length: 45 }, () => knock("star", { action: "created" })));
  expect(await processInbox(makeDeps())).toEqual({ settled: 45, open: 0 });
});

test("a folder that is gone keeps no other file waiting, and the refusal is recorded", async () => {
  const file = (goal: string) => ({
    ...{ source: "inbox", event: "file", action: null, deliveryId: `inbox:inbox:${goal}` },
    payload: {
      ...{ rule: "inbox", folder: "/nonexistent", file: `${goal}.md` },
      input: { goal, repository: "/app" },
    },
  });
  for (const goal of ["bad", "good"]) await inbox.insert(file(goal));
  const { submit, ...deps } = makeDeps();
  const refusing: typeof submit = async (request) => {
    if (request.input.goal !== "bad") return submit(request);
    throw new DeputyError("invalid_input", "No such repository.");
  };
  await processLocal({ ...deps, submit: refusing }, inboxSource);
  expect(await rows()).toMatchObject([
    { result: "refused: No such repository.", taskId: null },
    { taskId: expect.stringMatching(/^task_/) },
  ]);
});

test("a webhook of Gitea starts one task for its issue, and an older one's label only if it was set lately", async () => {
  await processInbox(makeDeps());
  const rules = parseTriggerRules(
    `gitea: [{ on: issues.labeled, label: deputy, repository: acme/app, clone: /srv/app, trusted: [ada] }]`,
    "triggers.yaml",
  );
  const asked: unknown[][] = [];
  const about = (wasSet: boolean): Partial<InboxDeps> => ({
    ...{ forge: "gitea", rules: () => rules },
    wasLabelled: async (...given) => {
      asked.push(given.slice(0, 2));
      return wasSet;
    },
  });
  const hook = (number: number) =>
    normalize(
      "gitea",
      "issues",
      merge(giteaIssueHook, {
        action: "label_updated",
        issue: { number, labels: [giteaLabel("deputy")] },
      }),
    );
  const keep = async (number: number, id: string) => {
    const read = hook(number);
    for (const { event, payload } of "events" in read ? read.events : [])
      await inbox.insert({ deliveryId: id, source: "gitea", event, action: null, payload });
  };
  const resultOf = async (id: string) => (await rows()).find((row) => row.deliveryId === id);
  await keep(71, "gitea:old");
  // Those of GitHub are left alone, and the other way round.
  expect(await processInbox(makeDeps())).toEqual({ settled: 0, open: 0 });
  await processInbox(makeDeps(about(false)));
  expect(await resultOf("gitea:old")).toMatchObject({
    result: "ignored: the label deputy was set before",
    taskId: null,
  });
  await keep(71, "gitea:new");
  await keep(71, "gitea:again");
  await processInbox(makeDeps(about(true)));
  const [made, again] = [await resultOf("gitea:new"), await resultOf("gitea:again")];
  expect(asked).toEqual(Array(asked.length).fill(["gitea:acme/app#71", "deputy"]));
  const task = await getTask(store.db, made?.taskId ?? "");
  expect(task).toMatchObject({
    repository: "/srv/app",
    origin: { source: "gitea", subject: "gitea:acme/app#71", replyTo: "gitea:acme/app#71" },
  });
  expect(again).toMatchObject({ taskId: made?.taskId, result: expect.stringContaining("joined") });
});

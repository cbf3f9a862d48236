import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRedact } from "../../src/core/text/redact.ts";
import { describeCoverage } from "../../src/daemon/triggers/describe-coverage.ts";
import { openGithub } from "../../src/delivery/github/access/github-access.ts";
import { makeLookBack } from "../../src/delivery/github/look-back.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import { insertDelivery, isAboutKnown, settleDelivery } from "../../src/store/triggers/inbox.ts";
import { readCursor, writeCursor } from "../../src/store/triggers/reconcile-cursors.ts";
import { keepDelivery } from "../../src/triggers/github/receive-github.ts";
import { findMissed } from "../../src/triggers/reconcile/find-missed.ts";
import { reconcile } from "../../src/triggers/reconcile/reconcile.ts";
import { parseTriggerRules } from "../../src/triggers/rules.ts";
import { type FakeGithub, fakeUserId, startFakeGithub } from "../support/fake-github.ts";
import { install, makeFakeApp } from "../support/fake-github-app.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let store: Store;
let github: FakeGithub;
beforeAll(async () => {
  [database, github] = await Promise.all([createTestDatabase(), startFakeGithub()]);
  store = await openStore(database.connection, {
    onError: (error) => {
      throw error;
    },
  });
});
afterAll(async () => {
  await store?.close();
  await Promise.all([database?.drop(), github?.close()]);
});

const keep = async (
  source: "github" | "reconcile",
  delivery: { id: string; event: string; payload: Record<string, unknown>; at?: Date },
) =>
  (
    await keepDelivery(
      {
        insertDelivery: (row) => insertDelivery(store.db, row),
        isPolled: (about, since) => isAboutKnown(store.db, about, { by: "poll", since }),
      },
      { ...delivery, source },
    )
  ).isNew === true;
const logged: string[] = [];
function round(rules: string, by?: ReturnType<typeof makeLookBack>) {
  const { db } = store;
  const config = { token: github.token, app: null, apiUrl: github.apiUrl, patient: false };
  const look = by ?? makeLookBack(openGithub(config, makeRedact([])));
  if (!look) throw new Error("a token makes one");
  return reconcile(
    {
      forge: "github",
      look,
      rules: () => parseTriggerRules(rules, "triggers.yaml"),
      readCursor: (name) => readCursor(db, name),
      writeCursor: (name, cursor) => writeCursor(db, name, cursor),
      keep: (delivery) => keep("reconcile", delivery),
      isKnown: (about, from) => isAboutKnown(db, about, from),
      log: (_, __, message) => logged.push(message),
    },
    new AbortController().signal,
  );
}
const rows = (about: string) =>
  store.db
    .selectFrom("inbox")
    .select(["deliveryId", "source", "event", "action"])
    .where("about", "like", `${about}%`)
    .orderBy("receivedAt")
    .execute();
const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000);
const ada = { login: "ada", id: fakeUserId("ada"), type: "User" };

test("of the deliveries in a hook's log those are kept that nobody took, once, under their own ids", async () => {
  const rules = `github: [{ on: issues.opened, repository: acme/log }, { on: issues.opened, repository: "other/*" }]`;
  const app = await github.add("acme/log");
  const of = { repository: { full_name: "acme/log" } };
  const add = (
    event: string,
    status: number,
    minutes: number,
    number: number,
    guid = randomUUID(),
  ) => {
    const payload = { action: "opened", issue: { number }, ...of };
    app.log?.push({
      id: (app.log?.length ?? 0) + 1,
      guid,
      event,
      status,
      at: ago(minutes),
      payload,
    });
    return guid;
  };
  add("issues", 502, 600, 1); // before the repository was first looked at
  expect(await round(rules)).toBe(0);

  app.log?.push({
    ...{ id: 99, guid: randomUUID(), event: "issues", status: 0, at: ago(40), payload: "{" },
  });
  const missed = add("issues", 0, 30, 2);
  const repeated = add("issues", 500, 20, 3);
  add("issues", 202, 10, 3, repeated);
  const late = add("issues", 503, 15, 4);
  add("star", 500, 12, 5);
  add("issues", 0, 0, 6); // still on its way
  expect(await keep("github", { id: late, event: "issues", payload: { action: "opened" } })).toBe(
    true,
  );
  expect(await round(rules)).toBe(1);
  expect(await rows("acme/log")).toEqual([
    { deliveryId: missed, source: "reconcile", event: "issues", action: "opened" },
  ]);
  expect(await round(rules)).toBe(0);
  expect(github.requests.some(({ path }) => path.includes("other"))).toBe(false);
  // The unreadable one is asked for again.
  expect((await readCursor(store.db, "acme/log hook 1"))?.seenUntil).toEqual(app.log?.[1]?.at);
  expect(logged.at(-1)).toContain("was not read");
});

test("where the log cannot be read, issues, labels and comments are looked for in lists, and what a webhook told is not told again", async () => {
  const rules = `github: [{ on: [issues.opened, issues.labeled, command], label: deputy, repository: acme/poll }, { on: issues.labeled, label: сюда, repository: acme/poll }, { on: issues.labeled, label: туда, repository: acme/poll }]`;
  const app = await github.add("acme/poll");
  app.log = null;
  const at = (minutes: number) => ago(minutes).toISOString();
  const issue = (number: number, minutes: number, labels: string[] = []) => ({
    ...{ number, title: "It is wrong", body: "", state: "open", user: ada },
    ...{ created_at: at(minutes), updated_at: at(0), labels: labels.map((name) => ({ name })) },
    author_association: "MEMBER",
  });
  app.issues.push(issue(1, 600));
  expect(await round(rules)).toBe(0);
  await store.db
    .updateTable("reconcileCursors")
    .set({ seenUntil: ago(60) })
    .where("name", "like", "acme/poll%")
    .execute();

  app.issues.push(issue(2, 30), issue(3, 30), issue(4, 600, ["Deputy"]));
  app.labelled[4] = [
    { id: 1, label: "Deputy", by: "ada", at: at(500) },
    { id: 2, label: "Deputy", by: "ada", at: at(25) },
    { id: 3, label: "Deputy", by: "ada", at: at(20) },
    // Two labels of the same length, set at once.
    { id: 4, label: "сюда", by: "ada", at: at(15) },
    { id: 5, label: "туда", by: "ada", at: at(15) },
  ];
  const comment = (id: number, minutes: number) => ({
    ...{ id, body: "/deputy why", user: ada, author_association: "MEMBER" },
    ...{ created_at: at(minutes), updated_at: at(0) },
    issue_url: `${github.apiUrl}/repos/acme/poll/issues/2`,
  });
  app.said.push(comment(11, 500), comment(12, 10), comment(13, 10));
  const of = { repository: { full_name: "acme/poll" } };
  const hooked = { action: "opened", issue: { number: 3 }, ...of };
  expect(await keep("github", { id: randomUUID(), event: "issues", payload: hooked })).toBe(true);
  const said = { action: "created", issue: { number: 2 }, comment: { id: 13 }, ...of };
  const saidId = randomUUID();
  await keep("github", { id: saidId, event: "issue_comment", payload: said });
  await settleDelivery(store.db, saidId, { result: "done", subject: null, taskId: null });

  expect(await round(rules)).toBe(6);
  const polled = (await rows("acme/poll")).filter(({ source }) => source === "reconcile");
  expect(polled.map(({ action, deliveryId }) => `${action} ${deliveryId}`)).toEqual([
    expect.stringMatching(/^opened poll:acme\.poll\.2\.opened:\w+$/),
    expect.stringMatching(/^labeled poll:acme\.poll\.4\.labeled\.deputy\.\d+:\w+$/),
    expect.stringMatching(/^labeled poll:acme\.poll\.4\.labeled\.deputy\.\d+:\w+$/),
    expect.stringMatching(/^labeled poll:acme\.poll\.4\.labeled\..{4}\.\d+:\w+$/),
    expect.stringMatching(/^labeled poll:acme\.poll\.4\.labeled\..{4}\.\d+:\w+$/),
    expect.stringMatching(/^created poll:acme\.poll\.comment\.12:\w+$/),
  ]);
  // A webhook that comes after the poll.
  const late = { action: "created", issue: { number: 2 }, comment: { id: 12 }, ...of };
  expect(await keep("github", { id: randomUUID(), event: "issue_comment", payload: late })).toBe(
    false,
  );
  const labelled = { action: "labeled", issue: { number: 4 }, label: { name: "Deputy" }, ...of };
  const relabel = () => keep("github", { id: randomUUID(), event: "issues", payload: labelled });
  expect(await relabel()).toBe(false);
  await store.db
    .updateTable("inbox")
    .set({ receivedAt: ago(20) })
    .where("about", "=", "acme/poll#4 labeled deputy")
    .execute();
  // It was set again, long after the poll.
  expect(await relabel()).toBe(true);
  expect(await round(rules)).toBe(0);
  expect(await round(rules)).toBe(0);
  const lists = github.requests.filter(({ path }) => path.includes("acme/poll/issues?"));
  expect(lists.at(-1)?.headers["if-none-match"]).toBeDefined();
});

test("an entry of a list that cannot be read keeps no other from being found, and is asked for again", async () => {
  const rules = `github: [{ on: command, repository: acme/odd }]`;
  const app = await github.add("acme/odd");
  app.log = null;
  const at = (minutes: number) => ago(minutes).toISOString();
  const said = (id: number, minutes: number) => ({
    ...{ id, body: "/deputy why", user: ada, author_association: "MEMBER" },
    ...{ created_at: at(minutes), updated_at: at(minutes) },
    issue_url: `${github.apiUrl}/repos/acme/odd/issues/2`,
  });
  app.issues.push({
    number: 2,
    title: "",
    body: "",
    state: "open",
    user: ada,
    created_at: at(90),
    updated_at: at(90),
  });
  expect(await round(rules)).toBe(0);
  await store.db
    .updateTable("reconcileCursors")
    .set({ seenUntil: ago(60) })
    .where("name", "like", "acme/odd%")
    .execute();
  const odd = { ...said(22, 20), issue_url: 7 as unknown as string };
  app.said.push(said(21, 30), odd, said(23, 10));
  const about = async () => (await rows("acme/odd")).map(({ deliveryId }) => deliveryId);
  expect(await round(rules)).toBe(2);
  expect(await about()).toEqual([
    expect.stringContaining("comment.21"),
    expect.stringContaining("comment.23"),
  ]);
  const told = expect.stringMatching(/^An entry of the comments of acme\/odd was not read: /);
  expect(logged).toContainEqual(told);
  expect(await round(rules)).toBe(0);
  Object.assign(odd, said(22, 20));
  expect(await round(rules)).toBe(1);
  expect(await round(rules)).toBe(0);
});

test("a backlog is read to its end, whatever the order in which it changed", async () => {
  const rules = `github: [{ on: issues.opened, repository: acme/backlog }]`;
  const app = await github.add("acme/backlog");
  app.log = null;
  await round(rules);
  const seenUntil = new Date(Math.floor(ago(600).getTime() / 1000) * 1000);
  await writeCursor(store.db, "acme/backlog issues", { seenUntil, etag: null });
  const open = (number: number, created: Date, updated: Date) => ({
    ...{ number, title: "It is wrong", body: "", state: "open", user: ada, labels: [] },
    ...{ created_at: created.toISOString(), updated_at: updated.toISOString() },
    author_association: "MEMBER",
  });
  // The first to be opened is the last that changed; one is of the second at which the last round ended.
  app.issues.push(open(1, ago(590), ago(1)), open(2, seenUntil, seenUntil));
  for (let number = 3; number <= 120; number++)
    app.issues.push(open(number, ago(500), ago(500 - number)));
  expect(await round(rules)).toBe(120);
  expect(await round(rules)).toBe(0);
});

test("a head that was committed before the last round and pushed after it is found, one from before the first is not", async () => {
  const rules = `github: [{ on: pull_request.synchronize, repository: acme/heads }]`;
  const app = await github.add("acme/heads");
  app.log = null;
  await round(rules);
  for (const [what, minutes] of [
    ["issues", 10],
    ["pulls", 600],
  ] as const)
    await writeCursor(store.db, `acme/heads ${what}`, { seenUntil: ago(minutes), etag: null });
  const pull = (number: number) => ({
    ...{ number, title: "", body: "", user: ada, labels: [], author_association: "MEMBER" },
    ...{ created_at: ago(900).toISOString(), updated_at: ago(1).toISOString() },
    ...{ state: "open", draft: false, pull_request: {}, head: { sha: String(number).repeat(40) } },
  });
  app.issues.push(pull(1), pull(2));
  github.refusals.push(({ path }) => {
    const [, what, id = ""] = /acme\/heads\/(pulls|commits)\/(\w+)$/.exec(path) ?? [];
    if (what === undefined) return null;
    const date = ago(id.startsWith("1") ? 30 : 700).toISOString();
    const found = what === "pulls" ? pull(Number(id)) : { commit: { committer: { date } } };
    return {
      ...{ status: 200, headers: { "content-type": "application/json" } },
      body: JSON.stringify(found),
    };
  });
  expect(await round(rules)).toBe(1);
  expect(await rows("acme/heads")).toMatchObject([
    { action: "synchronize", event: "pull_request" },
  ]);
  expect(await round(rules)).toBe(0);
  github.refusals.length = 0;
});

test("the App's own log covers all repositories of rules, patterns too, and nothing else is asked then", async () => {
  const rules = `github: [{ on: issues.opened, repository: "of-app/*" }, { on: issues.opened, repository: of-app/one }]`;
  await github.add("of-app/one");
  const app = makeFakeApp();
  github.app = app;
  install(app, "of-app/one");
  const config = { token: null, app: { ...app, appId: app.id }, apiUrl: github.apiUrl };
  const look = makeLookBack(openGithub({ ...config, patient: false }, makeRedact([])));
  const add = (
    event: string,
    status: number,
    minutes: number,
    name: string,
    guid = randomUUID(),
  ) => {
    const id = app.deliveries.length + 1;
    const repository = { full_name: name };
    const payload = { action: "opened", issue: { number: id }, repository };
    app.deliveries.push({ id, guid, event, status, at: ago(minutes), payload });
    return guid;
  };
  add("issues", 0, 50, "of-app/one"); // before it was first looked at
  expect(await round(rules, look)).toBe(0);
  app.deliveries.length = 0;
  const missed = [add("issues", 0, 30, "of-app/one"), add("issues", 500, 20, "of-app/two")];
  add("issues", 202, 10, "of-app/two", missed[1]);
  add("issues", 0, 15, "elsewhere/app");
  add("push", 0, 12, "of-app/one");
  const late = add("issues", 0, 5, "of-app/three");
  const asked = github.requests.length;
  expect(await round(rules, look)).toBe(2);
  expect(await round(rules, look)).toBe(0);
  const kept = await rows("of-app/");
  expect(kept).toMatchObject([
    { deliveryId: missed[0], source: "reconcile" },
    { deliveryId: late, source: "reconcile" },
  ]);
  const paths = github.requests.slice(asked).map(({ path }) => path);
  expect(paths.filter((path) => !/^\/app\/|\/installation$/.test(path))).toEqual([]);
  github.app = null;
});

test("the doctor says of which repositories deliveries are found again", async () => {
  const rules = parseTriggerRules(
    `github: [{ on: issues.opened, repository: acme/log }, { on: issues.opened, repository: acme/poll }, { on: command, repository: "acme/*" }]`,
    "triggers.yaml",
  );
  const about = {
    ...{ token: github.token, app: null, appProblem: null },
    ...{ apiUrl: github.apiUrl, webhookSecrets: [] },
  };
  expect(await describeCoverage({ github: about, secrets: [] }, rules)).toEqual({
    isWhole: false,
    sentences: [
      expect.stringContaining("acme/*: none, because it is a pattern"),
      "acme/log: all, from the log of its webhook",
      expect.stringMatching(/^acme\/poll: .* the token may not read its webhooks/),
    ],
  });
  expect(
    await describeCoverage({ github: { ...about, token: null }, secrets: [] }, rules),
  ).toBeNull();
});

test("a used-up limit ends the round, with a line in the log", async () => {
  const rules = `github: [{ on: issues.opened, repository: acme/poll }, { on: issues.opened, repository: acme/log }]`;
  const before = github.requests.length;
  github.refusals.push(() => ({
    status: 403,
    headers: { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "4102444800" },
    body: JSON.stringify({ message: "API rate limit exceeded" }),
  }));
  expect(await round(rules)).toBe(0);
  github.refusals.length = 0;
  expect(logged.at(-1)).toContain("rate limit is used up");
  expect(github.requests.slice(before).every(({ path }) => path.includes("acme/poll"))).toBe(true);
});

test("a delivery that succeeded in any of its repetitions was not missed", () => {
  const one = (guid: string, isTaken: boolean, minutes: number) => ({
    ...{ id: minutes, guid, event: "issues", isTaken, at: ago(minutes) },
  });
  const logged = [one("a", false, 9), one("b", false, 8), one("b", false, 7), one("a", true, 6)];
  expect(findMissed(logged, new Set(["issues"]), new Date()).map(({ id }) => id)).toEqual([7]);
  expect(findMissed(logged, new Set(["star"]), new Date())).toEqual([]);
});

import { afterAll, beforeAll, expect, test } from "vitest";
import { makeRedact } from "../../src/core/text/redact.ts";
import { openGithub } from "../../src/delivery/github/access/github-access.ts";
import { makeForge } from "../../src/delivery/github/github.ts";
import { writeStory } from "../../src/delivery/github/write-story.ts";
import { tellStories } from "../../src/delivery/tell-stories.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import { createTasks } from "../../src/store/tasks/create-task.ts";
import { type FakeGithub, startFakeGithub } from "../support/fake-github.ts";
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

async function createTask(id: string, number: number, tells = true) {
  const origin = {
    source: "github" as const,
    ...{ subject: `github:acme/app#${number}`, replyTo: `acme/app#${number}` },
    ...{ outsideText: "It is wrong.", reviewedAgainst: null, tells },
  };
  const task = {
    ...{ id, goal: "Resolve it", repository: "/r", base: null, agent: "builtin", origin },
    ...{ agentNamed: false, checks: [], planInput: null, mode: "auto" as const },
    ...{ approval: "none" as const, attachments: [], delivery: "pr" as const, allow: [] },
    ...{
      expectsChange: true,
      allowTestChanges: false,
      includeUncommitted: false,
      fresh: false,
      proof: null,
      assurance: null,
    },
    ...{ whenStuck: "ask" as const, budget: null, attemptTimeoutMs: 1_000 },
  };
  await createTasks(store.db, [{ task, message: "made", idempotency: null, approval: null }]);
}

function round(logged: string[] = []) {
  const config = { token: github.token, app: null, apiUrl: github.apiUrl, patient: false };
  const forge = makeForge(openGithub(config, makeRedact([])), makeRedact([]));
  if (!forge) throw new Error("a token makes a forge");
  const log = (_: string, __: object, message: string) => logged.push(message);
  return tellStories({ db: store.db, forge, log }, new AbortController().signal);
}
const end = (id: string, set: object) =>
  store.db
    .updateTable("tasks")
    .set({ ...{ holdKind: null, holdReason: null, holdOn: null, updatedAt: new Date() }, ...set })
    .where("id", "=", id)
    .execute();
const writes = () => github.requests.filter(({ method }) => method !== "GET").length;

test("an issue has one comment, which is edited; also when its address was lost, and by the task after", async () => {
  const app = await github.add("acme/app");
  await createTask("task_1", 12);
  expect(await round()).toBe(1);
  const mark = "<!-- deputy:story:acme/app#12 -->\n";
  expect(app.comments).toMatchObject([
    { issue: 12, body: `${mark}Work on this has started.\n\n\`task_1\`` },
  ]);
  expect([await round(), writes()]).toEqual([0, 1]);

  await store.db.deleteFrom("stories").execute(); // killed before it was recorded
  const url = "https://github.com/acme/app/pull/3";
  await end("task_1", { state: "completed", branch: "deputy/x", deliveryUrl: url });
  expect(await round()).toBe(1);
  expect(app.comments).toMatchObject([{ body: `${mark}A draft is here: ${url}\n\n\`task_1\`` }]);

  await createTask("task_2", 12);
  await round();
  await end("task_1", { acceptedAt: new Date() }); // no news about an issue that has a newer task
  expect(await round()).toBe(0);
  expect(app.comments).toMatchObject([{ body: expect.stringContaining("`task_2`") }]);
});

test("a rule without comments gets none; what is refused is said once, what GitHub is too busy for is tried again", async () => {
  const app = await github.add("acme/app");
  await createTask("task_3", 13, false);
  expect(await round()).toBe(0);
  await createTask("task_4", 14);
  const logged: string[] = [];
  github.refusals.push(() => ({ status: 403, body: "{}" }));
  for (let times = 0; times < 2; times++) expect(await round(logged)).toBe(0);
  await end("task_4", { state: "failed", endDetail: "no" });
  await round(logged);
  expect(logged).toEqual([expect.stringMatching(/^The comment on acme\/app#14 was not written/)]);

  github.refusals = [() => ({ status: 502, body: "{}" })];
  await createTask("task_5", 15);
  await round(logged);
  expect(logged).toHaveLength(2);
  github.refusals = [];
  expect(await round(logged)).toBe(0); // not yet
  await store.db
    .updateTable("stories")
    .set({ nextAt: new Date(0) })
    .execute();
  expect(await round(logged)).toBe(1);
  expect(app.comments).toMatchObject([{ issue: 15 }]);
});

const at = new Date("2026-01-01T00:00:00Z");
const about = {
  ...{ id: "task_1", state: "running" as const, branch: null, deliveryUrl: null, hold: null },
  ...{ endDetail: null, pausedAt: null, acceptedAt: null, rolledBackAt: null, discardedAt: null },
  updatedAt: at,
};
const wakeAt = (minutes: number) =>
  ({ kind: "wake", at: new Date(at.getTime() + minutes * 60_000), reason: "secret" }) as const;
test.each([
  [about, null, "Work on this has started."],
  [
    { ...about, deliveryUrl: "https://h/pull/1", branch: "b" },
    null,
    "This is worked on again.\n\nThe work so far: https://h/pull/1",
  ],
  [{ ...about, hold: wakeAt(1) }, null, "Work on this has started."],
  [
    { ...about, hold: wakeAt(60) },
    null,
    "The work waits until 2026-01-01T01:00:00.000Z, then it goes on.",
  ],
  [
    { ...about, state: "waiting" as const },
    "approval" as const,
    "The work waits for an approval before it starts.",
  ],
  [
    { ...about, state: "completed" as const, branch: "deputy/x" },
    null,
    "The work is done: the branch `deputy/x`",
  ],
  [
    { ...about, state: "failed" as const, endDetail: "@ada said:\n- no" },
    null,
    "The work failed, because ＠ada said: - no",
  ],
  [
    { ...about, state: "cancelled" as const, endDetail: "cancelled on request" },
    null,
    "The work was stopped: cancelled on request",
  ],
  [
    { ...about, state: "completed" as const, branch: "b", rolledBackAt: at },
    null,
    "The work on this was taken back.",
  ],
])("%o", (task, asked, text) => {
  expect(writeStory(task, asked)).toBe(`${text}\n\n\`task_1\``);
});

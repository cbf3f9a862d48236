import { afterAll, beforeAll, expect, test } from "vitest";
import type { CheckReport } from "../../src/core/forge/check-report.ts";
import { makeRedact } from "../../src/core/text/redact.ts";
import { openGithub } from "../../src/delivery/github/access/github-access.ts";
import { composeCheck, type ReportedTask } from "../../src/delivery/github/checks/compose-check.ts";
import { makeForge } from "../../src/delivery/github/github.ts";
import { reportChecks } from "../../src/delivery/report-checks.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import { createTasks } from "../../src/store/tasks/create-task.ts";
import { type FakeGithub, startFakeGithub } from "../support/fake-github.ts";
import { install, makeFakeApp } from "../support/fake-github-app.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

/** What a task says of itself among the checks of its commit. */
let database: TestDatabase;
let store: Store;
let github: FakeGithub;
let app: Awaited<ReturnType<FakeGithub["add"]>>;

beforeAll(async () => {
  [database, github] = await Promise.all([createTestDatabase(), startFakeGithub()]);
  store = await openStore(database.connection, {
    onError: (error) => {
      throw error;
    },
  });
  app = await github.add("acme/app");
  github.app = makeFakeApp();
  install(github.app, "acme/app");
});
afterAll(async () => {
  await store?.close();
  await Promise.all([database?.drop(), github?.close()]);
});

const one = "1".repeat(40);
const two = "2".repeat(40);
const pull = "https://github.com/acme/app/pull/3";

async function createTask(id: string, about: { base?: string; delivery?: "pr" | "comment" } = {}) {
  const { base = null, delivery = "pr" } = about;
  const origin = {
    source: "github" as const,
    ...{ subject: `github:acme/app#${id}`, replyTo: "acme/app#3" },
    ...{ outsideText: null, reviewedAgainst: null },
  };
  const task = {
    ...{ id, goal: "Resolve it", repository: "https://github.com/acme/app", base, origin },
    ...{ agent: "builtin", agentNamed: false, checks: [], planInput: null, mode: "auto" as const },
    ...{ approval: "none" as const, attachments: [], delivery, allow: [] },
    ...{ expectsChange: delivery === "pr", allowTestChanges: false, includeUncommitted: false },
    ...{ fresh: false, proof: null, assurance: null, whenStuck: "ask" as const, budget: null },
    attemptTimeoutMs: 1_000,
  };
  await createTasks(store.db, [{ task, message: "made", idempotency: null, approval: null }]);
}
const set = (id: string, values: object) =>
  store.db
    .updateTable("tasks")
    .set({ updatedAt: new Date(), ...values })
    .where("id", "=", id)
    .execute();
const over = { holdKind: null, holdReason: null, holdOn: null };

const access = (isApp: boolean) => {
  const { token, app } = github;
  const config = { token, app: isApp && app ? { ...app, appId: app.id } : null, patient: false };
  return openGithub({ ...config, apiUrl: github.apiUrl }, makeRedact([]));
};
function round({ isApp = true, hears = true, logged = [] as string[] } = {}) {
  const forge = makeForge(access(isApp), makeRedact([]));
  if (!forge) throw new Error("there is access");
  const log = (_: string, __: object, message: string) => logged.push(message);
  const deps = { db: store.db, forge, log, hearsCommands: () => hears };
  return reportChecks(deps, new AbortController().signal);
}
const writes = () => github.requests.filter(({ method }) => method !== "GET").length;

test("a pull request's head has one check, which ends where the work ends; killed in between or not", async () => {
  await createTask("task_1");
  expect(await round()).toBe(0); // nothing is delivered
  const held = await store.db
    .selectFrom("tasks")
    .select(["holdKind", "holdReason", "holdOn"])
    .where("id", "=", "task_1")
    .executeTakeFirstOrThrow();
  await set("task_1", { deliveredCommit: one, deliveryUrl: pull });
  expect(await round()).toBe(1);
  const stop = { label: "Stop", description: "Stop the work on this", identifier: "stop" };
  expect(app.checks).toMatchObject([
    { name: "Deputy", commit: one, conclusion: null, externalId: "task_1", actions: [stop] },
  ]);
  const count = writes();
  expect([await round(), writes()]).toEqual([0, count]);

  await store.db.deleteFrom("checkReports").execute(); // killed before it was recorded
  expect(await round()).toBe(1);
  expect(app.checks).toHaveLength(1);
  await set("task_1", { ...over, state: "completed" });
  await round({ hears: false });
  expect(app.checks).toMatchObject([
    { conclusion: "neutral", title: "Not verified", actions: [], by: "deputy-acme[bot]" },
  ]);
  expect(app.checks[0]?.summary).toContain(`A draft is here: ${pull}`);

  // Worked on again, another check of that name says so; the work then is on another commit.
  await set("task_1", { state: "queued", ...held });
  await round();
  expect(app.checks.map(({ conclusion }) => conclusion)).toEqual(["neutral", null]);
  await set("task_1", { ...over, state: "completed", deliveredCommit: two });
  await round();
  expect(app.checks.map(({ commit, conclusion, title }) => [commit, conclusion, title])).toEqual([
    [one, "neutral", "Not verified"],
    [one, "neutral", "The work went on"],
    [two, "neutral", "Not verified"],
  ]);
  await set("task_1", { state: "failed", endDetail: "npm test is red: see @ada and #7" });
  await round();
  expect(app.checks[2]).toMatchObject({
    ...{ conclusion: "failure", actions: [{ identifier: "retry" }] },
    summary: expect.stringContaining("see ＠ada and ＃7"),
  });
});

test("a review has its check on the commit that it reads", async () => {
  await createTask("task_2", { base: "3".repeat(40), delivery: "comment" });
  await createTask("task_3", { delivery: "comment" }); // of an issue
  expect(await round()).toBe(1);
  await set("task_2", { ...over, state: "completed", deliveryUrl: `${pull}#issuecomment-1` });
  await round();
  expect(app.checks.at(-1)).toMatchObject({
    ...{ name: "Deputy review", conclusion: "neutral", title: "Reviewed", externalId: "task_2" },
  });
});

test("a person's token reports a status; what is refused is said once", async () => {
  const logged: string[] = [];
  await createTask("task_4");
  await set("task_4", { deliveredCommit: one, deliveryUrl: pull });
  await round({ isApp: false });
  await set("task_4", { ...over, state: "failed", endDetail: "no" });
  await round({ isApp: false });
  expect(app.statuses).toEqual([
    { commit: one, context: "deputy", state: "pending", description: "At work" },
    { commit: one, context: "deputy", state: "failure", description: "The work failed" },
  ]);
  github.refusals.push(() => ({ status: 403, body: "{}" }));
  await set("task_4", { state: "completed" });
  for (let times = 0; times < 2; times++) expect(await round({ isApp: false, logged })).toBe(0);
  github.refusals.length = 0;
  expect(logged).toEqual([expect.stringMatching(/^The check on acme\/app@1{10} was not written/)]);
});

test("places in the code come fifty at a time, and none twice", async () => {
  const annotations = Array.from({ length: 120 }, (_, line) => ({
    ...{ path: "src/a.ts", from: line + 1, to: line + 1, message: `line ${line}` },
    level: "warning" as const,
  }));
  const report: CheckReport = {
    ...{ name: "Deputy", conclusion: "success", title: "Verified", summary: "", actions: [] },
    annotations,
  };
  const forge = makeForge(access(true), makeRedact([]));
  const about = { repository: "acme/app", commit: "4".repeat(40), taskId: "task_5", report };
  // Its first answer is lost: what was sent before is known by the check itself.
  let patches = 0;
  github.refusals.push(({ method }) =>
    method === "PATCH" && ++patches > 1 ? { status: 502, body: "{}" } : null,
  );
  await expect(forge?.reportCheck(about)).rejects.toThrow(/502/);
  github.refusals.length = 0;
  await forge?.reportCheck(about);
  const made = app.checks.filter(({ externalId }) => externalId === "task_5");
  expect(made).toHaveLength(1);
  expect(made[0]?.annotations?.map((one) => one.message)).toEqual(
    annotations.map(({ message }) => message),
  );
});

test("delivered work shows what its review left, failed work its failing tests; words of others are inert", () => {
  const finding = (file: string, claim: string, is: string) => ({
    ...{ file, claim, priority: 1, lines: { from: 3, to: 4 }, state: { is } },
  });
  const review = {
    findings: [
      finding("src/a.ts", "Breaks @ada, see #1 <img>", "note"),
      finding("src/b.ts", "Was fixed", "fixed"),
      finding("../../etc/passwd", "No", "note"),
    ],
  };
  const check = { name: "t", command: "npm test", kind: "acceptance" };
  const verdict = {
    ...{ result: "fail", findings: [], notChecked: [], review },
    checks: [
      {
        ...{ check, result: "fail", reason: "2 tests newly fail" },
        newlyFailing: ["test/a.test.ts > greets @ada", "no file here"],
      },
    ],
  };
  const about = (state: string) =>
    ({
      task: { id: "task_6", state, expectsChange: true, deliveryUrl: pull, gateVerdict: null },
      subtasks: [{ id: "sub_1", key: "main", state: "failed", verdict, gateVerdict: null }],
      attempts: [{ subtaskId: "sub_1", verdict }],
      asked: null,
    }) as unknown as ReportedTask;
  const delivered = composeCheck(about("completed"), true);
  expect(delivered.annotations).toEqual([
    {
      ...{ path: "src/a.ts", from: 3, to: 4, level: "warning" },
      message: "Breaks ＠ada, see ＃1 ‹img>",
    },
  ]);
  expect(delivered.summary).toContain("- npm test (acceptance): fail, 2 tests newly fail");
  expect(composeCheck(about("failed"), true).annotations).toEqual([
    {
      ...{ path: "test/a.test.ts", from: 1, to: 1, level: "failure" },
      message: "This test fails now: test/a.test.ts > greets ＠ada",
    },
  ]);
});

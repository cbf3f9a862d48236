import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeOwnPulls } from "../../src/daemon/triggers/own-pulls.ts";
import { isPullOf } from "../../src/delivery/github/github-repository.ts";
import { openStore, type Store } from "../../src/store/database/open.ts";
import { createTestDatabase, type TestDatabase } from "../support/postgres.ts";

/** A repository of one name on two forges: what one says is about its own pull requests. */
let database: TestDatabase;
let store: Store;
beforeAll(async () => {
  database = await createTestDatabase();
  store = await openStore(database.connection, { maxConnections: 2, onError: () => {} });
  await deliver("task_hub", "git@github.com:Acme/app.git", "https://github.com/Acme/app/pull/7");
  // The later one: the first that a search by name alone would find.
  await deliver("task_tea", "https://gitea.test/acme/app", "https://gitea.test/acme/app/pulls/7");
});
afterAll(async () => {
  await store?.close();
  await database?.drop();
});

const commit = "c".repeat(40);
const deliver = (id: string, repository: string, url: string) =>
  sql`insert into tasks (id, state, goal, repository, agent, attempt_timeout_ms, origin, delivery, delivery_url, branch, delivered_commit, ended_at)
    values (${id}, 'completed', 'g', ${repository}, 'builtin', 1, '{"source":"cli","subject":null,"outsideText":null,"replyTo":null,"reviewedAgainst":null}', 'pr', ${url}, 'deputy/x', ${commit}, now())`.execute(
    store.db,
  );
const onGithub = (apiUrl: string) =>
  makeOwnPulls({
    db: store.db,
    isHere: (task, name) => isPullOf(name, task, apiUrl),
  } as Parameters<typeof makeOwnPulls>[0]);

test.each(["https://api.github.com", "http://127.0.0.1:9/api/v3"])(
  "an event of GitHub (%s) finds the task that delivered there, not that of a namesake elsewhere",
  async (apiUrl) => {
    const own = onGithub(apiUrl);
    const ids = async () => (await own.listOpenPulls("acme/app")).map(({ id }) => id);
    expect(await ids()).toEqual(["task_hub"]);
    for (const branch of ["deputy/x", null])
      expect(await own.findDelivered("acme/app", { branch, commit })).toMatchObject({
        id: "task_hub",
      });
  },
);

test("it finds none where its namesake alone delivered", async () => {
  const own = onGithub("https://github.acme.test/api/v3");
  expect(await own.listOpenPulls("acme/app")).toEqual([]);
  expect(await own.findDelivered("acme/app", { branch: "deputy/x", commit })).toBeNull();
});

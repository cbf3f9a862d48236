import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { openStore, type Store } from "../../../src/store/database/open.ts";
import { insertDelivery } from "../../../src/store/triggers/inbox.ts";
import {
  deleteSchedule,
  listSchedules,
  moveSchedule,
  pauseSchedule,
  putSchedule,
  resumeSchedule,
} from "../../../src/store/triggers/schedules.ts";
import { parseTriggerRules } from "../../../src/triggers/rules.ts";
import { type ScheduleDeps, startSchedules } from "../../../src/triggers/schedule/run-schedules.ts";
import { createTestDatabase, type TestDatabase } from "../../support/postgres.ts";

/** A daemon's schedules at set times: each `at` is a start, one look and a stop. */
let database: TestDatabase;
let store: Store;
let logged: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  store = await openStore(database.connection, {
    onError: (error) => {
      throw error;
    },
  });
});
afterAll(async () => {
  await store.close();
  await database.drop();
});
beforeEach(async () => {
  logged = [];
  await store.db.deleteFrom("inbox").execute();
  await store.db.deleteFrom("schedules").execute();
});

const rule = (cron: string, more = "") =>
  parseTriggerRules(
    `schedule: [{ name: nightly, cron: '${cron}', tz: Europe/Berlin, repository: /a, goal: Tidy ${more} }]`,
    "f",
  ).schedule;

async function at<T>(
  time: string,
  rules: ReturnType<typeof rule> | null,
  work: (schedules: ReturnType<typeof startSchedules>) => Promise<T>,
): Promise<T>;
async function at(time: string, rules: ReturnType<typeof rule> | null): Promise<string[]>;
async function at(
  time: string,
  rules: ReturnType<typeof rule> | null,
  work?: (schedules: ReturnType<typeof startSchedules>) => Promise<unknown>,
): Promise<unknown> {
  const { db } = store;
  const rows: ScheduleDeps["rows"] = {
    list: () => listSchedules(db),
    put: (row) => putSchedule(db, row),
    move: (row, to) => moveSchedule(db, row, to),
    remove: (name) => deleteSchedule(db, name),
    pause: (name) => pauseSchedule(db, name),
    resume: (name, nextAt) => resumeSchedule(db, name, nextAt),
  };
  const schedules = startSchedules({
    rows,
    insert: (delivery) => insertDelivery(db, delivery),
    rules: () => rules,
    onFired: () => {},
    log: (_level, _fields, message) => logged.push(message),
    now: () => new Date(time),
  });
  const result = await work?.(schedules);
  await schedules.stop();
  return work ? result : fired();
}

async function fired(): Promise<string[]> {
  const rows = await store.db
    .selectFrom("inbox")
    .select("deliveryId")
    .orderBy("deliveryId")
    .execute();
  return rows.map(({ deliveryId }) => deliveryId);
}
const nextAt = async () => (await listSchedules(store.db))[0]?.nextAt?.toISOString();

test("a slot fires once ever, in any number of starts and with a clock that is set back", async () => {
  const nightly = rule("30 2 * * *");
  expect(await at("2026-05-01T12:00Z", nightly)).toEqual([]);
  expect(await nextAt()).toBe("2026-05-02T00:30:00.000Z");
  const slot = "schedule:nightly:2026-05-02T00:30:00.000Z";
  expect(await at("2026-05-02T00:30:01Z", nightly)).toEqual([slot]);
  expect(await at("2026-05-02T00:30:02Z", nightly)).toEqual([slot]);
  // Killed after the delivery was stored, before the row moved on.
  await store.db
    .updateTable("schedules")
    .set({ nextAt: new Date("2026-05-02T00:30Z") })
    .execute();
  expect(await at("2026-05-02T00:31:00Z", nightly)).toEqual([slot]);
  expect(await at("2026-05-01T20:00:00Z", nightly)).toEqual([slot]);
  expect(await nextAt()).toBe("2026-05-02T00:30:00.000Z");
  expect(await at("2026-05-02T00:30:30Z", nightly)).toEqual([slot]);
  expect(await nextAt()).toBe("2026-05-03T00:30:00.000Z");
});

test("after a downtime none, or the latest slot, is made up for", async () => {
  await at("2026-05-01T12:00Z", rule("30 2 * * *"));
  expect(await at("2026-05-05T12:00Z", rule("30 2 * * *"))).toEqual([]);
  expect(logged.at(-1)).toMatch(
    /nightly missed what came since 2026-05-02.*nothing is made up for/,
  );
  const catching = rule("30 2 * * *", ", catch_up: one");
  expect(await at("2026-05-09T12:00Z", catching)).toEqual([
    "schedule:nightly:2026-05-09T00:30:00.000Z",
  ]);
  expect(await nextAt()).toBe("2026-05-10T00:30:00.000Z");
});

test("a changed cron counts anew, and a removed rule's row goes; a broken file removes none", async () => {
  await at("2026-05-01T12:00Z", rule("30 2 * * *"));
  await at("2026-05-01T12:00Z", rule("0 20 * * *"));
  expect(await nextAt()).toBe("2026-05-01T18:00:00.000Z");
  await at("2026-05-01T12:00Z", null);
  expect(await listSchedules(store.db)).toHaveLength(1);
  await at("2026-05-01T12:00Z", []);
  expect(await listSchedules(store.db)).toEqual([]);
  expect(logged.at(-1)).toContain("nightly is gone: no rule in triggers.yaml has its name");
});

test("a paused schedule fires only when a person says so, and goes on from where it is resumed", async () => {
  const hourly = rule("@hourly");
  await at("2026-05-01T12:10Z", hourly, (schedules) => schedules.pause("nightly"));
  expect(await at("2026-05-01T15:10Z", hourly)).toEqual([]);
  const run = await at("2026-05-01T15:10Z", hourly, (schedules) => schedules.run("nightly"));
  expect(run).toMatch(/^schedule:nightly:run:/);
  await at("2026-05-01T16:10Z", hourly, (schedules) => schedules.resume("nightly"));
  expect(await fired()).toEqual([run]);
  expect(await nextAt()).toBe("2026-05-01T17:00:00.000Z");
  await at("2026-05-01T16:10Z", hourly, (schedules) =>
    expect(schedules.run("daily")).rejects.toThrow(
      "There is no schedule daily; there are nightly.",
    ),
  );
});

import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type WatchedRules, watchRules } from "../../src/triggers/watch-rules.ts";

let home: string;
let path: string;
let watched: WatchedRules;
let logged: string[];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "deputy-rules-"));
  path = join(home, "triggers.yaml");
  logged = [];
});
afterEach(async () => {
  await watched.close();
  await rm(home, { recursive: true });
});

const start = async () => {
  watched = await watchRules({
    path,
    log: (level, _, message) => logged.push(`${level} ${message}`),
  });
};
const rule = (goal: string) =>
  `github:\n  - { on: issues.opened, repository: acme/app, goal: ${goal} }\n`;
const goals = () => watched.current().github.map(({ goal }) => goal);
const until = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 20 });

test("without a file nothing fires, and it says so; the file counts from when it is there", async () => {
  await start();
  expect(goals()).toEqual([]);
  expect(watched.status()).toBe(`there is no ${path}, so nothing fires`);
  await writeFile(path, rule("First"));
  await until(() => expect(goals()).toEqual(["First"]));
});

test("a changed and a replaced file count, and a removed one turns everything off", async () => {
  await writeFile(path, rule("First"));
  await start();
  expect(goals()).toEqual(["First"]);
  await writeFile(path, rule("Second"));
  await until(() => expect(goals()).toEqual(["Second"]));
  await writeFile(`${path}.new`, rule("Third"));
  await rename(`${path}.new`, path);
  await until(() => expect(goals()).toEqual(["Third"]));
  await rm(path);
  await until(() => expect(goals()).toEqual([]));
});

test("a broken file leaves the old rules in force and says what is wrong where", async () => {
  await writeFile(path, rule("First"));
  await start();
  await writeFile(path, "github:\n  - on: issues.closed\n    repository: acme/app\n");
  await until(() => expect(watched.status()).toMatch(/line 2/));
  expect(goals()).toEqual(["First"]);
  expect(watched.status()).toMatch(/the rules read before stay in force$/);
  expect(logged.at(-1)).toMatch(/^warn Trigger rules not read: .*triggers\.yaml, line 2/);
  await writeFile(path, rule("Second"));
  await until(() => expect(goals()).toEqual(["Second"]));
});

test("a file that is broken from the start fires nothing", async () => {
  await writeFile(path, "github: [");
  await start();
  expect(goals()).toEqual([]);
  expect(watched.status()).toMatch(/nothing fires$/);
});

import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import {
  confirmOf,
  groupItems,
  mayChange,
  neighbourOf,
  nextChangeAt,
} from "../../web/src/views/inbox/groups.ts";
import { minutesUntilMorning } from "../../web/src/views/inbox/later.ts";
import { fieldOf, fromTask, noFields, toRequest } from "../../web/src/views/new-task/fields.ts";
import {
  pagePath,
  readFilter,
  readTasks,
  type TaskPage,
  withStates,
} from "../../web/src/views/tasks/task-list.ts";
import { readPayload } from "../../web/src/views/triggers/payload.ts";
import type { Json } from "../support/deputy.ts";

/** What the page's views decide, without a browser. */
const item = (id: string, heading: string, more: object = {}): Json => ({
  ...{ id, heading, tier: "blocking", kind: "question", task: { id: `task_${id}` }, subtask: null },
  ...{ since: null, why: "", actions: [], expires: null, ...more },
});
const items = [
  item("a", "Blocks other work"),
  item("b", "Blocks other work"),
  item("c", "Put off"),
];

test("the inbox is in the daemon's groups, without what was settled a moment ago", () => {
  const groups = groupItems(items, new Set(["a"]));
  expect(groups.map(({ heading, items: own }) => [heading, own.map(({ id }) => id)])).toEqual([
    ["Blocks other work", ["b"]],
    ["Put off", ["c"]],
  ]);
  // An older daemon names no heading.
  expect(groupItems([{ ...items[0], heading: null }], new Set())[0]?.heading).toBe("blocking");
});

test("after an item is settled the next one is in focus, and after the last the one before", () => {
  const groups = groupItems(items, new Set());
  expect(["a", "b", "c"].map((id) => neighbourOf(groups, id))).toEqual(["b", "c", "b"]);
  expect(neighbourOf([], "a")).toBeNull();
});

test("the inbox is read again for what may concern it, not for each step of a running task", () => {
  const change = (id: string, state: string, attention = false) => ({
    ...{ tasks: [id], states: { [id]: state }, attention },
  });
  expect(mayChange(change("task_z", "running"), items)).toBe(false);
  expect(mayChange(change("task_z", "running", true), items)).toBe(true);
  expect(mayChange(change("task_z", "waiting"), items)).toBe(true);
  expect(mayChange(change("task_b", "running"), items)).toBe(true);
});

test("the list changes by itself when an item expires or comes back", () => {
  const later = (time: string) => Date.parse(`2026-01-01T${time}:00Z`);
  const own = [
    item("a", "", { expires: "2026-01-01T12:00:00Z" }),
    item("b", "", { snoozed_until: "2026-01-01T11:00:00Z" }),
  ];
  expect(nextChangeAt(own, later("10:00"))).toBe(later("11:00"));
  expect(nextChangeAt(own, later("11:30"))).toBe(later("12:00"));
  expect(nextChangeAt(own, later("13:00"))).toBeNull();
});

test("what has a high risk is asked once more", () => {
  const action = (name: string, risk: string): Json => ({ name, risk, label: name });
  expect(confirmOf(action("retry", "low"))).toBeUndefined();
  expect(confirmOf(action("accept", "high"))).toBe("Merge it into the repository?");
  expect(confirmOf(action("answer", "high"))).toBe("Really: answer?");
});

test("until tomorrow is nine o'clock of the next day", () => {
  expect(minutesUntilMorning(new Date(2026, 0, 1, 8, 0))).toBe(25 * 60);
  expect(minutesUntilMorning(new Date(2026, 0, 1, 23, 30))).toBe(9 * 60 + 30);
});

test("the list of tasks is its address", () => {
  const filter = readFilter(new URLSearchParams("q=a%26b&state=waiting&sort=cost"));
  expect(filter).toEqual({ q: "a&b", state: "waiting", sort: "cost", repository: "" });
  expect(pagePath(filter, 50, "c1")).toBe(
    "/v1/tasks?q=a%26b&state=waiting&sort=cost&limit=50&cursor=c1",
  );
  expect(pagePath(readFilter(new URLSearchParams()), 50, null)).toBe("/v1/tasks?limit=50");
});

test("many tasks are read in few requests, and none twice when the list moves meanwhile", async () => {
  const all = Array.from({ length: 500 }, (_, index) => ({ id: `t${index}` }));
  const asked: string[] = [];
  const read = async (path: string): Promise<TaskPage> => {
    asked.push(path);
    const query = new URLSearchParams(path.split("?")[1]);
    const from = Math.max(0, Number(query.get("cursor") ?? 0) - 1); // one task moved down
    const to = from + Number(query.get("limit"));
    const next_cursor = to < all.length ? String(to) : null;
    return { tasks: all.slice(from, to) as Json[], unreadable: [], next_cursor };
  };
  const filter = readFilter(new URLSearchParams());
  const page = await readTasks(read, filter, 350);
  expect(asked).toHaveLength(3);
  expect(page.tasks.map(({ id }) => id)).toEqual(all.slice(0, 349).map(({ id }) => id));
  expect(page.next_cursor).not.toBeNull();
  expect((await readTasks(read, filter, 5_000)).tasks).toHaveLength(500);
});

test("a changed state is shown at once, and rows that did not change stay the same", () => {
  const tasks: Json[] = [
    { id: "a", state: "running" },
    { id: "b", state: "running" },
  ];
  expect(withStates(tasks, { c: "failed", a: "running" })).toBe(tasks);
  const changed = withStates(tasks, { b: "failed" });
  expect(changed.map(({ state }) => state)).toEqual(["running", "failed"]);
  expect(changed[0]).toBe(tasks[0]);
});

test("a form sends what was filled in, and leaves the rest to the settings", () => {
  const fields = { ...noFields, goal: "Do it", repository: "/r" };
  expect(toRequest(fields)).toEqual({ goal: "Do it", repository: "/r" });
  expect(
    toRequest({
      ...{ ...fields, base: " main ", checks: "npm test\n\n npm run lint ", usd: "$2.50" },
      ...{ minutes: "30", timeout: "ninety", approval: true, fresh: true },
    }),
  ).toEqual({
    ...{ goal: "Do it", repository: "/r", base: "main", checks: ["npm test", "npm run lint"] },
    ...{ approval: "plan", fresh: true, budget: { usd: 2.5, minutes: 30 } },
    // No number: the daemon says so, beside the field.
    timeout_minutes: "ninety",
  });
});

test("the same task again has the same form", () => {
  const task: Json = {
    ...{ goal: "Do it", repository: "/r", base: null, agent: "builtin", checks: ["npm test"] },
    ...{ mode: "auto", approval: "plan", deliver: "comment", budget: { usd: 3 }, proof: null },
    ...{ assurance: "high", timeout_minutes: 60, when_stuck: "ask", allow_test_changes: true },
    ...{ include_uncommitted: false, fresh: false },
  };
  expect(toRequest(fromTask(task))).toEqual({
    ...{ goal: "Do it", repository: "/r", agent: "builtin", checks: ["npm test"] },
    ...{ approval: "plan", assurance: "high", timeout_minutes: 60, when_stuck: "ask" },
    ...{ allow_test_changes: true, budget: { usd: 3 } },
  });
});

test("a refusal stands beside the field that it is about", () => {
  const fields = ["goal", "checks[0]", "budget.minutes", "budget", "timeout_minutes", "plan.x"];
  expect(fields.map(fieldOf)).toEqual(["goal", "checks", "minutes", "usd", "timeout", null]);
});

test("a payload that is no JSON is said to be none, and nothing is sent", () => {
  expect(readPayload(" ", "")).toBe("Paste a payload.");
  expect(readPayload("{", "")).toMatch(/^This is no JSON: /);
  expect(readPayload('{"a":1}', " issues ")).toEqual({ payload: { a: 1 }, event: "issues" });
});

test("a view's stylesheet, which stays loaded, styles no class of another one", () => {
  const sheets = readdirSync("web/src", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".css"))
    .map((path) => {
      const text = readFileSync(`web/src/${path}`, "utf8").replaceAll(/\/\*.*?\*\//gs, "");
      const selectors = [...text.matchAll(/([^{};]+)\{/g)].flatMap(([, list = ""]) =>
        list.split(","),
      );
      const classes = selectors.map((one) =>
        [...one.matchAll(/\.([a-z][\w-]*)/gi)].map(([, c]) => c),
      );
      // What a selector begins with is the sheet's own; below that it may change a shared part.
      return { path, own: new Set(classes.map(([first]) => first)), all: new Set(classes.flat()) };
    });
  const shared = sheets.flatMap(({ path, own }) =>
    path.startsWith("views/")
      ? sheets
          .filter((other) => other.path !== path)
          .flatMap((other) => [...own].filter((c) => other.all.has(c)).map((c) => [c, other.path]))
      : [],
  );
  expect(shared.filter(([c]) => c !== undefined)).toEqual([]);
});

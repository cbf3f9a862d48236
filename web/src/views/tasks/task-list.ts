import type { Lenient } from "../../../../src/api/lenient.ts";
import type { listedTaskWire } from "../../../../src/api/task/task.ts";
import type { TaskDetailView } from "../../../../src/api/task/task-detail.ts";

/** The list of tasks by its address, and how it follows what changes. Pure. */
export type TaskPage = {
  tasks: ListedRow[];
  unreadable: TaskDetailView["unreadable"];
  next_cursor: string | null;
};

export type ListedRow = Lenient<typeof listedTaskWire>;

export type Filter = { q: string; repository: string; state: string; sort: string };

export const sorts: Record<string, string> = {
  new: "Newest first",
  updated: "Last changed first",
  cost: "Most expensive first",
};

/** As one chooses them; each stands for one state or more. */
export const stateChoices: Record<string, string> = {
  "": "Any state",
  "queued,planning,running,delivering": "At work",
  waiting: "Waiting for you",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
};

export const readFilter = (query: URLSearchParams): Filter => ({
  q: query.get("q") ?? "",
  repository: query.get("repository") ?? "",
  state: query.get("state") ?? "",
  sort: query.get("sort") ?? "new",
});

/** The most that the daemon gives at once. */
const mostAtOnce = 200;
export const pageSize = 50;

/** The address of one page. */
export function pagePath(filter: Filter, limit: number, cursor: string | null): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter))
    if (value !== "" && !(name === "sort" && value === "new")) query.set(name, value);
  query.set("limit", String(limit));
  if (cursor !== null) query.set("cursor", cursor);
  return `/v1/tasks?${query}`;
}

/** Reads `count` tasks, in as few requests as they take. */
export async function readTasks(
  read: (path: string) => Promise<TaskPage>,
  filter: Filter,
  count: number,
): Promise<TaskPage> {
  const all: TaskPage = { tasks: [], unreadable: [], next_cursor: null };
  do {
    const limit = Math.min(mostAtOnce, count - all.tasks.length);
    const page = await read(pagePath(filter, limit, all.next_cursor));
    const known = new Set(all.tasks.map(({ id }) => id)); // the list may move between two pages
    const fresh = page.tasks.filter(({ id }) => !known.has(id));
    all.tasks.push(...fresh);
    all.unreadable.push(...page.unreadable);
    all.next_cursor = page.next_cursor;
    if (fresh.length === 0) break; // what comes now was read already
  } while (all.next_cursor !== null && all.tasks.length < count);
  return all;
}

/** The rows with the states that the stream tells; the same array if none of them changed. */
export function withStates(
  tasks: readonly ListedRow[],
  states: Readonly<Record<string, string>>,
): readonly ListedRow[] {
  const isChanged = ({ id, state }: ListedRow) => id in states && states[id] !== state;
  if (!tasks.some(isChanged)) return tasks;
  return tasks.map((task) => (isChanged(task) ? { ...task, state: states[task.id] ?? "" } : task));
}

/** What may be done about several at once. */
export const isOpen = ({ ended_at }: Pick<ListedRow, "ended_at">): boolean => ended_at === null;

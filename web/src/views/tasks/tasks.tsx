import { useEffect, useRef, useState } from "preact/hooks";
import { useMayAct } from "../../data/page-context.ts";
import { Link, setQuery, usePlace } from "../../data/router.tsx";
import { useTitle } from "../../data/use-title.ts";
import { useKeys } from "../../parts/keys.tsx";
import { Empty, Skeleton } from "../../parts/shown.tsx";
import { Bulk } from "./bulk.tsx";
import { Filters } from "./filters.tsx";
import { Row } from "./row.tsx";
import { readFilter } from "./task-list.ts";
import { useTasks } from "./use-tasks.ts";
import "./tasks.css";

/** All tasks, by the filter in the address. */
export default function Tasks() {
  useTitle("Tasks");
  const { query } = usePlace();
  const filter = readFilter(query);
  const { isOld, loading, more, page, problem, refresh } = useTasks(filter);
  const mayAct = useMayAct();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const place = useRef<HTMLDivElement>(null);
  const tasks = page?.tasks ?? [];
  // What is no longer shown is not acted on.
  const selected = tasks.filter(({ id }) => chosen.has(id));
  useEffect(() => setChosen(new Set()), [query.toString()]);

  const choose = (id: string, isChosen: boolean) => {
    const next = new Set(chosen);
    if (isChosen) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  const move = (by: 1 | -1) => {
    const links = [...(place.current?.querySelectorAll<HTMLElement>(".row-title a") ?? [])];
    const row = document.activeElement?.closest(".row");
    const at = links.findIndex((link) => row?.contains(link));
    links[at === -1 ? 0 : at + by]?.focus();
  };
  const keys = useKeys([
    { key: "/", words: "search", act: () => place.current?.querySelector("input")?.focus() },
    { key: "j", words: "the next task", act: () => move(1) },
    { key: "k", words: "the task before", act: () => move(-1) },
    {
      key: "x",
      words: "select the task",
      act: () => document.activeElement?.closest(".row")?.querySelector("input")?.click(),
    },
  ]);
  const isFiltered = filter.q !== "" || filter.state !== "" || filter.repository !== "";

  return (
    <div ref={place} {...keys}>
      <div class="view-head">
        <h1 class="view-title">Tasks</h1>
        {mayAct && (
          <Link href="/new" class="button primary">
            New task
          </Link>
        )}
      </div>
      <Filters filter={filter} />
      {problem && (
        <p class="problem" role="alert">
          {problem.message}{" "}
          <button type="button" class="link" onClick={refresh}>
            Try again
          </button>
        </p>
      )}
      {mayAct && (
        <Bulk
          tasks={tasks}
          selected={selected}
          choose={(ids) => setChosen(new Set(ids))}
          done={refresh}
        />
      )}
      {page === null && problem === null && <Skeleton lines={6} />}
      {page !== null && (
        <ul class={`rows ${isOld ? "old" : ""}`} aria-busy={loading && isOld}>
          {tasks.map((task) => (
            <Row
              key={task.id}
              task={task}
              isChosen={chosen.has(task.id)}
              choose={mayAct ? choose : null}
            />
          ))}
        </ul>
      )}
      {page !== null && tasks.length === 0 && (
        <Empty title={isFiltered ? "No task fits this filter." : "There is no task yet."}>
          {isFiltered ? (
            <button
              type="button"
              class="button plain"
              onClick={() => setQuery({ q: null, state: null, repository: null })}
            >
              Show all tasks
            </button>
          ) : (
            <p>
              <Link href="/new">Start the first one</Link>
            </p>
          )}
        </Empty>
      )}
      {page?.unreadable.map(({ column, id, problem: why, table }) => (
        <p key={`${table}${id}${column}`} class="problem">
          A row cannot be read ({table} {id}, {column}): {why}
        </p>
      ))}
      {page?.next_cursor && (
        <p class="more-tasks">
          <button type="button" class="button plain" onClick={more} aria-busy={loading}>
            More tasks
          </button>
        </p>
      )}
    </div>
  );
}

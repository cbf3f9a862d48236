import { Link, setQuery, usePlace } from "../../../data/router.tsx";
import { Empty } from "../../../parts/shown.tsx";
import { taskHref } from "../task-path.ts";
import type { Attempt, TabProps } from "../types.ts";
import "./ansi.css";
import "./log.css";
import { LogView } from "./log-view.tsx";

/** The log of one attempt: the newest one, or the one that the address names. */
export default function Log({ detail }: TabProps) {
  const { attempts, subtasks, task } = detail;
  const { query } = usePlace();
  const keyOf = new Map(subtasks.map(({ id, key }) => [id, key]));
  const [subtask, number] = [query.get("subtask"), query.get("attempt")];
  const newest = attempts
    .toSorted((left, right) => Date.parse(left.started_at) - Date.parse(right.started_at))
    .toReversed();
  const isAsked = (attempt: Attempt) =>
    (subtask === null || keyOf.get(attempt.subtask_id) === subtask) &&
    (number === null || String(attempt.number) === number);
  const shown = newest.find(isAsked);

  if (task.pruned_at !== null)
    return <Empty title="Its logs were removed long after its end; its record stays." />;
  if (attempts.length === 0)
    return (
      <Empty title="No attempt has started, so there is no log yet.">
        <p>
          <Link href={taskHref(task.id, "story")}>See what happens</Link>
        </p>
      </Empty>
    );
  const picker = (
    <label class="picker">
      <span>Log of</span>
      <select
        value={shown ? `${keyOf.get(shown.subtask_id)} ${shown.number}` : ""}
        onChange={(event) => {
          const [key = null, attempt = null] = event.currentTarget.value.split(" ");
          setQuery({ subtask: key, attempt });
        }}
      >
        {!shown && <option value="">choose an attempt</option>}
        {newest.map((attempt) => {
          const key = keyOf.get(attempt.subtask_id) ?? "";
          return (
            <option key={attempt.id} value={`${key} ${attempt.number}`}>
              {subtasks.length > 1 ? `${key}, ` : ""}attempt {attempt.number} (
              {attempt.end_reason?.replaceAll("_", " ") ?? "running"})
            </option>
          );
        })}
      </select>
    </label>
  );
  if (!shown) return <Empty title="No attempt of it fits this address.">{picker}</Empty>;
  const key = keyOf.get(shown.subtask_id) ?? "";
  return (
    <LogView
      key={shown.id}
      taskId={task.id}
      subtask={key}
      attempt={shown.number}
      isRunning={shown.ended_at === null}
      picker={picker}
    />
  );
}

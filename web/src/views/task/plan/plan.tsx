import type { LadderDetailView } from "../../../../../src/api/task/ladder.ts";
import { Link } from "../../../data/router.tsx";
import { useResource } from "../../../data/use-resource.ts";
import { OutsideText } from "../../../parts/outside-text.tsx";
import { Empty } from "../../../parts/shown.tsx";
import { State } from "../../../parts/state.tsx";
import { taskHref, taskPath } from "../task-path.ts";
import type { Subtask, TabProps } from "../types.ts";
import { PlanGraph } from "./graph.tsx";
import { indentPlan } from "./indent-plan.ts";
import { mostNodes } from "./lay-out-graph.ts";
import "./plan.css";
import { PlanRecords } from "./plan-records.tsx";

/** The plan: a picture on a wide screen, a list with the same everywhere, and how it came to be. */
export default function Plan({ detail }: TabProps) {
  const { task, subtasks, plans } = detail;
  const ladder = useResource<LadderDetailView>(taskPath(task.id, "/ladder"), ({ tasks }) =>
    tasks.includes(task.id),
  );
  if (subtasks.length === 0 && plans.length === 0) return <Empty title="It has no plan yet." />;
  return (
    <div class="plan">
      {subtasks.length > 1 && subtasks.length <= mostNodes && (
        <PlanGraph taskId={task.id} subtasks={subtasks} />
      )}
      {subtasks.length > mostNodes && (
        <p class="hint">{subtasks.length} subtasks are too many for a picture.</p>
      )}
      <ol class="plan-list" aria-label="Subtasks">
        {indentPlan(subtasks).map(({ subtask, depth }) => (
          <PlanItem
            key={subtask.key}
            taskId={task.id}
            subtask={subtask}
            depth={depth}
            ladder={ladder.data?.subtasks.find(({ key }) => key === subtask.key)}
          />
        ))}
      </ol>
      <PlanRecords plans={plans} subtasks={subtasks} />
    </div>
  );
}

function PlanItem({
  taskId,
  subtask,
  depth,
  ladder,
}: {
  taskId: string;
  subtask: Subtask;
  depth: number;
  ladder: LadderDetailView["subtasks"][number] | undefined;
}) {
  const { agent, brief, checks, depends_on, key, state, title, writes } = subtask;
  return (
    <li
      id={`subtask-${key}`}
      class="plan-item"
      style={{ marginInlineStart: `${Math.min(depth, 6) * 1.25}rem` }}
    >
      <div class="plan-line">
        <State state={state} />
        <Link href={taskHref(taskId, "log", { subtask: key })}>
          <OutsideText text={title} />
        </Link>
        <code>{key}</code>
        {depends_on.map((on) => (
          <a key={on} class="chip" href={`#subtask-${on}`}>
            after {on}
          </a>
        ))}
      </div>
      {ladder && ladder.counted > 0 && (
        <p class="soft">
          {ladder.counted} of {ladder.limit} attempts failed.
          {ladder.next && (
            <>
              {" "}
              If it fails so again: <OutsideText text={ladder.next.reason} />.
            </>
          )}
        </p>
      )}
      <details>
        <summary>Brief</summary>
        <p class="outside">
          <OutsideText text={brief || "The goal of the task is its brief."} />
        </p>
        <p class="soft">
          Agent <OutsideText text={agent} />
          {writes.length > 0 && (
            <>
              {" "}
              · writes <OutsideText text={writes.join(", ")} />
            </>
          )}
          {checks.length > 0 && (
            <>
              {" "}
              · checks <OutsideText text={checks.map(({ command }) => command).join(", ")} />
            </>
          )}
        </p>
      </details>
    </li>
  );
}

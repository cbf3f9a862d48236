import type { WhyView } from "../../../../src/api/task/why.ts";
import { useResource } from "../../data/use-resource.ts";
import { OutsideText } from "../../parts/outside-text.tsx";
import { State, stateOf } from "../../parts/state.tsx";
import { Time } from "../../parts/time.tsx";
import { formatDuration, formatUsd, plural } from "../../parts/words.ts";
import { Actions } from "./actions.tsx";
import { AskedQuestion } from "./asked-question.tsx";
import { ForgeLink } from "./forge-link.tsx";
import { taskPath } from "./task-path.ts";
import { type Detail, isOver, type TabProps } from "./types.ts";
import { useWide } from "./use-wide.ts";

/** What the task is, what it waits for, what came of it, and what a person can do. */
export function Head({ detail, refresh }: TabProps) {
  const { task, questions, unreadable } = detail;
  const isWide = useWide();
  // A pause is ended by the button Resume.
  const open = questions.filter(
    ({ answered_at, kind }) => answered_at === null && kind !== "pause",
  );
  return (
    <header class="task-head">
      <div class="task-title">
        <h1>
          <OutsideText text={task.title} />
        </h1>
        <State state={stateOf(task)} />
      </div>
      <Standing detail={detail} asks={open.length > 0} />
      {open.map((question) => (
        <AskedQuestion key={question.id} question={question} detail={detail} refresh={refresh} />
      ))}
      <Actions detail={detail} refresh={refresh} />
      {isWide ? (
        <Facts detail={detail} />
      ) : (
        <details>
          <summary>Branch, cost and times</summary>
          <Facts detail={detail} />
        </details>
      )}
      {unreadable.length > 0 && (
        <p class="problem">
          {plural(unreadable.length, "row")} of this task cannot be read and{" "}
          {unreadable.length === 1 ? "is" : "are"} missing here:{" "}
          <OutsideText
            text={unreadable.map(({ table, problem }) => `${table}: ${problem}`).join("; ")}
          />
        </p>
      )}
    </header>
  );
}

/** One sentence: why it ended, or what it waits for and what comes next. */
function Standing({ detail: { task, proof }, asks }: { detail: Detail; asks: boolean }) {
  const over = isOver(task);
  const why = useResource<WhyView>(over ? null : taskPath(task.id, "/why"), ({ tasks }) =>
    tasks.includes(task.id),
  );
  if (task.pruned_at !== null)
    return (
      <p>
        It ended long ago: its logs, events and snapshots were removed <Time at={task.pruned_at} />,
        and its record stays.
      </p>
    );
  if (over)
    return (
      <>
        {task.end_detail && (
          <p>
            <OutsideText text={task.end_detail} />
          </p>
        )}
        {proof && (
          <p class={proof.verified ? "proof good" : "proof ask"}>
            <strong>
              <span aria-hidden="true">{proof.verified ? "✓" : "!"}</span>{" "}
              <OutsideText text={proof.headline} />
            </strong>{" "}
            <span class="soft">
              <OutsideText text={proof.detail} />
            </span>
          </p>
        )}
      </>
    );
  if (why.data === null)
    return why.problem ? <p class="soft">{why.problem.message}</p> : <p class="soft">…</p>;
  return (
    <p>
      {asks ? "Waits for your answer" : <OutsideText text={`Waits for: ${why.data.waiting_for}`} />}
      , since <Time at={why.data.since} />.{" "}
      <span class="soft">
        Next: <OutsideText text={why.data.next} />
        {why.data.next_at && (
          <>
            {" "}
            <Time at={why.data.next_at} />
          </>
        )}
        {why.data.signs && (
          <>
            {" "}
            · signs of life: <OutsideText text={why.data.signs} />
          </>
        )}
      </span>
    </p>
  );
}

function Facts({ detail: { task, usage, attempts } }: { detail: Detail }) {
  const spent = usage.some(({ cost_usd }) => cost_usd === null)
    ? null
    : usage.reduce((sum, { cost_usd }) => sum + (cost_usd ?? 0), 0);
  const endedAt = task.ended_at === null ? Date.now() : Date.parse(task.ended_at);
  return (
    <dl class="facts">
      <div>
        <dt>Repository</dt>
        <dd title={task.repository}>
          <OutsideText text={task.repository.replace(/\/+$/, "").split("/").pop() ?? ""} />
        </dd>
      </div>
      <div>
        <dt>Agent</dt>
        <dd>
          <OutsideText text={task.agent.length > 48 ? `${task.agent.slice(0, 47)}…` : task.agent} />
        </dd>
      </div>
      {(task.branch !== null || task.delivery_url !== null) && (
        <div>
          <dt>{task.delivery_url === null ? "Branch" : "Delivered"}</dt>
          <dd>
            <ForgeLink href={task.delivery_url} text={task.branch ?? task.delivery_url ?? ""} />
          </dd>
        </div>
      )}
      <div>
        <dt>Cost</dt>
        <dd class="figure">
          {usage.length === 0 ? "none" : formatUsd(spent)}
          {task.budget?.usd !== undefined && ` of $${task.budget.usd}`}
        </dd>
      </div>
      <div>
        <dt>Started</dt>
        <dd>
          <Time at={task.created_at} />
        </dd>
      </div>
      <div>
        <dt>{task.ended_at === null ? "Runs for" : "Took"}</dt>
        <dd class="figure">
          {formatDuration(endedAt - Date.parse(task.created_at))}
          {attempts.length > 0 && `, ${plural(attempts.length, "attempt")}`}
        </dd>
      </div>
      <div>
        <dt>Id</dt>
        <dd>
          <code>{task.id}</code>
        </dd>
      </div>
    </dl>
  );
}

import { OutsideText } from "../../../parts/outside-text.tsx";
import { Time } from "../../../parts/time.tsx";
import { formatDuration, formatUsd, plural } from "../../../parts/words.ts";
import type { Detail, Subtask } from "../types.ts";

/** How the plan came to be: proposals and what a person said to them, revisions, refused requests. */
type PlanEntry = Detail["plans"][number];
const states: Record<string, string> = {
  proposed: "Proposed",
  accepted: "Plan",
  rejected: "Sent back",
  revision: "Revised",
};

export function PlanRecords({
  plans,
  subtasks,
}: {
  plans: readonly PlanEntry[];
  subtasks: readonly Subtask[];
}) {
  if (plans.length === 0) return null;
  return (
    <section aria-labelledby="plan-records">
      <h2 id="plan-records">How the plan came to be</h2>
      <ol class="cards">
        {plans.toReversed().map((record) => (
          <li key={record.id} class="card">
            <PlanRecord
              record={record}
              about={subtasks.find(({ id }) => id === record.subtask_id)?.key ?? null}
            />
          </li>
        ))}
      </ol>
    </section>
  );
}

function PlanRecord({ record, about }: { record: PlanEntry; about: string | null }) {
  const { created_at, diff, feedback, plan, reason, refused, state } = record;
  return (
    <>
      <p>
        <strong>{states[state] ?? state}</strong>
        {about && (
          <>
            {" "}
            of <OutsideText text={about} />
          </>
        )}{" "}
        <span class="soft">
          <Time at={created_at} />
        </span>
        {reason && (
          <>
            <br />
            <OutsideText text={reason} />
          </>
        )}
      </p>
      {plan?.planner && (
        <p class="soft">
          By <OutsideText text={[plan.planner.agent, ...plan.planner.models].join(", ")} /> in{" "}
          {formatDuration(plan.planner.duration_ms)}, {formatUsd(plan.planner.cost_usd)}.
          {plan.planner.problem && (
            <>
              {" "}
              Asked twice: <OutsideText text={plan.planner.problem} />
            </>
          )}
        </p>
      )}
      {diff.length > 0 && (
        <ul class="plan-diff" aria-label="What it changed">
          {diff.map((line) => (
            <li key={line} class={line.startsWith("+") ? "add" : line.startsWith("-") ? "cut" : ""}>
              <OutsideText text={line} />
            </li>
          ))}
        </ul>
      )}
      {plan && plan.subtasks.length > 0 && (
        <details open={state === "proposed"}>
          <summary>{plural(plan.subtasks.length, "subtask")}</summary>
          <ol class="plan-proposal">
            {plan.subtasks.map(({ brief, depends_on, key, title, checks }) => (
              <li key={key}>
                <OutsideText text={title} /> <code>{key}</code>
                {depends_on.length > 0 && <span class="chip">after {depends_on.join(", ")}</span>}
                {brief && (
                  <p class="outside soft">
                    <OutsideText text={brief} />
                  </p>
                )}
                {checks.length > 0 && (
                  <p class="soft">
                    Checks: <OutsideText text={checks.join(", ")} />
                  </p>
                )}
              </li>
            ))}
          </ol>
        </details>
      )}
      {refused.length > 0 && (
        <>
          <p class="soft">Refused requests:</p>
          <ul>
            {refused.map((line) => (
              <li key={line}>
                <OutsideText text={line} />
              </li>
            ))}
          </ul>
        </>
      )}
      {feedback && (
        <blockquote>
          <OutsideText text={feedback} />
        </blockquote>
      )}
    </>
  );
}

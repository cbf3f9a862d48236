import { useResource } from "../../../data/use-resource.ts";
import { OutsideText } from "../../../parts/outside-text.tsx";
import { Empty, Shown } from "../../../parts/shown.tsx";
import { formatCount, formatUsd, plural } from "../../../parts/words.ts";
import { taskPath } from "../task-path.ts";
import type { TabProps } from "../types.ts";
import "./cost.css";
import type { Cost, Spent } from "./wire.ts";

/** What the task cost: by role, model and attempt, and how much of it was directing the work. */
export default function CostTab({ detail: { task } }: TabProps) {
  const cost = useResource<Cost>(taskPath(task.id, "/cost"), ({ tasks }) =>
    tasks.includes(task.id),
  );
  return (
    <Shown resource={cost} skeleton={4}>
      {(data) =>
        data.by_role.length === 0 ? (
          <Empty title="No model was called." />
        ) : (
          <div class="cost">
            <p class="total">
              <strong class="figure">{formatUsd(data.total_usd)}</strong>{" "}
              <span class="soft">
                {Math.round(data.orchestration_share * 100)} % of it for planning, review and
                recovery
              </span>
            </p>
            <Budget spent={data.total_usd} budget={task.budget?.usd ?? null} />
            <Spending
              title="By role"
              rows={data.by_role.map((row) => ({ ...row, name: row.role }))}
            />
            <Spending
              title="By attempt"
              rows={data.by_attempt.map((row) => ({
                ...row,
                name: `${row.attempt === null ? "the whole task" : `${row.subtask}, attempt ${row.attempt}`}: ${row.role}, ${row.model}`,
              }))}
            />
            <Spending
              title="By model"
              rows={data.by_model.map((row) => ({ ...row, name: row.model }))}
            />
          </div>
        )
      }
    </Shown>
  );
}

function Budget({ spent, budget }: { spent: number | null; budget: number | null }) {
  if (budget === null) return <p class="soft">It has no limit in dollars.</p>;
  if (spent === null) return <p class="soft">Of ${budget}; the price of a model is unknown.</p>;
  return (
    <label class="budget">
      {formatUsd(spent)} of ${budget}
      <meter min={0} max={budget} high={budget * 0.9} value={Math.min(spent, budget)} />
    </label>
  );
}

function Spending({ title, rows }: { title: string; rows: readonly (Spent & { name: string })[] }) {
  const most = Math.max(...rows.map(({ usd }) => usd ?? 0));
  return (
    <div class="table">
      <table>
        <caption>{title}</caption>
        <thead>
          <tr>
            <th scope="col">What</th>
            <th scope="col" class="figure">
              Cost
            </th>
            <th scope="col" class="figure">
              Tokens in
            </th>
            <th scope="col" class="figure">
              Tokens out
            </th>
            <th scope="col" class="figure">
              Calls
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ calls, name, tokens_in, tokens_out, usd }) => (
            <tr key={name}>
              <th scope="row">
                <OutsideText text={name} />
                <span
                  class="share"
                  aria-hidden="true"
                  style={{ width: `${most > 0 ? ((usd ?? 0) / most) * 100 : 0}%` }}
                />
              </th>
              <td class="figure">{formatUsd(usd)}</td>
              <td class="figure">{formatCount(tokens_in)}</td>
              <td class="figure">{formatCount(tokens_out)}</td>
              <td class="figure" title={plural(calls, "call")}>
                {calls}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

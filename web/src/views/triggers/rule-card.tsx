import { send } from "../../data/api.ts";
import { Link } from "../../data/router.tsx";
import { Button } from "../../parts/button.tsx";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Time } from "../../parts/time.tsx";
import type { Rule } from "./trigger-view.ts";

/** One rule: what it waits for, what it did last, and whether its breaker keeps it from more. */
export function RuleCard({ rule, changed }: { rule: Rule; changed: () => void }) {
  const { breaker, fired_today, last, name, section, summary } = rule;
  const reset = async () => {
    const { detail } = await send<{ detail: string }>(
      "POST",
      `/v1/triggers/${encodeURIComponent(name)}/reset`,
    );
    changed();
    return detail;
  };
  return (
    <li class="card rule">
      <div class="rule-head">
        <h2>
          <OutsideText text={name} />
        </h2>
        <span class="chip">{section}</span>
        {fired_today > 0 && <span class="soft">{fired_today} today</span>}
      </div>
      <p>
        <OutsideText text={summary} />
      </p>
      {breaker?.open && (
        <div class="banner ask">
          <span>
            It starts nothing: <OutsideText text={breaker.reason ?? "its breaker is open"} />
            {breaker.since && (
              <>
                {" "}
                (<Time at={breaker.since} />)
              </>
            )}
          </span>
          <Button confirm="Let this rule start tasks again?" act={reset}>
            Reset
          </Button>
        </div>
      )}
      {last.length > 0 && (
        <ul class="rule-last soft">
          {last.map(({ at, result, task }) => (
            <li key={`${at}${task}`}>
              <Time at={at} />: <OutsideText text={result ?? "still open"} />{" "}
              {task && <Link href={`/tasks/${task}`}>its task</Link>}
            </li>
          ))}
        </ul>
      )}
    </li>
  );
}

import type { TriggersView } from "../../../../src/api/triggers.ts";
import { useResource } from "../../data/use-resource.ts";
import { useTitle } from "../../data/use-title.ts";
import { OutsideText } from "../../parts/outside-text.tsx";
import { Empty, Shown } from "../../parts/shown.tsx";
import { Deliveries } from "./deliveries.tsx";
import { DryRun } from "./dry-run.tsx";
import { RuleCard } from "./rule-card.tsx";
import { Schedules } from "./schedules.tsx";
import "./triggers.css";

/** What starts tasks by itself: rules, what they did last, and what they would do. */
export default function Triggers() {
  useTitle("Triggers");
  const list = useResource<TriggersView>(
    "/v1/triggers",
    ({ attention, tasks }) => attention || tasks.length > 0,
  );
  return (
    <>
      <h1 class="view-title">Triggers and schedules</h1>
      <Shown resource={list} skeleton={4}>
        {({ deliveries, file, problem, rules }) => (
          <>
            {problem && (
              <p class="problem" role="alert">
                <OutsideText text={problem} />
              </p>
            )}
            {rules.length === 0 && !problem && (
              <Empty title="No rule starts tasks.">
                <p>
                  Write one into <code>{file}</code>: an issue with a label, a failed check, a time,
                  a file. Deputy reads it again by itself.
                </p>
              </Empty>
            )}
            {rules.length > 0 && (
              <>
                <p class="soft">
                  From <code>{file}</code>, which Deputy reads again when it changes.
                </p>
                <ul class="cards">
                  {rules.map((rule) => (
                    <RuleCard
                      key={`${rule.section} ${rule.name}`}
                      rule={rule}
                      changed={list.refresh}
                    />
                  ))}
                </ul>
              </>
            )}
            <Schedules />
            <h2 class="section-title">What would it start?</h2>
            <DryRun rules={rules} />
            <h2 class="section-title">Last events</h2>
            <Deliveries deliveries={deliveries} />
          </>
        )}
      </Shown>
    </>
  );
}

import { setQuery, usePlace } from "../../../data/router.tsx";
import { OutsideText } from "../../../parts/outside-text.tsx";
import { Empty } from "../../../parts/shown.tsx";
import type { Detail, TabProps, Verdict } from "../types.ts";
import { CheckCard } from "./check-card.tsx";
import "./checks.css";
import { Proof } from "./proof.tsx";

/** What was checked: of an attempt, of a merge, of the whole; each result beside its baseline. */
export type Judged = {
  id: string;
  label: string;
  subtask: string;
  attempt: string | null;
  verdict: Verdict;
};

export default function Checks({ detail }: TabProps) {
  const { query } = usePlace();
  const judged = listJudged(detail);
  const [subtask, attempt] = [query.get("subtask"), query.get("attempt")];
  const shown =
    judged.find(
      (one) =>
        (subtask === null || one.subtask === subtask) &&
        (attempt === null || one.attempt === attempt) &&
        (query.get("of") === null || one.id === query.get("of")),
    ) ?? judged[0];
  if (!shown)
    return (
      <Empty title="No check has run yet.">
        {detail.task.preparation && (
          <p>
            It will run:{" "}
            <OutsideText
              text={
                detail.task.preparation.checks.map(({ command }) => command).join(", ") ||
                "nothing, because no checks were given or found"
              }
            />
          </p>
        )}
      </Empty>
    );
  const { verdict } = shown;
  return (
    <div class="checks">
      <label class="picker">
        <span>Checks of</span>
        <select
          value={shown.id}
          onChange={(event) =>
            setQuery({ of: event.currentTarget.value, subtask: null, attempt: null })
          }
        >
          {judged.map(({ id, label, verdict: { result } }) => (
            <option key={id} value={id}>
              {label} ({result})
            </option>
          ))}
        </select>
      </label>
      <p class={`verdict ${verdict.result}`}>
        <strong>
          <span aria-hidden="true">{marks[verdict.result] ?? "!"}</span> {verdict.result}
        </strong>{" "}
        <OutsideText text={verdict.summary} />
      </p>
      <div class="cards">
        {verdict.checks.map((result) => (
          <CheckCard key={result.check.name} result={result} />
        ))}
      </div>
      {verdict.findings.length > 0 && (
        <section aria-labelledby="findings">
          <h2 id="findings">Found in the change itself</h2>
          <ul class="task-rows">
            {verdict.findings.map(({ blocking, message, paths }) => (
              <li key={message}>
                <span>
                  <strong>{blocking ? "holds it up" : "for your eyes"}</strong>:{" "}
                  <OutsideText text={message} />{" "}
                  <span class="soft">
                    <OutsideText text={paths.join(", ")} />
                  </span>
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Proof verdict={verdict} />
      {verdict.not_checked.length > 0 && (
        <section aria-labelledby="not-checked">
          <h2 id="not-checked">Not checked</h2>
          <ul>
            {verdict.not_checked.map((line) => (
              <li key={line}>
                <OutsideText text={line} />
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

const marks: Record<string, string> = { pass: "✓", fail: "×", inconclusive: "!" };

/** The newest first. */
function listJudged({ attempts, subtasks }: Detail): Judged[] {
  const several = subtasks.length > 1;
  const keyOf = new Map(subtasks.map(({ id, key }) => [id, key]));
  const ofMerges = subtasks.flatMap(({ gate_verdict, id, key }) =>
    gate_verdict
      ? [
          {
            ...{ id: `merge ${id}`, subtask: key, attempt: null, verdict: gate_verdict },
            label: several ? `${key}, merged` : "the merge",
          },
        ]
      : [],
  );
  const ofAttempts = attempts.toReversed().flatMap(({ id, number, subtask_id, verdict }) => {
    const key = keyOf.get(subtask_id) ?? "";
    const label = several ? `${key}, attempt ${number}` : `attempt ${number}`;
    return verdict ? [{ id, label, subtask: key, attempt: String(number), verdict }] : [];
  });
  return [...ofAttempts, ...ofMerges];
}

import { OutsideText } from "../../../parts/outside-text.tsx";
import { formatDuration } from "../../../parts/words.ts";
import type { Verdict } from "../types.ts";

/** What the checks themselves are worth: experiments, and changed files that judge the change. */
export function Proof({ verdict: { causes, experiments, judges } }: { verdict: Verdict }) {
  return (
    <>
      {judges.length > 0 && (
        <section aria-labelledby="judges">
          <h2 id="judges">Changed files that judge the change</h2>
          <ul class="task-rows">
            {judges.map(({ accepted, path, status, weaker, why }) => (
              <li key={path}>
                <span>
                  <code>
                    <OutsideText text={path} />
                  </code>{" "}
                  <span class="chip">{status}</span> <OutsideText text={why} />
                  {weaker && (
                    <>
                      . <strong>Weaker</strong>: <OutsideText text={weaker} />
                    </>
                  )}
                  <br />
                  <span class="soft">
                    {accepted ? (
                      <>
                        Accepted by {by[accepted.by] ?? accepted.by}:{" "}
                        <OutsideText text={accepted.evidence} />
                      </>
                    ) : (
                      "Accepted by nobody."
                    )}
                  </span>
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {causes.length > 0 && (
        <section aria-labelledby="causes">
          <h2 id="causes">What turned red checks green</h2>
          <ul class="task-rows">
            {causes.map(({ by_source, check, paths, smallest }) => (
              <li key={check}>
                <span>
                  <code>
                    <OutsideText text={check} />
                  </code>{" "}
                  needs <OutsideText text={paths.join(", ")} />
                  {!smallest && " (or fewer of them)"}
                  {!by_source && ", none of which is source"}.
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {experiments.length > 0 && (
        <section aria-labelledby="experiments">
          <h2 id="experiments">Experiments on the checks</h2>
          <ul class="task-rows">
            {experiments.map(({ check, command, duration_ms, kind, result, says }) => (
              <li key={`${kind} ${check} ${says}`}>
                <span>
                  <strong>{result}</strong> · {kind.replaceAll("_", " ")} ·{" "}
                  <OutsideText text={says} />
                  <br />
                  <span class="soft figure">
                    <OutsideText text={command} />, {formatDuration(duration_ms)}
                  </span>
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

const by: Record<string, string> = {
  flag: "a flag",
  goal: "the goal",
  plan: "the plan",
  reviewer: "a reviewer",
  person: "a person",
};

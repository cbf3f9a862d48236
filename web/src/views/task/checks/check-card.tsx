import { OutsideText } from "../../../parts/outside-text.tsx";
import { formatDuration, plural } from "../../../parts/words.ts";
import { Output } from "../output.tsx";
import type { CheckResult, CheckRun } from "../types.ts";

/** One check: its result beside the same check on the base, and what newly fails by name. */
const marks: Record<string, string> = { pass: "✓", fail: "×", inconclusive: "!" };
const mostNames = 50;

export function CheckCard({
  result: { baseline, check, newly_failing, newly_passing, reason, rerun, result, run },
}: {
  result: CheckResult;
}) {
  return (
    <article class={`card check ${result}`}>
      <h2>
        <span class="check-mark" aria-hidden="true">
          {marks[result] ?? "!"}
        </span>
        <code>
          <OutsideText text={check.name} />
        </code>
        <span>{result}</span>
      </h2>
      <p>
        <OutsideText text={reason} />
        <span class="soft">
          {" "}
          · {check.kind} check, from {sources[check.source] ?? check.source}
          {check.name !== check.command && (
            <>
              {" "}
              · <OutsideText text={check.command} />
            </>
          )}
        </span>
      </p>
      <div class="runs">
        <Run title="With the change" run={run} />
        {rerun && <Run title="Run again" run={rerun} />}
        {baseline ? (
          <Run title="Before" run={baseline} />
        ) : (
          <p class="soft">It was not run on the base.</p>
        )}
      </div>
      <Names title="Newly failing" names={newly_failing} />
      <Names title="Newly passing" names={newly_passing} />
      <details open={result !== "pass"}>
        <summary>Output</summary>
        <Output text={run.output_tail} label={`Output of ${check.name}`} />
        {baseline && baseline.output_tail.trim() !== "" && (
          <details>
            <summary>Output before the change</summary>
            <Output text={baseline.output_tail} label={`Output of ${check.name} before`} />
          </details>
        )}
      </details>
    </article>
  );
}

const sources: Record<string, string> = {
  caller: "you",
  plan: "the plan",
  config: "the repository's configuration",
  detected: "the repository",
};

function Run({ title, run }: { title: string; run: CheckRun }) {
  const { detail, duration_ms, status, tests } = run;
  return (
    <dl class={`check-run ${status}`}>
      <dt>{title}</dt>
      <dd>
        <strong>{status}</strong>, <OutsideText text={detail} />
      </dd>
      <dd class="soft figure">
        {formatDuration(duration_ms)}
        {tests &&
          `, ${tests.passed} passed, ${tests.failed} failed${tests.skipped > 0 ? `, ${tests.skipped} skipped` : ""}`}
      </dd>
    </dl>
  );
}

function Names({ title, names }: { title: string; names: readonly string[] }) {
  if (names.length === 0) return null;
  return (
    <details open={title === "Newly failing"}>
      <summary>
        {title}: {plural(names.length, "test")}
      </summary>
      <ul class="names">
        {names.slice(0, mostNames).map((name) => (
          <li key={name}>
            <OutsideText text={name} />
          </li>
        ))}
        {names.length > mostNames && <li>and {names.length - mostNames} more in the receipt</li>}
      </ul>
    </details>
  );
}

import { OutsideText } from "../../../parts/outside-text.tsx";
import { Empty } from "../../../parts/shown.tsx";
import { plural } from "../../../parts/words.ts";
import { Output } from "../output.tsx";
import type { Attempt, Subtask, TabProps, Verdict } from "../types.ts";
import "./review.css";

/** What reviewers found, with the evidence for each, the coder's answers, and how it closed. */
type ReviewOf = NonNullable<Verdict["review"]>;
type Finding = ReviewOf["findings"][number];

export default function Review({ detail }: TabProps) {
  const { attempts, subtasks, task } = detail;
  const reviewed = subtasks.flatMap((subtask) => {
    const own = attempts.filter(({ subtask_id }) => subtask_id === subtask.id);
    const last = own.toReversed().find(({ verdict }) => verdict?.review)?.verdict?.review;
    const review = subtask.verdict?.review ?? last;
    return review ? [{ subtask, review, own }] : [];
  });
  if (reviewed.length === 0)
    return (
      <Empty title="Nobody has reviewed this change.">
        <p>
          {task.assurance === "quick"
            ? "It was asked for with quick assurance: its checks alone decide."
            : "A review begins once the checks are green, where one is asked for."}
        </p>
      </Empty>
    );
  return (
    <div class="review">
      {reviewed.map(({ subtask, review, own }) => (
        <ReviewPart
          key={subtask.id}
          subtask={subtasks.length > 1 ? subtask : null}
          review={review}
          attempts={own}
        />
      ))}
    </div>
  );
}

function ReviewPart({
  subtask,
  review,
  attempts,
}: {
  subtask: Subtask | null;
  review: ReviewOf;
  attempts: readonly Attempt[];
}) {
  const { findings, not_done, reviewers, round } = review;
  const open = findings.filter(({ state }) => state === "open").length;
  return (
    <section aria-label={subtask ? `Review of ${subtask.key}` : "Review"}>
      <h2>
        {subtask && (
          <>
            <OutsideText text={subtask.title} />:{" "}
          </>
        )}
        {plural(findings.length, "finding")}, {open} open
      </h2>
      <p class="soft">
        Round {round}.{" "}
        {reviewers.map(({ agent, detail, model, result, same_as_coder }, index) => (
          <span key={`${index} ${agent}`}>
            <OutsideText text={model ?? agent} />
            {same_as_coder && " (as the coder)"}
            {result === "not_done" ? " could not review: " : ": "}
            <OutsideText text={detail} />{" "}
          </span>
        ))}
      </p>
      {not_done.length > 0 && (
        <ul>
          {not_done.map((line) => (
            <li key={line}>
              Not done: <OutsideText text={line} />
            </li>
          ))}
        </ul>
      )}
      {findings.length === 0 && <p>The reviewers found nothing.</p>}
      <ol class="cards">
        {findings.map((finding) => (
          <li key={finding.id} class="card finding">
            <FindingView
              finding={finding}
              rebuttals={attempts.flatMap(({ number, rebuttals }) =>
                rebuttals
                  .filter((rebuttal) => rebuttal.finding === finding.id)
                  .map(({ why }) => ({ number, why })),
              )}
            />
          </li>
        ))}
      </ol>
    </section>
  );
}

const tones: Record<string, string> = { open: "bad", note: "off", fixed: "good" };
const priorities = ["breaks what works", "not as asked", "should be better", "taste"];

function FindingView({
  finding: { claim, closed, evidence, id, place, priority, proof, state, upheld },
  rebuttals,
}: {
  finding: Finding;
  rebuttals: readonly { number: number; why: string }[];
}) {
  return (
    <>
      <h3>
        {id}{" "}
        <code>
          <OutsideText text={place} />
        </code>
        <span class={`state ${tones[state] ?? "ask"}`}>{state}</span>
        <span class="chip">{priorities[priority] ?? `priority ${priority}`}</span>
      </h3>
      <p class="outside">
        <OutsideText text={claim} />
      </p>
      <p class="soft">
        Evidence ({evidence.kind}), {holds[proof.holds] ?? proof.holds}:{" "}
        <OutsideText text={proof.detail} />
      </p>
      <Output text={evidence.text} label={`Evidence of ${id}`} />
      {proof.output && <Output text={proof.output} label={`Output of the evidence of ${id}`} />}
      {rebuttals.map(({ number, why }) => (
        <blockquote key={`${number} ${why}`} class="outside">
          Attempt {number} answered: <OutsideText text={why} />
        </blockquote>
      ))}
      {upheld && (
        <p>
          It was doubted, and stands: <OutsideText text={upheld} />
        </p>
      )}
      {state !== "open" && (
        <p>
          <OutsideText text={closed} />.
        </p>
      )}
    </>
  );
}

const holds: Record<string, string> = {
  yes: "it holds",
  no: "it does not hold",
  unknown: "it could not be checked",
};

import { OutsideText } from "../../../parts/outside-text.tsx";
import { Time } from "../../../parts/time.tsx";
import { CommentForm, placeWords } from "./comment-form.tsx";
import type { Draft } from "./drafts.ts";
import type { Review } from "./use-review.ts";
import type { ReviewComment } from "./wire.ts";

/** What stands at a line: comments with what became of them, drafts, and the form that is open. */
export function Thread({
  comments,
  drafts,
  review,
}: {
  comments: readonly ReviewComment[];
  drafts: readonly Draft[];
  review: Review;
}) {
  return (
    <div class="thread">
      {comments.map((comment) => (
        <SentComment key={comment.id} comment={comment} />
      ))}
      {drafts.map((draft) =>
        draft.editing ? (
          <CommentForm key={draft.id} draft={draft} review={review} />
        ) : (
          <DraftComment key={draft.id} draft={draft} review={review} />
        ),
      )}
    </div>
  );
}

const looks: Record<string, { tone: string; mark: string }> = {
  queued: { tone: "off", mark: "○" },
  delivered: { tone: "run", mark: "◐" },
  answered: { tone: "ask", mark: "!" },
  changed: { tone: "good", mark: "✓" },
};

export function SentComment({ comment, place }: { comment: ReviewComment; place?: string }) {
  const { answer, commit, created_at, detail, outdated, state, text } = comment;
  const look = looks[state] ?? { tone: "off", mark: "·" };
  return (
    <article class="comment">
      <p class="soft">
        {place && <code>{place}</code>} {placeWords(comment)} · <Time at={created_at} /> ·{" "}
        <span class={`state ${look.tone}`}>
          <span aria-hidden="true">{look.mark}</span> {state}
          {state === "changed" && commit && (
            <>
              {" "}
              by <code>{commit.slice(0, 10)}</code>
            </>
          )}
        </span>{" "}
        <OutsideText text={detail} />
        {outdated && " · its lines have changed since"}
      </p>
      <p class="outside">
        <OutsideText text={text} />
      </p>
      {answer && (
        <blockquote class="outside">
          <OutsideText text={answer} />
        </blockquote>
      )}
    </article>
  );
}

export function DraftComment({
  draft,
  review,
  place,
}: {
  draft: Draft;
  review: Review;
  place?: string;
}) {
  const { change, remove } = review;
  return (
    <article class="comment draft">
      <p class="soft">
        {place && <code>{place}</code>} {placeWords(draft)} ·{" "}
        <strong>{draft.lost ? "its lines are gone" : "not sent yet"}</strong>
      </p>
      <p class="outside">
        <OutsideText text={draft.text} />
      </p>
      <p class="actions">
        {!draft.lost && (
          <button type="button" class="link" onClick={() => change(draft.id, { editing: true })}>
            Edit
          </button>
        )}
        <button type="button" class="link" onClick={() => remove([draft.id])}>
          Discard
        </button>
      </p>
    </article>
  );
}

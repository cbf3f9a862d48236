import { Button } from "../../../parts/button.tsx";
import { plural } from "../../../parts/words.ts";
import { earlierDrafts, sendable } from "./drafts.ts";
import { DraftComment, SentComment } from "./thread.tsx";
import type { Review } from "./use-review.ts";
import type { ReviewComment } from "./wire.ts";

/** All comments in one place: what is not sent, what was written on an earlier tree, what was sent. */
export function CommentList({
  tree,
  now,
  comments,
  review,
  go,
}: {
  /** The tree that is shown. */
  tree: string;
  /** The one that stands; null: not read yet. */
  now: string | null;
  comments: readonly ReviewComment[];
  review: Review;
  go: (path: string) => void;
}) {
  const { drafts, placeAgain, sendDrafts } = review;
  const finished = drafts.filter(({ editing }) => !editing);
  const batch = sendable(finished, tree);
  const lost = finished.filter(({ lost }) => lost);
  const earlier = earlierDrafts(drafts, tree, now);
  const earlierCount = [...earlier.values()].flat().length;
  if (drafts.length + comments.length === 0) return null;
  return (
    <section class="comments" aria-label="Comments">
      {batch.length > 0 && (
        <div class="actions batch">
          <strong>{plural(batch.length, "comment")} to send</strong>
          <Button kind="primary" act={() => sendDrafts(batch)}>
            Send {batch.length === 1 ? "it" : "them all"}
          </Button>
        </div>
      )}
      {earlierCount > 0 && (
        <div class="actions batch">
          <span>
            {plural(earlierCount, "comment")} {earlierCount === 1 ? "was" : "were"} written on an
            earlier state of this change.
          </span>
          <Button act={() => placeAgain(earlier)}>
            Find {earlierCount === 1 ? "its" : "their"} lines here
          </Button>
        </div>
      )}
      {lost.length > 0 && (
        <details open>
          <summary>{plural(lost.length, "comment")} without a place</summary>
          {lost.map((draft) => (
            <DraftComment key={draft.id} draft={draft} review={review} place={draft.path} />
          ))}
        </details>
      )}
      {comments.length > 0 && (
        <details>
          <summary>{plural(comments.length, "comment")} sent</summary>
          {comments.map((comment) => (
            <div key={comment.id}>
              <SentComment comment={comment} place={comment.path} />
              <button type="button" class="link" onClick={() => go(comment.path)}>
                Show the file
              </button>
            </div>
          ))}
        </details>
      )}
    </section>
  );
}

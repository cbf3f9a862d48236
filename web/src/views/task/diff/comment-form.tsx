import { useId } from "preact/hooks";
import { Button } from "../../../parts/button.tsx";
import { focusOnce } from "../deeds/say-form.tsx";
import type { Draft } from "./drafts.ts";
import type { Review } from "./use-review.ts";

/** The form of a comment: on a line, or a range of lines; sent now, or gathered with others. */
export function CommentForm({ draft, review }: { draft: Draft; review: Review }) {
  const [text, from] = [useId(), useId()];
  const { change, remove, sendDrafts } = review;
  const isEmpty = draft.text.trim() === "";
  return (
    <form
      class="comment-form"
      aria-label={`Comment on ${placeWords(draft)}`}
      onSubmit={(event) => event.preventDefault()}
      onKeyDown={(event) => {
        if (event.key === "Escape" && isEmpty) remove([draft.id]);
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !isEmpty)
          change(draft.id, { editing: false });
      }}
    >
      <label for={text}>
        Comment on {placeWords(draft)} <span class="soft">({draft.side} side)</span>
      </label>
      <textarea
        id={text}
        ref={focusOnce}
        value={draft.text}
        maxLength={64_000}
        onInput={(event) => change(draft.id, { text: event.currentTarget.value })}
      />
      <div class="actions">
        <Button kind="primary" disabled={isEmpty} act={async () => sendDrafts([draft])}>
          Send now
        </Button>
        <button
          type="button"
          class="button plain"
          disabled={isEmpty}
          onClick={() => change(draft.id, { editing: false })}
        >
          Add to the batch
        </button>
        <button type="button" class="button plain" onClick={() => remove([draft.id])}>
          Discard
        </button>
        <label class="from-line" for={from}>
          From line
          <input
            id={from}
            type="number"
            min={1}
            max={draft.end_line}
            value={draft.line}
            onChange={(event) => {
              const line = Number(event.currentTarget.value);
              if (Number.isInteger(line) && line >= 1 && line <= draft.end_line)
                change(draft.id, { line });
            }}
          />
        </label>
      </div>
    </form>
  );
}

export const placeWords = ({ line, end_line }: Pick<Draft, "line" | "end_line">): string =>
  line === end_line ? `line ${line}` : `lines ${line} to ${end_line}`;

import type {
  ComponentChild,
  TargetedEvent,
  TargetedKeyboardEvent,
  TargetedMouseEvent,
} from "preact";
import { useCallback, useMemo, useState } from "preact/hooks";
import { type ChangeData, Diff, Hunk } from "react-diff-view";
import { isField } from "../../../parts/keys.tsx";
import { cutPatch, findKey, findKeys, lineOf, type Piece } from "./cut-patch.ts";
import type { Draft } from "./drafts.ts";
import { lineHeight } from "./file-rules.ts";
import { Thread } from "./thread.tsx";
import type { Review } from "./use-review.ts";
import { Windowed } from "./windowed.tsx";
import type { ReviewComment, Side } from "./wire.ts";

/**
 * The lines of one file. Each has a button for a comment: a click opens its form, with Shift it is a
 * range; the arrow keys go from line to line, with Shift they extend the range.
 */
type Range = { side: Side; from: number; to: number };

export function FileLines({
  path,
  patch,
  tree,
  view,
  mayComment,
  comments,
  review,
}: {
  path: string;
  patch: string;
  tree: string;
  view: "unified" | "split";
  mayComment: boolean;
  comments: readonly ReviewComment[];
  review: Review;
}) {
  const pieces = useMemo(() => cutPatch(patch), [patch]);
  const [range, setRange] = useState<Range | null>(null);
  const drafts = review.drafts.filter(
    (draft) => draft.path === path && draft.tree === tree && !draft.lost,
  );
  const { threads, elsewhere } = placeThreads(pieces, comments, drafts);

  const openForm = (side: Side, from: number, to: number) => {
    setRange({ side, from, to });
    const [line, end_line] = [Math.min(from, to), Math.max(from, to)];
    review.open({ path, side, line, end_line }, tree);
  };
  const click = (event: TargetedMouseEvent<HTMLElement>) => {
    const button = findLine(event);
    if (!button) return;
    const { side, line } = button;
    const isRange = range?.side === side && (event.shiftKey || range.to === line);
    openForm(side, isRange ? range.from : line, line);
  };
  const press = (event: TargetedKeyboardEvent<HTMLElement>) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isField(event.target)) return;
    event.preventDefault();
    const here = findLine(event);
    const next = stepLine(event.currentTarget, here?.element ?? null, by, here?.side ?? null);
    if (!next) return;
    next.element.focus();
    next.element.scrollIntoView({ block: "nearest" });
    if (event.shiftKey && here && next.side === here.side)
      setRange({
        side: here.side,
        from: range?.side === here.side && range.to === here.line ? range.from : here.line,
        to: next.line,
      });
    else setRange(null);
  };

  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form
    <div
      class={`lines ${view}`}
      role="group"
      tabIndex={mayComment ? 0 : -1}
      aria-label={`Lines of ${path}${mayComment ? ": arrow keys go from line to line, Enter comments" : ""}`}
      onClick={click}
      onKeyDown={press}
    >
      {elsewhere.comments.length + elsewhere.drafts.length > 0 && (
        <Thread comments={elsewhere.comments} drafts={elsewhere.drafts} review={review} />
      )}
      {pieces.map((piece) => (
        <Windowed
          key={piece.key}
          estimate={(piece.hunk.changes.length + (piece.header === null ? 0 : 1)) * lineHeight}
          keep={drafts.some(
            (draft) =>
              draft.editing &&
              findKeys(piece, draft.side, draft.end_line, draft.end_line).length > 0,
          )}
        >
          {() => (
            <PieceLines
              piece={piece}
              view={view}
              mayComment={mayComment}
              range={range}
              threads={threads}
              review={review}
            />
          )}
        </Windowed>
      ))}
    </div>
  );
}

type Threads = ReadonlyMap<string, { comments: ReviewComment[]; drafts: Draft[] }>;

function PieceLines({
  piece,
  view,
  mayComment,
  range,
  threads,
  review,
}: {
  piece: Piece;
  view: "unified" | "split";
  mayComment: boolean;
  range: Range | null;
  threads: Threads;
  review: Review;
}) {
  const gutter = useCallback(
    ({ change, side }: { change: ChangeData; side: Side }) =>
      lineNumber(change, side, view, mayComment),
    [view, mayComment],
  );
  const widgets: Record<string, ComponentChild> = {};
  for (const [key, { comments, drafts }] of threads)
    widgets[key] = <Thread comments={comments} drafts={drafts} review={review} />;
  const selected = range
    ? findKeys(piece, range.side, Math.min(range.from, range.to), Math.max(range.from, range.to))
    : [];
  return (
    <>
      {piece.header !== null && <div class="hunk-header">{piece.header}</div>}
      <Diff
        diffType="modify"
        viewType={view}
        hunks={[piece.hunk]}
        widgets={widgets as Record<string, preact.JSX.Element>}
        selectedChanges={selected}
        renderGutter={gutter}
      >
        {(hunks) => hunks.map((hunk) => <Hunk key={piece.key} hunk={hunk} />)}
      </Diff>
    </>
  );
}

/** A number, which is the line's button where a comment of that side goes. */
function lineNumber(change: ChangeData, side: Side, view: string, mayComment: boolean) {
  const line = lineOf(change, side);
  if (line === null) return null;
  const isOwn = view === "split" || side === (change.type === "delete" ? "old" : "new");
  if (!isOwn || !mayComment) return line;
  return (
    <button
      type="button"
      class="line-button"
      tabIndex={-1}
      data-side={side}
      data-line={line}
      aria-label={`Comment on ${side === "old" ? "old " : ""}line ${line}`}
    >
      {line}
    </button>
  );
}

type Line = { element: HTMLElement; side: Side; line: number };

function findLine({ target }: TargetedEvent<HTMLElement>): Line | null {
  const element =
    target instanceof HTMLElement ? target.closest<HTMLElement>(".line-button") : null;
  return element && readLine(element);
}

const readLine = (element: HTMLElement): Line => ({
  element,
  side: element.dataset.side === "old" ? "old" : "new",
  line: Number(element.dataset.line),
});

/** The next line's button; in a split view the one of the same side. */
function stepLine(
  lines: HTMLElement,
  from: HTMLElement | null,
  by: number,
  side: Side | null,
): Line | null {
  const isSplit = lines.classList.contains("split");
  const all = [...lines.querySelectorAll<HTMLElement>(".line-button")].filter(
    (element) => !isSplit || element.dataset.side === (side ?? "new"),
  );
  const next = from === null ? all[0] : all[all.indexOf(from) + by];
  return next ? readLine(next) : null;
}

/** What stands at which line; what is about lines that are not shown stands above them all. */
function placeThreads(
  pieces: readonly Piece[],
  comments: readonly ReviewComment[],
  drafts: readonly Draft[],
) {
  const threads = new Map<string, { comments: ReviewComment[]; drafts: Draft[] }>();
  const elsewhere = { comments: [] as ReviewComment[], drafts: [] as Draft[] };
  const threadAt = (side: string, line: number) => {
    const key = findKey(pieces, side === "old" ? "old" : "new", line);
    if (key === null) return elsewhere;
    const thread = threads.get(key) ?? { comments: [], drafts: [] };
    threads.set(key, thread);
    return thread;
  };
  for (const comment of comments) threadAt(comment.side, comment.end_line).comments.push(comment);
  for (const draft of drafts) threadAt(draft.side, draft.end_line).drafts.push(draft);
  return { threads, elsewhere };
}

import { useEffect, useId, useRef } from "preact/hooks";
import { useResource } from "../../../data/use-resource.ts";
import { Boundary } from "../../../parts/boundary.tsx";
import { OutsideText } from "../../../parts/outside-text.tsx";
import { Shown } from "../../../parts/shown.tsx";
import { plural } from "../../../parts/words.ts";
import { taskPath } from "../task-path.ts";
import { FileLines } from "./file-lines.tsx";
import { whyClosed } from "./file-rules.ts";
import type { Review } from "./use-review.ts";
import type { ChangedFile, FilePatch, ReviewComment } from "./wire.ts";

/** One file of the change: its head, and its lines once it is open and near the window. */
export type FileProps = {
  taskId: string;
  scope: string;
  tree: string;
  file: ChangedFile;
  open: boolean;
  setOpen: (open: boolean) => void;
  /** It was asked for: it takes the focus. */
  isTarget: boolean;
  view: "unified" | "split";
  mayComment: boolean;
  comments: readonly ReviewComment[];
  review: Review;
};

export function FileDiff(props: FileProps) {
  const { file, open, setOpen, isTarget, comments } = props;
  const { added, old_path, path, removed, status } = file;
  const body = useId();
  const head = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!isTarget) return;
    head.current?.scrollIntoView({ block: "start" });
    head.current?.focus({ preventScroll: true });
  }, [isTarget]);
  const closed = whyClosed(file);
  return (
    <section class="file" aria-label={path}>
      <h2 class="file-head">
        <button
          ref={head}
          type="button"
          class="file-toggle"
          aria-expanded={open}
          aria-controls={open ? body : undefined}
          onClick={() => setOpen(!open)}
        >
          <span class="file-arrow" aria-hidden="true">
            {open ? "▾" : "▸"}
          </span>
          <span class="file-path">
            {old_path !== null && old_path !== path && (
              <>
                <OutsideText text={old_path} /> →{" "}
              </>
            )}
            <OutsideText text={path} />
          </span>
          {status !== "modified" && <span class="chip">{status}</span>}
          {closed && <span class="chip">{closed}</span>}
          {comments.length > 0 && <span class="chip">{plural(comments.length, "comment")}</span>}
          <Counts added={added} removed={removed} />
        </button>
      </h2>
      {open && (
        <div id={body}>
          <Boundary isLine>
            <FileBody key={props.tree} {...props} />
          </Boundary>
        </div>
      )}
    </section>
  );
}

function FileBody({ taskId, scope, tree, file, view, mayComment, comments, review }: FileProps) {
  const none = file.binary
    ? "A binary file: its bytes are not shown here."
    : file.too_large
      ? "This file is too large to be shown here."
      : file.added === 0 && file.removed === 0
        ? "None of its lines changed."
        : null;
  const query = new URLSearchParams(scope);
  query.set("path", file.path);
  const patch = useResource<FilePatch>(
    none === null ? taskPath(taskId, `/changes/file?${query}`) : null,
  );
  if (none !== null) return <p class="file-note">{none}</p>;
  return (
    <Shown resource={patch} skeleton={2}>
      {(data) =>
        data.tree !== tree ? (
          <p class="file-note">
            The work went on since this change was read: show the new one to see this file.
          </p>
        ) : data.binary ? (
          <p class="file-note">A binary file: its bytes are not shown here.</p>
        ) : (
          <>
            <FileLines
              path={file.path}
              patch={data.patch}
              tree={tree}
              view={view}
              mayComment={mayComment}
              comments={comments}
              review={review}
            />
            {data.truncated && (
              <p class="file-note">
                The rest is too large to show: <code>git diff</code> has it.
              </p>
            )}
          </>
        )
      }
    </Shown>
  );
}

export function Counts({ added, removed }: Pick<ChangedFile, "added" | "removed">) {
  if (added === null || removed === null) return null;
  return (
    <span class="counts figure">
      <span class="added">+{added}</span> <span class="removed">−{removed}</span>
    </span>
  );
}

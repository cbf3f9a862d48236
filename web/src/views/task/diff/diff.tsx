import { useCallback, useEffect, useMemo, useState } from "preact/hooks";
import { useMayAct } from "../../../data/page-context.ts";
import { setQuery, usePlace } from "../../../data/router.tsx";
import { useResource } from "../../../data/use-resource.ts";
import { useKeys } from "../../../parts/keys.tsx";
import { Empty, Shown } from "../../../parts/shown.tsx";
import { plural } from "../../../parts/words.ts";
import { findPossible } from "../possible-deeds.ts";
import { keepSeenTree } from "../seen-tree.ts";
import { taskPath } from "../task-path.ts";
import type { TabProps } from "../types.ts";
import { CommentList } from "./comment-list.tsx";
import { FileDiff } from "./file-diff.tsx";
import { FileList } from "./file-list.tsx";
import { filterFiles, groupsOf, guessHeight, whyClosed } from "./file-rules.ts";
import "./diff.css";
import { useWide } from "../use-wide.ts";
import { ScopePicker } from "./scope-picker.tsx";
import { useReview } from "./use-review.ts";
import { Windowed } from "./windowed.tsx";
import type { ChangedFile, Changes, Comments } from "./wire.ts";

/**
 * The change, bound to the tree that is shown: what is accepted or commented on is this tree. When a
 * newer one comes it is named, and shown when it is asked for. One file is read at a time, as it comes
 * near the window; files and lines that are far from it are not drawn.
 */
const groupSize = 20;

export default function DiffTab({ detail }: TabProps) {
  const { task } = detail;
  const { query } = usePlace();
  const [subtask, attempt] = [query.get("subtask"), query.get("attempt")];
  const scope = new URLSearchParams(
    attempt === null || subtask === null ? {} : { subtask, attempt },
  ).toString();
  const changes = useResource<Changes>(taskPath(task.id, `/changes?${scope}`));
  const comments = useResource<Comments>(taskPath(task.id, "/comments"), ({ tasks }) =>
    tasks.includes(task.id),
  );
  const refreshComments = comments.refresh;
  const refreshChanges = changes.refresh;
  const changed = useCallback(() => {
    refreshComments();
    refreshChanges();
  }, [refreshComments, refreshChanges]);
  const shownTree = changes.data?.tree ?? null;
  useEffect(() => {
    if (shownTree !== null && scope === "") keepSeenTree(task.id, shownTree);
  }, [shownTree, scope, task.id]);

  const hasMoved =
    scope === "" &&
    comments.data !== null &&
    shownTree !== null &&
    comments.data.tree !== shownTree;
  return (
    <Shown resource={changes} skeleton={6}>
      {(data) =>
        data.files.length === 0 || data.tree === null ? (
          <>
            <ScopePicker detail={detail} subtask={subtask} attempt={attempt} />
            <Empty
              title={data.tree === null ? "Nothing was written yet." : "It changes nothing."}
            />
          </>
        ) : (
          <>
            {hasMoved && (
              <p class="moved" role="status">
                The change has moved since this was read.{" "}
                <button type="button" class="button plain" onClick={changed}>
                  Show the new one
                </button>
              </p>
            )}
            {comments.problem && <p class="problem">{comments.problem.message}</p>}
            <ChangeView
              detail={detail}
              changes={data}
              tree={data.tree}
              comments={comments.data}
              changed={changed}
              scope={scope}
              picker={<ScopePicker detail={detail} subtask={subtask} attempt={attempt} />}
            />
          </>
        )
      }
    </Shown>
  );
}

function ChangeView({
  detail,
  changes,
  tree,
  comments: read,
  changed,
  scope,
  picker,
}: {
  detail: TabProps["detail"];
  changes: Changes;
  tree: string;
  comments: Comments | null;
  changed: () => void;
  scope: string;
  picker: preact.JSX.Element;
}) {
  const { task } = detail;
  const { query } = usePlace();
  const isWide = useWide();
  const view = isWide && query.get("view") === "split" ? "split" : "unified";
  const [filter, setFilter] = useState("");
  const [opened, setOpened] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [target, setTarget] = useState<string | null>(null);
  const review = useReview(task.id, changed);
  const now = read?.tree ?? null;
  const { dropEmpty } = review;
  useEffect(() => {
    if (now === tree) dropEmpty(tree);
  }, [now, tree]);
  const mayAct = useMayAct();
  const mayComment =
    mayAct && findPossible(detail).has("comment") && (scope === "" || now === tree);

  const files = useMemo(() => filterFiles(changes.files, filter), [changes.files, filter]);
  const groups = useMemo(() => groupsOf(files, groupSize), [files]);
  const comments = read?.comments ?? [];
  const isOpen = (file: ChangedFile) => opened.get(file.path) ?? whyClosed(file) === null;
  const setOpen = (path: string, open: boolean) => setOpened((now) => new Map(now).set(path, open));
  const goTo = (path: string) => {
    setTarget(null);
    setOpen(path, true);
    requestAnimationFrame(() => setTarget(path));
  };
  const step = (by: number) => {
    const next = files[files.findIndex(({ path }) => path === target) + by];
    if (next) goTo(next.path);
  };
  const keys = useKeys([
    { key: "j", words: "the next file", act: () => step(1) },
    { key: "k", words: "the file before", act: () => step(-1) },
    {
      key: "u",
      words: "unified or split",
      act: () => setQuery({ view: view === "split" ? null : "split" }),
    },
  ]);
  const [added, removed] = [sum(files, "added"), sum(files, "removed")];

  return (
    <div class="diff-view" {...keys}>
      <div class="diff-bar">
        {picker}
        <label class="picker">
          <span>Files</span>
          <input
            type="search"
            placeholder="filter by path"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
        <p class="soft figure" role="status">
          {plural(files.length, "file")}
          {files.some((file) => file.added !== null) && (
            <>
              , <span class="added">+{added}</span> <span class="removed">−{removed}</span>
            </>
          )}
          {changes.truncated && `, of ${changes.total} that changed`}
        </p>
        {isWide && (
          <fieldset class="switch">
            <legend class="unseen">How lines are shown</legend>
            {(["unified", "split"] as const).map((one) => (
              <button
                key={one}
                type="button"
                class="button plain"
                aria-pressed={view === one}
                onClick={() => setQuery({ view: one === "split" ? one : null })}
              >
                {one}
              </button>
            ))}
          </fieldset>
        )}
      </div>
      <CommentList tree={tree} now={now} comments={comments} review={review} go={goTo} />
      <div class="diff-body">
        {changes.files.length > 1 && <FileList files={files} go={({ path }) => goTo(path)} />}
        <div class="files">
          {files.length === 0 && <Empty title="No file fits this filter." />}
          {groups.map((group) => (
            <Windowed
              key={group[0]?.path}
              estimate={group.reduce((sum, file) => sum + guessHeight(file, isOpen(file)), 0)}
              keep={group.some(
                ({ path }) =>
                  path === target ||
                  review.drafts.some((draft) => draft.editing && draft.path === path),
              )}
            >
              {() =>
                group.map((file) => (
                  <FileDiff
                    key={file.path}
                    taskId={task.id}
                    scope={scope}
                    tree={tree}
                    file={file}
                    open={isOpen(file)}
                    setOpen={(open) => setOpen(file.path, open)}
                    isTarget={target === file.path}
                    view={view}
                    mayComment={mayComment}
                    comments={comments.filter(({ path }) => path === file.path)}
                    review={review}
                  />
                ))
              }
            </Windowed>
          ))}
        </div>
      </div>
    </div>
  );
}

const sum = (files: readonly ChangedFile[], count: "added" | "removed"): number =>
  files.reduce((total, file) => total + (file[count] ?? 0), 0);

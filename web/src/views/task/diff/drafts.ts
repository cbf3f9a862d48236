import { readStored, store } from "../../../data/use-draft.ts";
import type { Moved, Side } from "./wire.ts";

/**
 * Comments that are written and not sent. Each belongs to the tree that was shown when it was
 * written; where that has moved, the daemon says where its lines are now, or that they are gone: then
 * the comment stays, without a place. They live in the tab's storage, so that a reload loses none.
 */
export type Draft = {
  id: number;
  path: string;
  side: Side;
  line: number;
  end_line: number;
  text: string;
  tree: string;
  /** Its form is open. */
  editing: boolean;
  /** Its lines are not in the tree that it was last placed in. */
  lost: boolean;
};

export type Place = Pick<Draft, "path" | "side" | "line" | "end_line">;

/** With an open form at a place, in place of a form there that is open already. */
export function openDraft(drafts: readonly Draft[], place: Place, tree: string): Draft[] {
  const isSame = (draft: Draft) =>
    draft.editing && draft.path === place.path && draft.side === place.side && draft.tree === tree;
  const open = drafts.find(isSame);
  // A form that is open and empty moves to the new line; one with words stays.
  const others = drafts.filter((draft) => draft !== open || hasWords(draft));
  const id = Math.max(0, ...drafts.map((draft) => draft.id)) + 1;
  return [...others, { ...place, id, text: "", tree, editing: true, lost: false }];
}

export const changeDraft = (
  drafts: readonly Draft[],
  id: number,
  change: Partial<Draft>,
): Draft[] => drafts.map((draft) => (draft.id === id ? { ...draft, ...change } : draft));

export const removeDrafts = (drafts: readonly Draft[], ids: readonly number[]): Draft[] =>
  drafts.filter(({ id }) => !ids.includes(id));

/** Without the forms that nobody wrote in and whose tree is gone: they are about nothing, and shown nowhere. */
export const dropEmpty = (drafts: readonly Draft[], tree: string): Draft[] =>
  drafts.filter((draft) => draft.tree === tree || hasWords(draft));

/**
 * What was written on trees that are gone, by tree: its lines can be looked for in what is shown. None
 * where what is shown is not what stands now, as for one attempt.
 */
export function earlierDrafts(
  drafts: readonly Draft[],
  shown: string,
  now: string | null,
): Map<string, Draft[]> {
  if (shown !== now) return new Map();
  const isEarlier = (draft: Draft) => draft.tree !== now && !draft.lost && hasWords(draft);
  const byTree = new Map<string, Draft[]>();
  for (const draft of drafts.filter(isEarlier))
    byTree.set(draft.tree, [...(byTree.get(draft.tree) ?? []), draft]);
  return byTree;
}

/** Where the tree has moved: `moved` says where each of those that were asked for is now. */
export function applyMoved(
  drafts: readonly Draft[],
  sent: readonly number[],
  moved: readonly Moved[],
  tree: string,
): Draft[] {
  return drafts.map((draft) => {
    const index = sent.indexOf(draft.id);
    if (index === -1) return draft;
    const now = moved[index] ?? null;
    return now
      ? { ...draft, tree, line: now.line, end_line: now.end_line, lost: false }
      : { ...draft, tree, lost: true, editing: false };
  });
}

/** What can be sent as one review: finished, with words, on lines of this tree. */
export const sendable = (drafts: readonly Draft[], tree: string): Draft[] =>
  drafts.filter((draft) => draft.tree === tree && !draft.lost && hasWords(draft));

const hasWords = ({ text }: Draft): boolean => text.trim() !== "";

export const toPlace = ({ path, side, line, end_line }: Draft): Place => ({
  ...{ path, side, line, end_line },
});

export const toComment = (draft: Draft) => ({ ...toPlace(draft), text: draft.text.trim() });

const key = (taskId: string) => `deputy.drafts.${taskId}`;

export function readDrafts(taskId: string, storage: Storage | null): Draft[] {
  const kept = readStored<unknown>(storage, key(taskId));
  return Array.isArray(kept) ? kept.filter(isDraft) : []; // else of another version of the page
}

export const keepDrafts = (
  taskId: string,
  drafts: readonly Draft[],
  storage: Storage | null,
): void => store(storage, key(taskId), drafts.length === 0 ? null : drafts);

function isDraft(value: unknown): value is Draft {
  if (typeof value !== "object" || value === null) return false;
  const draft = value as Record<string, unknown>;
  return (
    ["path", "text", "tree"].every((name) => typeof draft[name] === "string") &&
    ["id", "line", "end_line"].every((name) => typeof draft[name] === "number") &&
    ["editing", "lost"].every((name) => typeof draft[name] === "boolean") &&
    (draft.side === "old" || draft.side === "new")
  );
}

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
  const others = drafts.filter((draft) => draft !== open || draft.text.trim() !== "");
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

/** After a refusal because the tree has moved: `moved` says where each of the sent ones is now. */
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
  drafts.filter((draft) => draft.tree === tree && !draft.lost && draft.text.trim() !== "");

export const toComment = ({ path, side, line, end_line, text }: Draft) => ({
  ...{ path, side, line, end_line, text: text.trim() },
});

/** As much of the browser's `Storage` as is used. */
type Store = {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
};

const key = (taskId: string) => `deputy.drafts.${taskId}`;

export function readDrafts(taskId: string, storage: Pick<Store, "getItem">): Draft[] {
  try {
    const kept: unknown = JSON.parse(storage.getItem(key(taskId)) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isDraft) : [];
  } catch {
    return []; // of another version of the page
  }
}

export function keepDrafts(
  taskId: string,
  drafts: readonly Draft[],
  storage: Pick<Store, "removeItem" | "setItem">,
): void {
  if (drafts.length === 0) storage.removeItem(key(taskId));
  else storage.setItem(key(taskId), JSON.stringify(drafts));
}

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

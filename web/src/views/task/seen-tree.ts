import { orNull } from "../../data/use-draft.ts";

/**
 * The tree that the Diff tab last showed of a task: what a person accepts is what they saw. Kept for
 * the tab of the browser, as drafts of comments are.
 */
const key = (taskId: string) => `deputy.seen.${taskId}`;

export function keepSeenTree(taskId: string, tree: string): void {
  orNull(() => sessionStorage.setItem(key(taskId), tree));
}

export const readSeenTree = (taskId: string): string | null =>
  orNull(() => sessionStorage.getItem(key(taskId)));

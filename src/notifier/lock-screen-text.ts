import type { NotifiedType, Privacy } from "../core/settings/notify-settings.ts";
import type { QuestionKind } from "../core/task/question.ts";
import type { Task } from "../core/task/task.ts";
import type { Redact } from "../core/text/redact.ts";
import { splitTitle, type TitledTask } from "../core/text/title.ts";

/**
 * What a task is called on a screen that others may see. A task about an issue is called by its number
 * alone, because its title is a stranger's; one of a person's own by its goal, without what looks like
 * code, a path or an address. Null under `minimal`: it is not named.
 */
export function lockScreenName(
  task: Pick<Task, "repository"> & TitledTask,
  privacy: Privacy,
  redact: Redact,
): string | null {
  if (privacy === "minimal") return null;
  const { about, words } = splitTitle(task, redact);
  if (about !== null) return about;
  const { outsideText, subject } = task.origin;
  const isOutside = outsideText !== null || subject !== null;
  return isOutside ? nameOf(task.repository) : withoutPlaces(words);
}

/** A text of ours that may name code, files, folders and addresses: without them. */
export function withoutPlaces(text: string): string {
  return oneLine(text)
    .replace(/`[^`]*`/g, "[code]")
    .replace(/\b[a-z][\w+.-]*:\/\/\S+/gi, "[link]")
    .replace(/\b[\w.$]+\(\)/g, "[code]")
    .replace(path, "[path]")
    .replace(fileName, "[path]");
}

/** Anything with a slash in it: where it looks like no path it may be one all the same. */
const path =
  /(?<![\p{L}\p{N}_/\\])(?:~|\.{1,2}|[A-Za-z]:)?(?:[\p{L}\p{N}_@+.-]*[/\\])+[\p{L}\p{N}_@+.-]*/gu;

/** A name with the ending of a file that people program with. */
const fileName =
  /(?<![\p{L}\p{N}_])(?:\.env(?:\.[\w-]+)*|\.?[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.(?:[cm]?[jt]sx?|py|go|rs|java|kt|rb|php|c|cc|cpp|h|hpp|cs|swift|sh|sql|html?|s?css|vue|json|ya?ml|toml|xml|md|txt|csv|lock|log|ini|cfg|conf|env|pem|key))(?![\p{L}\p{N}_])/giu;

/** What is asked, by its kind: the words of the question are an agent's or a stranger's. */
export const decisions: Record<QuestionKind, string> = {
  approval: "May it start?",
  plan: "Is its plan right?",
  budget: "May it spend more?",
  permission: "May it do what it may not do by itself?",
  judges: "May it change what judges it?",
  review: "Its review needs your word.",
  pause: "It is paused.",
  stuck: "Nothing is left to try by itself.",
  question: "An agent asks something.",
};

/** Titles that say no more than that something happened. */
export const minimalTitles: Record<NotifiedType, string> = {
  "task.completed": "Deputy is done with a task",
  "task.failed": "A task of Deputy failed",
  "task.needs_person": "Deputy needs you",
  "question.asked": "Deputy needs you",
  "plan.revised": "Deputy planned anew",
};

/** `acme/app` of an address, the folder's name of a path. */
export function nameOf(repository: string): string {
  const parts = repository
    .replace(/\/+$/, "")
    .replace(/\.git$/, "")
    .split(/[/:]/);
  return parts.slice(repository.startsWith("/") ? -1 : -2).join("/");
}

export function oneLine(text: string): string {
  return text
    .replace(/[\s\p{Cc}]+/gu, " ")
    .replace(/[\p{Cf}\p{Cs}]/gu, "")
    .trim();
}

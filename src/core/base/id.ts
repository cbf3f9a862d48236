import { randomBytes } from "node:crypto";

/** Id prefixes: a pasted id shows what it refers to. */
export const idPrefixes = {
  task: "task_",
  subtask: "sub_",
  attempt: "att_",
  event: "evt_",
  question: "que_",
  worktree: "wt_",
  process: "prc_",
  notification: "ntf_",
  repository: "repo_",
  session: "ses_",
  run: "run_",
  message: "msg_",
  plan: "plan_",
  device: "dev_",
} as const;

export type IdKind = keyof typeof idPrefixes;

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/**
 * A new sortable id: prefix, ten characters of milliseconds since 1970 and ten random ones (50
 * bits), in Crockford's base 32. Ids made later sort later, and a double-click selects the whole
 * id.
 */
export function newId(kind: IdKind, now: number = Date.now()): string {
  let time = "";
  for (let rest = now, i = 0; i < 10; i++, rest = Math.floor(rest / 32)) {
    time = alphabet[rest % 32] + time;
  }
  let chance = "";
  for (const byte of randomBytes(10)) chance += alphabet[byte % 32];
  return `${idPrefixes[kind]}${time}${chance}`;
}

/** Names the newest task. No id begins like this: `l` is not in the alphabet. */
export const lastTask = "last";

/**
 * The beginning of a task's id that somebody typed, with or without `task_`; null: it has not the
 * shape of one. Says nothing about its existence.
 */
export function readTaskPrefix(text: string): string | null {
  const prefix = text.startsWith(idPrefixes.task) ? text : idPrefixes.task + text;
  return /^task_[0-9a-hjkmnp-tv-z]{3,20}$/.test(prefix) ? prefix : null;
}

/** Whether `text` has the shape of an id of this kind. Says nothing about its existence. */
export function isId(kind: IdKind, text: string): boolean {
  const prefix = idPrefixes[kind];
  return text.startsWith(prefix) && /^[0-9a-hjkmnp-tv-z]{20}$/.test(text.slice(prefix.length));
}

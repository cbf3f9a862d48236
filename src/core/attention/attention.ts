import type { TaskState } from "../task/lifecycle.ts";
import type { QuestionKind } from "../task/question.ts";
import type { Risk } from "./risk.ts";

/**
 * What needs a person: one list, computed here and the same on every surface. An item is there
 * because of its tier, which is a reason in words and never a score, and it is gone when that reason
 * is. Delivered and failed work that stays quiet leaves the list after some days and is counted.
 */
export const attentionTiers = ["spending", "blocking", "ready", "failed", "system"] as const;
export type AttentionTier = (typeof attentionTiers)[number];

/** As a heading, in the order in which they are shown. */
const tierWords: Record<AttentionTier, string> = {
  spending: "Spends, or runs out",
  blocking: "Blocks other work",
  ready: "Ready to accept",
  failed: "Failed, or given up",
  system: "Deputy itself",
};

/** What an item stands under, on every surface. */
export function headingOf({ snoozedUntil, tier }: Pick<AttentionItem, "snoozedUntil" | "tier">) {
  return snoozedUntil ? "Put off" : tierWords[tier];
}

export type AttentionItem = {
  /** The same for as long as the reason is: `question:…`, `delivered:…`, `failed:…`, `system:…`. */
  id: string;
  tier: AttentionTier;
  kind:
    | QuestionKind
    | "delivered"
    | "failed"
    | "space"
    | "rules"
    | "breaker"
    | "replies"
    | "frozen"
    | "sandbox"
    | "unreadable";
  task: { id: string; title: string; repository: string; state: TaskState } | null;
  /** Its key; null: it is about the whole task, or about none. */
  subtask: string | null;
  /** Null where nobody wrote it down. */
  since: Date | null;
  /** The words of `deputy why`. */
  why: string;
  actions: AttentionAction[];
  /** When it goes by itself; null: it does not. */
  expires: Date | null;
  /** A person put it off: it is at the end of the list until then. Absent: nobody did. */
  snoozedUntil?: Date;
};

/** What a person may do about it. */
export type AttentionAction = {
  name: "answer" | "accept" | "discard" | "retry" | "open" | "thaw" | "reset";
  label: string;
  risk: Risk;
  /** On the command line; null: there is no verb for it. */
  command: string | null;
  /** Of the API; an `answer` of null is for the person's own words. Null: it is done elsewhere. */
  request: { path: string; body: Record<string, string | null> | null } | null;
  /** Where it is done otherwise. */
  href: string | null;
};

export type Attention = {
  items: AttentionItem[];
  /** How many left the list because they were quiet for too long. */
  archived: { ready: number; failed: number };
};

/** After so many days without a decision it leaves the list. */
export const archiveDays = { ready: 14, failed: 3 } as const;

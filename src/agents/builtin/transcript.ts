import { z } from "zod";
import type { Session } from "../agent.ts";
import type { AttemptLog } from "./attempt-log.ts";
import { type Message, messageSchema } from "./model/model.ts";

/**
 * The conversation of one piece of work. It is stored as an append-only list of messages and
 * summaries. The model's view follows from the list alone: a summary replaces everything between
 * the brief and the last few messages before it, so the view is the same after a restart.
 */
export type Transcript = {
  /** The messages that the model sees now. */
  readonly messages: readonly Message[];
  /** Stored when it resolves. */
  append(...messages: Message[]): Promise<void>;
  /** Like `append`, and keeps the worktree; the call may have changed these files (null: any). */
  appendWithFiles(changed: readonly string[] | null, ...messages: Message[]): Promise<void>;
  /**
   * Like `append`, for a message that need not be stored before the next: it is stored with that
   * one, or alone after a moment. Stored when it resolves.
   */
  hold(message: Message): Promise<void>;
  /** From now on the summary and the last `keep` messages replace what came before. */
  restart(text: string, keep: number): Promise<void>;
  /** Number of characters in `messages`. */
  chars(): number;
};

type KeepOptions = Parameters<Session["append"]>[1];

/** Longer than reading a few files takes, and so short that a crash loses little. */
const holdMs = 20;

const compactionSchema = z.object({
  role: z.literal("compaction"),
  text: z.string(),
  keep: z.int().min(0),
});
const entrySchema = z.discriminatedUnion("role", [messageSchema, compactionSchema]);
export type Entry = z.infer<typeof entrySchema>;

/** Validates the stored list, or returns what is wrong with it. */
export function readEntries(stored: readonly unknown[]): Entry[] | { problem: string } {
  const parsed = z.array(entrySchema).safeParse(stored);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = issue?.path.join(".") ?? "";
  return { problem: `the stored transcript cannot be read (entry ${place}: ${issue?.message})` };
}

export function openTranscript(
  entries: readonly Entry[],
  session: Session,
  log: AttemptLog,
): Transcript {
  let messages: Message[] = [];
  let chars = 0;
  const add = (message: Message) => {
    messages.push(message);
    chars += countChars(message);
  };
  const take = (added: readonly Message[]) => {
    for (const message of added) {
      add(message);
      log.addMessage(message);
    }
  };
  const hand = ({ text, keep }: z.infer<typeof compactionSchema>) => {
    const head = messages.slice(0, 2); // the system prompt and the brief
    const tail = keep === 0 ? [] : messages.slice(Math.max(2, messages.length - keep));
    messages = [];
    chars = 0;
    for (const message of [...head, tell(compactionIntro + text), ...tail]) add(message);
  };
  for (const entry of entries) {
    if (entry.role === "compaction") hand(entry);
    else add(entry);
  }
  const held: { message: Message; timer: NodeJS.Timeout; stored: (how: Promise<void>) => void }[] =
    [];
  const store = (added: readonly Entry[], ...how: [KeepOptions?]): Promise<void> => {
    const before = held.splice(0);
    const stored = session.append([...before.map(({ message }) => message), ...added], ...how);
    for (const one of before) {
      clearTimeout(one.timer);
      one.stored(stored);
    }
    return stored;
  };
  return {
    get messages() {
      return messages;
    },
    async append(...added) {
      if (added.length === 0) return;
      take(added);
      await store(added);
    },
    async appendWithFiles(changed, ...added) {
      take(added);
      await store(added, { checkpoint: true, changed });
    },
    hold(message) {
      take([message]);
      return new Promise((stored) => {
        // A failure reaches the caller through `stored`.
        const timer = setTimeout(() => store([]).catch(() => {}), holdMs);
        held.push({ message, timer, stored });
      });
    },
    async restart(text, keep) {
      const entry = { role: "compaction", text, keep } as const;
      hand(entry);
      log.add(`── went on from a summary ──\n${text}`);
      await store([entry]);
    },
    chars: () => chars,
  };
}

export function tell(text: string): Message {
  return { role: "user", text };
}

export function countChars(message: Message): number {
  if (message.role !== "assistant") return message.text.length;
  const calls = message.toolCalls.reduce((sum, call) => sum + call.arguments.length + 40, 0);
  const carried = message.carried ? JSON.stringify(message.carried.items).length : 0;
  return message.text.length + calls + carried;
}

export const compactionIntro =
  "The conversation grew too long for your context. You wrote this summary; it stands for everything before the messages that follow.\n\n";

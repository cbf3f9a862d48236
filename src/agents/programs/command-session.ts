import { rmSync, writeFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { AgentRun } from "../agent.ts";
import { describeMessages, writeBriefing } from "../cli/brief.ts";
import { keepNowAndThen } from "../keep-checkpoints.ts";

/**
 * The session of a program that has no sessions itself, so that its work outlives it. It is created
 * only when there is something to keep: files changed by a longer run, or a question. The run after
 * a question or an interruption continues where this one stopped. Its brief says so, and its stdin
 * holds the answers to earlier prompts, as at a terminal. After an end of its own the next run
 * starts new.
 *
 * A person's messages are written to a file from the start, and appended while the program runs. It
 * is unknown whether they are read there, so without a session the next run gets them again.
 */
export type CommandSession = {
  brief: string;
  /** The brief, or one line for each answered prompt. */
  stdin: string;
  saidFile: string;
  /** The worktree contains earlier work. */
  isContinued: boolean;
  /** The program runs now: start keeping what it does. */
  watch(): void;
  /** The program has ended. With a question the session is always kept. */
  end(how: {
    asked: { question: string; isPrompt: boolean } | null;
    wasInterrupted: boolean;
  }): Promise<void>;
};

const saidSchema = z.object({ said: z.string() });
const promptedSchema = z.object({ prompted: z.string() });
const givenSchema = z.object({ given: z.string() });

export type CommandPace = {
  /** Before that nothing is kept, and the worktree is not read. */
  checkpointMs?: number;
  /** How often to look for a person's messages. */
  lookMs?: number;
};

export async function openCommandSession(
  run: AgentRun,
  { checkpointMs = 5_000, lookMs = 2_000 }: CommandPace,
): Promise<CommandSession> {
  const { session } = run;
  const earlier = [...session.entries];
  const isContinued = earlier.length > 0;
  const find = <T>(schema: z.ZodType<T>) =>
    earlier.flatMap((entry) => schema.safeParse(entry).data ?? []);
  const fresh = await run.takeMessages();
  const said = [...find(saidSchema).map(({ said }) => said), ...fresh];
  const given = find(givenSchema).map(({ given }) => given);
  const answer = run.env[answerVariable];
  const isAnswered = promptedSchema.safeParse(earlier.at(-1)).success && answer !== undefined;
  if (isAnswered) given.push(answer);

  /** Entries not stored yet. */
  let news: unknown[] = [
    { told: run.brief },
    ...fresh.map((text) => ({ said: text })),
    ...(isAnswered ? [{ given: answer }] : []),
  ];
  const takeNews = () => news.splice(0);
  if (isContinued) await session.append(takeNews());

  const saidFile = join(run.scratch, "said.jsonl");
  const writeMessages = (text: string) => `${JSON.stringify({ text })}\n`;
  writeOwnFile(saidFile, said.map(writeMessages).join(""));
  const brief = writeBriefing(earlier, run.brief) + describeMessages(said);

  const keep = async (): Promise<boolean> => {
    const added = news;
    news = [];
    const isNew = await session.checkpoint(added).catch((error: unknown) => {
      news.unshift(...added);
      throw error;
    });
    if (!isNew) news.unshift(...added);
    return isNew;
  };
  const look = async (): Promise<void> => {
    for (const text of await run.takeMessages()) {
      await appendFile(saidFile, writeMessages(text));
      news.push({ said: text });
    }
    // No person said it, and the next run is told why this one ended.
    for (const text of run.takeNudge()) await appendFile(saidFile, writeMessages(text));
  };

  let looking: Promise<void> = Promise.resolve();
  let looker: NodeJS.Timeout | undefined;
  let stopKeeping = async () => {};
  return {
    brief,
    stdin: given.length > 0 ? given.map((text) => `${text}\n`).join("") : brief,
    saidFile,
    isContinued,
    watch: () => {
      looker = setInterval(() => {
        looking = looking.then(look).catch(() => {}); // repeated at the next look
      }, lookMs);
      if (run.mode === "write") stopKeeping = keepNowAndThen(keep, checkpointMs);
    },
    end: async ({ asked, wasInterrupted }) => {
      clearInterval(looker);
      await looking;
      await stopKeeping();
      if (asked) {
        const entry = asked.isPrompt ? { prompted: asked.question } : { asked: asked.question };
        await session.append([...takeNews(), entry], { checkpoint: run.mode === "write" });
        return;
      }
      if (session.entries.length === 0) return;
      if (!wasInterrupted) return session.forget();
      if (run.mode === "write") await keep();
      if (news.length > 0) await session.append(takeNews());
    },
  };
}

/** Replaces a small file of ours, synchronously, because a program waits to be started. */
export function writeOwnFile(path: string, text: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode: 0o600, flag: "wx" });
}

/** Variable with a person's last answer, set by the caller that prepares the attempt. */
export const answerVariable = "DEPUTY_ANSWER";

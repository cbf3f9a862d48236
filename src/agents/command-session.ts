import { rmSync, writeFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { AgentRun } from "./agent.ts";
import { describeMessages, writeBriefing } from "./cli/brief.ts";
import { keepNowAndThen } from "./keep-checkpoints.ts";

/**
 * What is remembered for a program that knows nothing of sessions, so that its work outlives it. One
 * begins only when there is something to remember: files that a run of some length changed, or a
 * question. The run after a question or an interruption works where this one stopped, is told so in
 * its brief, and has the answers to what was prompted for on its stdin, as it would have had them at
 * a terminal. After an end of its own the next one begins anew.
 *
 * What a person says is in a file from the first moment on, and joins it while the program runs.
 * Nobody knows whether it is read there: without a session the next run is told again.
 */
export type CommandSession = {
  brief: string;
  /** The brief, or one line for each prompt that was answered. */
  stdin: string;
  saidFile: string;
  /** The work so far is in the worktree. */
  isContinued: boolean;
  /** The program runs now: keep what it does. */
  watch(): void;
  /** It has ended. With a question, and its kind, there is always something to remember. */
  end(how: {
    asked: { question: string; isPrompt: boolean } | null;
    wasInterrupted: boolean;
  }): Promise<void>;
};

const saidSchema = z.object({ said: z.string() });
const promptedSchema = z.object({ prompted: z.string() });
const givenSchema = z.object({ given: z.string() });

export type CommandPace = {
  /** Before that nothing is kept, and the worktree is not looked at. */
  checkpointMs?: number;
  /** How often it is asked whether a person said something. */
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

  /** Not stored yet. */
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
        looking = looking.then(look).catch(() => {}); // looked for again
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

/** A small file of ours, whatever was there: on the spot, because a program waits to be started. */
export function writeOwnFile(path: string, text: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode: 0o600, flag: "wx" });
}

/** The last answer of a person, for programs; set by whoever prepares the attempt. */
export const answerVariable = "DEPUTY_ANSWER";

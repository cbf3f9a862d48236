import { setTimeout as sleep } from "node:timers/promises";
import type { Privacy } from "../../core/settings/notify-settings.ts";
import type { Redact } from "../../core/text/redact.ts";
import { noteLastReply, readLastReply } from "../../store/pushes/asks.ts";
import type { NtfyActions } from "../channels/ntfy.ts";
import type { NotifierConfig } from "../notifier-config.ts";
import { causeOf, post } from "../post.ts";
import { authorization, rootOf } from "./ask-ntfy.ts";
import { examineServer, type ServerFacts } from "./examine-server.ts";
import { followTopic } from "./follow-topic.ts";
import { makeFindActions } from "./push-actions.ts";
import { hashSecret, type ReplySecrets } from "./reply-secrets.ts";
import type { ReplyCounts } from "./take-press.ts";
import { makeTakeReply, type ReplyDeps } from "./take-reply.ts";

/**
 * The way back from a push: what the server can do is found out once, pushes get their buttons, and
 * the topic to which buttons are sent is read. No port of this machine is open for it.
 */
export type Replies = {
  actions: NtfyActions;
  /** What the server can do; null as long as it could not be asked. Waits for the first result. */
  facts(patienceMs: number): Promise<ServerFacts | null>;
  /** Resolves once the server could be asked. */
  known: Promise<void>;
  /** What keeps buttons or the alarm from working, in sentences. */
  problems(): string[];
  counts(): ReplyCounts;
  stop(): Promise<void>;
};

export type RepliesDeps = Pick<ReplyDeps, "db" | "press" | "log"> & {
  ntfy: NonNullable<NotifierConfig["ntfy"]>;
  publicUrl: string | null;
  secrets: ReplySecrets;
  /** Of pushes by ntfy. */
  privacy: Privacy;
  /** Without it, pushes have a page at most. */
  buttons: boolean;
  /** Whether a push is to tell of this machine's silence (put-off-alarm.ts). */
  alive: boolean;
  redact: Redact;
  /** The pause before a server that was away is examined again; sixty times that where it lacks something. */
  askAgainMs?: number;
};

/** A push does not wait longer than this for what the server can do. */
const patienceMs = 5_000;

export function startReplies(deps: RepliesDeps): Replies {
  const { askAgainMs = 60_000, db, log, ntfy, redact, secrets } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  const counts: ReplyCounts = { answered: 0, refused: 0, dropped: 0 };
  const topicHash = hashSecret(secrets.topic);
  let trouble: string | null = null;
  let facts: ServerFacts | null = null;

  const problemsOf = (found: ServerFacts | null) => [
    ...(deps.buttons && found?.buttons ? [found.buttons] : []),
    ...(deps.alive && found?.sequences ? [found.sequences] : []),
  ];
  let onFacts = () => {};
  const known = new Promise<void>((resolve) => {
    onFacts = resolve;
  });
  /** Until all is well: an administrator may set right what is missing. */
  const examine = async (): Promise<void> => {
    for (let said: string[] = []; !signal.aborted; ) {
      try {
        facts = await examineServer(ntfy, secrets.topic, signal);
        onFacts();
        const found = problemsOf(facts);
        for (const one of found) if (!said.includes(one)) log("warn", {}, one);
        if (found.length === 0) return;
        said = found;
      } catch {
        // It is away. Pushes that are refused say so in the log.
      }
      const pauseMs = facts === null ? askAgainMs : askAgainMs * 60;
      await sleep(pauseMs, undefined, { signal }).catch(() => {}); // stopped
    }
  };
  const examined = deps.buttons || deps.alive ? examine() : Promise.resolve();
  const readFacts = async (ms: number) => {
    await Promise.race([known, sleep(ms, undefined, { ref: false, signal }).catch(() => {})]);
    return facts;
  };
  const mayPress = async () => deps.buttons && (await readFacts(patienceMs))?.buttons === null;

  const tell: ReplyDeps["tell"] = async (card, { body, title }) => {
    const message = { topic: ntfy.topic, title, message: redact(body), sequence_id: card };
    const result = await post(
      rootOf(ntfy),
      {
        headers: authorization(ntfy),
        body: JSON.stringify({ ...message, priority: 2, tags: ["leftwards_arrow_with_hook"] }),
      },
      { timeoutMs: 15_000, signal },
    );
    // The answer counts all the same; only its receipt is lost.
    if (result.kind === "refused")
      log(
        "warn",
        { error: redact(result.error) },
        "could not tell a phone what became of its answer",
      );
  };

  const topic = deps.buttons
    ? followTopic({
        ...{ server: ntfy, topic: secrets.topic },
        readLast: () => readLastReply(db, topicHash),
        keep: (lastId) => noteLastReply(db, topicHash, lastId),
        onMessage: makeTakeReply({ ...deps, key: secrets.buttons, tell, signal }, counts),
        onJunk: () => {
          counts.dropped++;
        },
        onTrouble: (error) => {
          const said =
            error && `answers from pushes cannot be read from the ntfy server: ${causeOf(error)}`;
          const isNews = (said === null) !== (trouble === null);
          trouble = said && redact(said);
          if (isNews && trouble) log("warn", {}, trouble);
          if (isNews && !trouble) log("info", {}, "answers from pushes are read again");
        },
      })
    : null;

  return {
    actions: { find: makeFindActions({ ...deps, mayPress }), replyTopic: secrets.topic },
    facts: readFacts,
    known,
    problems: () => {
      const found = problemsOf(facts);
      // A reader that is refused has been explained.
      return trouble === null || (deps.buttons && facts?.buttons) ? found : [trouble, ...found];
    },
    counts: () => ({ ...counts }),
    stop: async () => {
      stopping.abort();
      await Promise.all([examined, topic?.stop()]);
    },
  };
}

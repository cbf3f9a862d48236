import { randomBytes } from "node:crypto";
import type { Config } from "../config/config.ts";
import type { ChannelActions } from "../notifier/channels/open-channels.ts";
import { privacyOf } from "../notifier/manners/choose-channels.ts";
import { followSlack } from "../notifier/replies/follow-slack.ts";
import { followTelegram } from "../notifier/replies/follow-telegram.ts";
import { makeFindActions } from "../notifier/replies/push-actions.ts";
import { deriveReplySecrets, type ReplySecrets } from "../notifier/replies/reply-secrets.ts";
import { type Replies, type RepliesDeps, startReplies } from "../notifier/replies/start-replies.ts";
import type { ReplyCounts, TakePressDeps } from "../notifier/replies/take-press.ts";
import { pressOption } from "../orchestrator/commands/press.ts";
import type { AdvanceDeps } from "../orchestrator/transitions/advance.ts";
import { useAsk } from "../store/pushes/asks.ts";
import { keepSecret } from "./home/prepare-home.ts";
import { requirePlanner } from "./intake-rules.ts";

/** Made at the first start with pushes that can be answered, and anew where the file is deleted. */
export async function readPushSecrets({ notifier, paths }: Config): Promise<ReplySecrets> {
  // Without such pushes nothing has to outlive this process.
  const { ntfy, slackBot, telegram, webPush } = notifier;
  const isKept = Boolean(ntfy ?? telegram ?? slackBot ?? webPush);
  const key = isKept ? await keepSecret(paths.pushKey) : randomBytes(32).toString("hex");
  return deriveReplySecrets(key);
}

const names: Record<string, string> = { telegram: "Telegram", slack: "Slack" };

/** The ways back from pushes: each brings presses of buttons, which are commands of the orchestrator. */
export type AnswerWays = {
  /** Null: there are no pushes by ntfy. */
  ntfy: Replies | null;
  /** What the pushes of each channel can carry. */
  actions: ChannelActions;
  /** What keeps them from working, in sentences. */
  problems(): string[];
  counts(): ReplyCounts;
  stop(): Promise<void>;
};

export function openAnswerWays(
  deps: AdvanceDeps &
    Pick<RepliesDeps, "db" | "log" | "redact"> & {
      config: Config;
      secrets: ReplySecrets;
      processId: string;
    },
): AnswerWays {
  const { config, db, log, processId, redact, secrets } = deps;
  const { manners, ntfy, publicUrl, slackBot, telegram } = config.notifier;
  const press: TakePressDeps["press"] = async (ask, option, message) => {
    const [where = ""] = /^(?:telegram|slack)(?=:)/.exec(message) ?? [];
    const by = where === "" ? "a button of a push" : `a button in ${names[where]}`;
    if (option.verb === "test") {
      await useAsk(db, ask.id, { option: ask.options.indexOf(option), by, message });
      return;
    }
    const mayPlan = (repository: string) => requirePlanner(config, repository);
    await pressOption(deps, ask, { option, by, message, words: null, requirePlanner: mayPlan });
  };
  const replies = ntfy
    ? startReplies({
        ...{ db, log, redact, secrets, ntfy, publicUrl, press, buttons: config.push.buttons },
        privacy: privacyOf("ntfy", manners),
        alive: config.push.alive !== null,
      })
    : null;

  const counts: ReplyCounts = { answered: 0, refused: 0, dropped: 0 };
  const troubles = new Map<string, string>();
  const onTrouble = (of: string) => (sentence: string | null) => {
    if (sentence === null) troubles.delete(of);
    else if (troubles.get(of) !== sentence) {
      log("warn", {}, redact(sentence));
      troubles.set(of, redact(sentence));
    }
  };
  const stopping = new AbortController();
  const isPolled = telegram?.buttons === true;
  const about = { db, log, press, key: secrets.buttons, signal: stopping.signal };
  const following = [
    isPolled
      ? followTelegram({ ...about, telegram, processId, onTrouble: onTrouble("telegram") }, counts)
      : null,
    slackBot
      ? followSlack({ ...about, bot: slackBot, onTrouble: onTrouble("slack") }, counts)
      : null,
  ];
  const find = (channel: "telegram" | "slack", isHeard: boolean) =>
    makeFindActions({
      ...{ db, redact, secrets, publicUrl, privacy: privacyOf(channel, manners) },
      mayPress: async () => isHeard,
    });
  return {
    ntfy: replies,
    actions: {
      ntfy: replies?.actions ?? null,
      telegram: telegram ? find("telegram", isPolled) : null,
      slack: slackBot ? find("slack", true) : null,
    },
    problems: () => [...(replies?.problems() ?? []), ...troubles.values()],
    counts: () => {
      const other = replies?.counts() ?? { answered: 0, refused: 0, dropped: 0 };
      return {
        answered: counts.answered + other.answered,
        refused: counts.refused + other.refused,
        dropped: counts.dropped + other.dropped,
      };
    },
    stop: async () => {
      stopping.abort();
      await Promise.all([replies?.stop(), ...following.map((one) => one?.stop())]);
    },
  };
}

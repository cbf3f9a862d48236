import { randomBytes } from "node:crypto";
import type { Config } from "../config/config.ts";
import { deriveReplySecrets, type ReplySecrets } from "../notifier/replies/reply-secrets.ts";
import { type Replies, type RepliesDeps, startReplies } from "../notifier/replies/start-replies.ts";
import { pressOption } from "../orchestrator/commands/press.ts";
import type { AdvanceDeps } from "../orchestrator/transitions/advance.ts";
import { useAsk } from "../store/pushes/asks.ts";
import { keepSecret } from "./home/prepare-home.ts";
import { requirePlanner } from "./intake-rules.ts";

/** Made at the first start with a topic, and anew where the file is deleted. */
export async function readPushSecrets({ notifier, paths }: Config): Promise<ReplySecrets> {
  // Without such pushes nothing has to outlive this process.
  const key =
    notifier.ntfy || notifier.webPush
      ? await keepSecret(paths.pushKey)
      : randomBytes(32).toString("hex");
  return deriveReplySecrets(key);
}

/** Answers to pushes by ntfy: each is a command of the orchestrator. Null: there are no such pushes. */
export function openReplies(
  deps: AdvanceDeps &
    Pick<RepliesDeps, "db" | "log" | "redact"> & { config: Config; secrets: ReplySecrets },
): Replies | null {
  const { config, db, log, redact, secrets } = deps;
  const { ntfy, publicUrl } = config.notifier;
  if (!ntfy) return null;
  return startReplies({
    ...{ db, log, redact, secrets, ntfy, publicUrl, buttons: config.push.buttons },
    alive: config.push.alive !== null,
    press: async (ask, option, message) => {
      const by = "a button of a push";
      if (option.verb === "test") {
        await useAsk(db, ask.id, { option: ask.options.indexOf(option), by, message });
        return;
      }
      const mayPlan = (repository: string) => requirePlanner(config, repository);
      await pressOption(deps, ask, { option, by, message, words: null, requirePlanner: mayPlan });
    },
  });
}

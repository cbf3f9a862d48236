import type { Config } from "../../config/config.ts";
import { DeputyError } from "../../core/base/error.ts";
import type { Redact } from "../../core/text/redact.ts";
import type { DaemonService } from "../../http/service.ts";
import { openChannels } from "../../notifier/channels/open-channels.ts";
import type { WebPushDeps } from "../../notifier/channels/web-push.ts";
import { send } from "../../notifier/deliver-notifications.ts";
import { operatorRows } from "../../notifier/operator-rows.ts";
import { testType } from "../../notifier/replies/push-actions.ts";
import type { Db } from "../../store/database/schema.ts";
import { findAskOfEvent } from "../../store/pushes/asks.ts";
import { listSubscriptions } from "../../store/pushes/push-subscriptions.ts";
import type { AnswerWays } from "../open-replies.ts";

/** A push that a person asks for, to see that it arrives, and that an answer comes back. */
export function makePushTest(deps: {
  db: Db;
  config: Config;
  ways: AnswerWays;
  webPush: WebPushDeps | null;
  redact: Redact;
}): Pick<DaemonService, "testPush" | "findPress"> {
  const { config, db, redact, ways, webPush } = deps;
  return {
    testPush: async () => {
      const browsers = webPush ? await listSubscriptions(db) : [];
      const all = operatorRows(config.notifier, {
        type: testType,
        title: "A test from Deputy",
        message: "Press the button, if there is one: then the way back works, too.",
      });
      const rows = all.filter(({ channel }) => channel !== "web_push" || browsers.length > 0);
      const [first] = rows;
      if (!first)
        throw new DeputyError(
          "conflict",
          "No channel is configured: set DEPUTY_NTFY_TOPIC, or what another one of docs/phone.md needs, and restart the daemon.",
        );
      const channels = openChannels(config.notifier, ways.actions, webPush);
      const options = { timeoutMs: 15_000, signal: AbortSignal.timeout(20_000) };
      const sent = rows.map(async (row) => {
        const result = await send({ ...row, attempts: 1, ageMs: 0 }, channels, options, db);
        const said = result.kind === "refused" ? redact(result.error) : null;
        const problem = said ?? (result.kind === "nobody" ? result.why : "it took too long");
        return { name: row.channel, problem: result.kind === "taken" ? null : problem };
      });
      const results = await Promise.all(sent);
      const noButton = await explainNoButton(deps);
      const { slackBot, telegram } = config.notifier;
      const able = { ntfy: true, telegram: telegram?.buttons === true, slack: Boolean(slackBot) };
      const wasTaken = results.some(
        ({ name, problem }) => problem === null && able[name as keyof typeof able],
      );
      return { channels: results, id: wasTaken && !noButton ? first.eventId : null, noButton };
    },
    findPress: async (id) => {
      const ask = await findAskOfEvent(db, id);
      if (ask && ask.taskId === "") return ask.usedAt;
      throw new DeputyError("not_found", `There is no test push ${id}; send one first.`, {
        field: "id",
      });
    },
  };
}

async function explainNoButton({
  config,
  ways,
}: Parameters<typeof makePushTest>[0]): Promise<string | null> {
  const { ntfy, slackBot, telegram } = config.notifier;
  if (telegram?.buttons || slackBot) return null;
  if (!ntfy || !ways.ntfy) return "only pushes by ntfy, Telegram and a Slack app have buttons";
  if (!config.push.buttons) return "buttons are switched off (DEPUTY_NTFY_BUTTONS)";
  const facts = await ways.ntfy.facts(5_000);
  return facts ? facts.buttons : "the ntfy server could not be examined yet";
}

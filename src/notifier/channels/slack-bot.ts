import type { FindActions, PushButton } from "../replies/push-actions.ts";
import type { Channel } from "./channel.ts";
import { slackBlocks } from "./slack.ts";
import { callSlack, type SlackBot, SlackRefused, toPostResult } from "./slack-api.ts";

/**
 * A bot of a Slack app: the same blocks of plain text as the incoming webhook's, and below them buttons,
 * whose value is the signed capability. What was shown is updated to its end, without them.
 */
export function slackBotChannel(bot: SlackBot, findActions: FindActions | null = null): Channel {
  const { botToken, channel } = bot;
  return {
    name: "slack",
    send: async (notification, options) => {
      const actions = (await findActions?.(notification)) ?? null;
      const clickUrl = actions?.click ?? notification.clickUrl;
      const { blocks, ...rest } = slackBlocks({ ...notification, clickUrl });
      const message = { channel, ...rest, blocks: [...blocks, ...row(actions?.buttons ?? [])] };
      try {
        const { ts } = await callSlack(bot, botToken, "chat.postMessage", message, options);
        return { kind: "taken", message: typeof ts === "string" ? ts : null };
      } catch (error) {
        return toPostResult(error, options.signal);
      }
    },
    close: async ({ message, title }, end, options) => {
      if (message === null) return { kind: "taken" };
      const shown = slackBlocks({ title, body: end, clickUrl: null });
      try {
        await callSlack(bot, botToken, "chat.update", { channel, ts: message, ...shown }, options);
        return { kind: "taken" };
      } catch (error) {
        return toPostResult(error, options.signal);
      }
    },
    examine: async (options) => {
      try {
        await callSlack(bot, botToken, "auth.test", {}, options);
        return null;
      } catch (error) {
        if (!(error instanceof SlackRefused)) return "Slack was not reached, so it was not tried";
        return `Slack does not accept the bot's token (${error.reason}): set a valid DEPUTY_SLACK_BOT_TOKEN`;
      }
    },
  };
}

function row(buttons: readonly PushButton[]) {
  if (buttons.length === 0) return [];
  const elements = buttons.map(({ capability, label }, index) => ({
    type: "button",
    action_id: `deputy-${index}`,
    text: { type: "plain_text", text: [...label].slice(0, 75).join(""), emoji: false },
    value: capability,
  }));
  return [{ type: "actions", elements }];
}

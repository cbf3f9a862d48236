import type { NotifierConfig } from "../notifier-config.ts";
import { post } from "../post.ts";
import type { Channel } from "./channel.ts";
import { look } from "./look.ts";

/**
 * A Telegram bot's sendMessage. Without `parse_mode` Telegram reads no markup, so the text needs no
 * escaping. The token is in the address, which therefore is in no log and no error: `post` and `look`
 * name neither.
 */
export function telegramChannel(config: NonNullable<NotifierConfig["telegram"]>): Channel {
  const api = `${config.url.replace(/\/+$/, "")}/bot${config.token}`;
  return {
    name: "telegram",
    send: ({ body, clickUrl, priority, title }, options) => {
      const text = [title, body, clickUrl]
        .filter((part) => part !== null && part !== "")
        .join("\n");
      const message = {
        chat_id: config.chat,
        text: text.length <= maxText ? text : `${text.slice(0, maxText - 1)}…`,
        disable_notification: priority <= 2,
        link_preview_options: { is_disabled: true },
      };
      return post(`${api}/sendMessage`, { headers: {}, body: JSON.stringify(message) }, options);
    },
    examine: async (options) => {
      const bot = await look(`${api}/getMe`, options);
      if (bot.status === 401 || bot.status === 404)
        return `Telegram does not accept the token (${bot.status}): set a valid DEPUTY_TELEGRAM_TOKEN`;
      if (bot.problem !== null)
        return `Telegram was not reached (${bot.problem}), so it was not tried`;
      const chat = await look(`${api}/getChat?chat_id=${encodeURIComponent(config.chat)}`, options);
      if (chat.status === 400 || chat.status === 403)
        return `Telegram shows the bot no chat ${config.chat} (${chat.status}): write to the bot first, or set DEPUTY_TELEGRAM_CHAT`;
      return chat.problem && `Telegram was not reached (${chat.problem}), so it was not tried`;
    },
  };
}

/** Telegram's own limit. */
const maxText = 4_096;

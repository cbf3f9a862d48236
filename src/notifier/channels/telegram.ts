import type { NotifierConfig } from "../notifier-config.ts";
import { post } from "../post.ts";
import type { FindActions } from "../replies/push-actions.ts";
import type { Channel } from "./channel.ts";
import { look } from "./look.ts";
import { messageOf, telegramApi, telegramText } from "./telegram-api.ts";

/**
 * A Telegram bot's sendMessage. Without `parse_mode` Telegram reads no markup, so the text needs no
 * escaping. Buttons are an inline keyboard, whose data is the signed capability (at most 64 bytes, as
 * Telegram wants); what was shown is edited to its end, and its keyboard goes with that. The token is in
 * the address, which therefore is in no log and no error: `post` and `look` name neither.
 */
export function telegramChannel(
  config: NonNullable<NotifierConfig["telegram"]>,
  findActions: FindActions | null = null,
): Channel {
  const api = telegramApi(config);
  return {
    name: "telegram",
    send: async (notification, options) => {
      const { body, clickUrl, priority, title } = notification;
      const actions = (await findActions?.(notification)) ?? null;
      const buttons = actions?.buttons ?? [];
      const message = {
        chat_id: config.chat,
        text: telegramText([title, body, actions?.click ?? clickUrl]),
        disable_notification: priority <= 2,
        link_preview_options: { is_disabled: true },
        ...(buttons.length > 0 && {
          reply_markup: {
            inline_keyboard: buttons.map(({ capability, label }) => [
              { text: label, callback_data: capability },
            ]),
          },
        }),
      };
      const request = { headers: {}, body: JSON.stringify(message) };
      return post(`${api}/sendMessage`, request, { ...options, readMessage: messageOf });
    },
    close: async ({ message, title }, end, options) => {
      if (message === null) return { kind: "taken" };
      const edit = {
        ...{ chat_id: config.chat, message_id: Number(message) },
        ...{ text: telegramText([title, end]), link_preview_options: { is_disabled: true } },
      };
      const request = { headers: {}, body: JSON.stringify(edit) };
      return post(`${api}/editMessageText`, request, options);
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

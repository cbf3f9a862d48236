import type { NotifierConfig } from "../notifier-config.ts";
import { post } from "../post.ts";
import type { Channel } from "./channel.ts";
import { look } from "./look.ts";

/**
 * Discord's webhook. It renders Markdown in `content`, masked links too, so every sign of it is escaped;
 * `allowed_mentions` without any means that nobody is called, whatever the text says. Its address answers
 * a GET with what it is: that is how it is tried.
 */
export function discordChannel({ url }: NonNullable<NotifierConfig["discord"]>): Channel {
  return {
    name: "discord",
    send: ({ body, clickUrl, title }, options) => {
      const words = [`**${escapeMarkdown(title)}**`, escapeMarkdown(body)].filter(Boolean);
      const link = clickUrl === null ? "" : `\n<${clickUrl}>`;
      const message = {
        content: `${cut(words.join("\n"), maxContent - link.length)}${link}`,
        allowed_mentions: { parse: [] },
        flags: suppressEmbeds,
      };
      return post(url, { headers: {}, body: JSON.stringify(message) }, options);
    },
    examine: async (options) => {
      const { problem, status } = await look(url, options);
      if (status === 401 || status === 404)
        return `Discord does not know its address (${status}): set a valid DEPUTY_DISCORD_URL`;
      return problem && `Discord was not reached (${problem}), so it was not tried`;
    },
  };
}

const maxContent = 2_000;
const suppressEmbeds = 1 << 2;

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_~|<>#[\]()@:-]/g, "\\$&");
}

/** In UTF-16 units, as JavaScript counts: never fewer than Discord does; no escape is split. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  return `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$|\\+$/, "")}…`;
}

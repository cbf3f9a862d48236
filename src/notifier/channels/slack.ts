import type { NotifierConfig } from "../notifier-config.ts";
import { post } from "../post.ts";
import type { Channel } from "./channel.ts";

/**
 * Slack's incoming webhook. Title and body are blocks of plain text, in which Slack reads no markup; the
 * text for its own notification is mrkdwn, so that its three signs are escaped: with them a text could
 * call everybody (`<!everyone>`) or hide where a link leads. There is no way to try it without a post.
 */
export function slackChannel({ url }: NonNullable<NotifierConfig["slack"]>): Channel {
  return {
    name: "slack",
    send: (notification, options) =>
      post(url, { headers: {}, body: JSON.stringify(slackBlocks(notification)) }, options),
  };
}

/** A push as Slack's webhook and its bots take it. */
export function slackBlocks(shown: { title: string; body: string; clickUrl: string | null }) {
  const { body, clickUrl, title } = shown;
  const block = (text: string, type: "header" | "section", max: number): object => ({
    ...{ type, text: { type: "plain_text", text: cut(text, max), emoji: false } },
  });
  return {
    text: escapeSlack(title),
    blocks: [
      block(title, "header", 150),
      ...(body === "" ? [] : [block(body, "section", 3_000)]),
      ...(clickUrl === null ? [] : [linkBlock(clickUrl)]),
    ],
    ...{ unfurl_links: false, unfurl_media: false },
  };
}

/** The address is ours, and escaped like any text; `|` would end it. */
function linkBlock(url: string): object {
  const address = escapeSlack(url).replaceAll("|", "%7C");
  return { type: "section", text: { type: "mrkdwn", text: `<${address}|Open>` } };
}

function escapeSlack(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function cut(text: string, max: number): string {
  const characters = [...text];
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join("")}…`;
}

import { cleanOutsideText } from "./outside-text.ts";

/**
 * Words of agents (and of those who talk to them) as they may stand on a forge: in a commit message,
 * a title, a comment. Nothing in them mentions anybody, refers to or closes an issue, is HTML, an
 * image or a link, commands a bot or forges a trailer. A sign that does such a thing is replaced by
 * one that looks like it, in plain text and in Markdown alike, inside of code and outside; the words
 * stay readable. What we refer to ourselves is written beside it, never through here.
 */
const signs: readonly [RegExp, string][] = [
  // @name, @org/team, owner/repo@commit, an e-mail address in a trailer.
  [/@(?=\w)/g, "＠"],
  // #1, owner/repo#1, "JIRA-1 #close"; GH-1 and GitLab's GL-1. An underscore before is emphasis.
  [/#(?=\w)/g, "＃"],
  [/(?<![A-Za-z0-9])(G[HL])\\?-(?=\d)/gi, "$1‑"],
  // A link of any scheme, written out; "\/" is a slash to Markdown.
  [/:(?:\\?\/){2}/g, ":⁄⁄"],
  [/(?<![A-Za-z0-9])(www)\.(?=\w)/gi, "$1․"],
  // Links, images and what they are defined by.
  [/\](?=[(:])/g, "］"],
  [/<(?=[A-Za-z/!?])/g, "‹"],
  // "&#64;" is an "@" to Markdown.
  [/&(?=#?\w{1,32};)/g, "＆"],
  // Task lists; "[skip ci]" and its relatives, also where lines are joined later.
  [/\[(?=[ xX]\])/g, "［"],
  [/\[(?=[\w\s-]{0,20}\b(?:skip|ci)\b)/gi, "［"],
  [/\*{3}(?=NO_CI)/gi, "∗∗∗"],
  // Commands to bots, and trailers: "Signed-off-by:", "BREAKING CHANGE:".
  [/^((?:[^\S\n]|[>*+-])*)\/(?=[a-z])/gim, "$1⁄"],
  [/^([ \t>]*(?:[A-Za-z]+(?:-[A-Za-z]+)+|BREAKING CHANGE)[ \t]*):/gim, "$1："],
];

export function makeInert(text: string): string {
  return signs.reduce(
    (result, [sign, instead]) => result.replace(sign, instead),
    cleanOutsideText(text),
  );
}

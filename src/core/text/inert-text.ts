import { cleanOutsideText } from "./outside-text.ts";

/**
 * Words of agents (and of people who talk to them), safe to publish on a forge in a commit message,
 * title or comment. Nothing in them mentions anybody, refers to or closes an issue, is HTML, an
 * image or a link, commands a bot or forges a trailer. Each such character is replaced by a
 * lookalike, in plain text and Markdown, inside code and outside; the words stay readable. Deputy's
 * own references are added separately, never through here.
 */
const signs: readonly [RegExp, string][] = [
  // @name, @org/team, owner/repo@commit, an e-mail address in a trailer.
  [/@(?=\w)/g, "＠"],
  // #1, owner/repo#1, "JIRA-1 #close"; GH-1 and GitLab's GL-1. A preceding underscore is emphasis.
  [/#(?=\w)/g, "＃"],
  [/(?<![A-Za-z0-9])(G[HL])\\?-(?=\d)/gi, "$1‑"],
  // A written-out link of any scheme; Markdown reads "\/" as a slash.
  [/:(?:\\?\/){2}/g, ":⁄⁄"],
  [/(?<![A-Za-z0-9])(www)\.(?=\w)/gi, "$1․"],
  // Links, images and link definitions.
  [/\](?=[(:])/g, "］"],
  [/<(?=[A-Za-z/!?])/g, "‹"],
  // Markdown reads "&#64;" as "@".
  [/&(?=#?\w{1,32};)/g, "＆"],
  // Task lists; "[skip ci]" and its variants, also when lines are joined later.
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

import { createHash } from "node:crypto";
import { markOf, withMark } from "./comments.ts";

/**
 * What a person made of our pull request stays: the mark that its text begins with holds hashes of
 * the title and the text as we wrote them, so that what was changed since is known by the pull
 * request itself. Pure.
 */
type Words = { title: string; body: string };

const mark = /^<!-- deputy:\S+(?: written:(\w{16})\.(\w{16}))? -->\n/;

/** The text for GitHub, with the mark that it was written by us. */
export function signPull(taskId: string, { title, body }: Words): Words {
  const plain = withMark(taskId, body).slice(markOf(taskId).length + 1);
  const signed = markOf(`${taskId} written:${hash(title)}.${hash(plain)}`);
  return { title, body: `${signed}\n${plain}` };
}

/** What may be replaced by what we have to say now. Text from before there were hashes is ours. */
export function findOwnWords(now: {
  title: string;
  body: string | null;
}): Record<keyof Words, boolean> {
  const body = (now.body ?? "").replaceAll("\r\n", "\n");
  const found = mark.exec(body);
  // Without our mark the text is somebody else's, and about the title nothing is known.
  if (!found) return { title: false, body: false };
  const [whole, title, text] = found;
  if (title === undefined) return { title: true, body: true };
  return { title: hash(now.title) === title, body: hash(body.slice(whole.length)) === text };
}

function hash(text: string): string {
  return createHash("sha256").update(text.trim()).digest("hex").slice(0, 16);
}

import { randomBytes } from "node:crypto";
import { askNtfy, type NtfyServer } from "./ask-ntfy.ts";
import { topicPrefix } from "./reply-secrets.ts";

/**
 * What an ntfy server can do, tried on the reply topic, which no person reads: whether a phone may
 * send an answer there without a login, and whether a scheduled message is replaced by the next one
 * of the same sequence. Versions before 2.17 deliver both, so an alarm that is put off again and again
 * would ring again and again.
 */
export type ServerFacts = {
  /** One sentence on why buttons cannot work; null: they can. */
  buttons: string | null;
  /** On why nothing can be put off. */
  sequences: string | null;
};

/** Throws where the server cannot be asked now. */
export async function examineServer(
  server: NtfyServer,
  topic: string,
  signal: AbortSignal,
): Promise<ServerFacts> {
  const options = { timeoutMs: 15_000, signal };
  const word = randomBytes(6).toString("hex");
  const publish = (anonymous: boolean) => {
    const body = { topic, message: word, sequence_id: word, delay: "1h" };
    return askNtfy(server, { method: "POST", path: "", body, anonymous }, options);
  };
  const asPhone = await publish(true);
  const accepted = [asPhone, await publish(false)];
  if (asPhone.status !== 200) accepted.push(await publish(false));
  for (const one of accepted) refuseFaults(one.status);
  const path = `${topic}/json?poll=1&scheduled=1`;
  const { status, text } = await askNtfy(server, { method: "GET", path }, options);
  refuseFaults(status);
  const found = text.split("\n").filter((line) => line.includes(word)).length;
  await askNtfy(server, { method: "DELETE", path: `${topic}/${word}` }, options);
  return {
    buttons: explainButtons(asPhone.status, status),
    // Two were accepted, and one is left.
    sequences:
      found === 1 && accepted.at(-1)?.status === 200
        ? null
        : "the ntfy server replaces no scheduled messages (2.17 and later do), so it cannot tell you when this machine falls silent",
  };
}

function explainButtons(publishing: number, reading: number): string | null {
  const what = "pushes have no buttons";
  if (publishing === 401 || publishing === 403)
    return `the ntfy server demands a login for topics ${topicPrefix}*, which a button has not: ${what}; allow it with: ntfy access everyone '${topicPrefix}*' write-only`;
  if (publishing !== 200)
    return `the ntfy server answered ${publishing} to a message as a button sends it: ${what}`;
  if (reading === 401 || reading === 403 || reading === 404)
    return `the ntfy server refuses this daemon to read topics ${topicPrefix}* (${reading}): ${what}; give the user of its token read-write access to them`;
  return reading === 200 ? null : `the ntfy server answered ${reading} to a reader: ${what}`;
}

/** What passes by itself says nothing about the server. */
function refuseFaults(status: number): void {
  if (status >= 500 || status === 408 || status === 429)
    throw new Error(`the ntfy server answered ${status}`);
}

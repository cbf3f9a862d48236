import { createHash } from "node:crypto";
import { askNtfy, type NtfyServer } from "./ask-ntfy.ts";

/**
 * A push that the ntfy server sends when this machine falls silent: it is scheduled, and put off again
 * and again for as long as the daemon lives. Each one takes the place of the one before, because it
 * has the same sequence id; a server that does not know those must not get any (examine-server.ts).
 */
export type Alarm = {
  server: NtfyServer;
  topic: string;
  host: string;
  /** The daemon's home: a machine may have several. */
  home: string;
  /** It rings so long after it was last put off. */
  afterMinutes: number;
};

type Options = { timeoutMs: number; signal: AbortSignal };

/** Throws where the server does not take it: then it rings at the time of the last one. */
export async function putOffAlarm(alarm: Alarm, now: Date, options: Options): Promise<void> {
  const { afterMinutes, host, server, topic } = alarm;
  const body = {
    ...{ topic, sequence_id: sequenceOf(alarm), delay: `${afterMinutes}m`, priority: 4 },
    tags: ["rotating_light"],
    title: `Deputy on ${host} has been silent since ${now.toISOString().slice(0, 16).replace("T", " ")} UTC`,
    message:
      "The machine, its network, its database or the daemon is down. Tasks wait until it is back.",
  };
  const { status } = await askNtfy(server, { method: "POST", path: "", body }, options);
  if (status !== 200) throw new Error(`the ntfy server answered ${status}`);
}

/** Nothing rings any more. */
export async function removeAlarm(alarm: Alarm, options: Options): Promise<void> {
  const path = `${alarm.topic}/${sequenceOf(alarm)}`;
  const { status } = await askNtfy(alarm.server, { method: "DELETE", path }, options);
  if (status !== 200) throw new Error(`the ntfy server answered ${status}`);
}

function sequenceOf({ home, host }: Alarm): string {
  const which = createHash("sha256").update(home).digest("hex").slice(0, 8);
  return `alive-${host.replace(/[^A-Za-z0-9_-]/g, "-").slice(0, 40)}-${which}`;
}

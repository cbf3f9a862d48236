import { hostname } from "node:os";
import type { Config } from "../config/config.ts";
import { type Alarm, putOffAlarm, removeAlarm } from "../notifier/replies/put-off-alarm.ts";
import type { Replies } from "../notifier/replies/start-replies.ts";
import type { Log } from "./home/log.ts";
import { startPeriodic } from "./periodic.ts";

/**
 * Keeps putting off the push that tells a person of this machine's silence, as long as the daemon does
 * its work: a database that is away counts as silence, too. An orderly stop removes it. Null: it is
 * switched off, or there is no ntfy.
 */
export function startAlarm(deps: {
  config: Config;
  replies: Replies | null;
  /** Throws where the daemon cannot work. */
  beat: () => Promise<void>;
  log: Log;
}): { stop(): Promise<void> } | null {
  const { beat, config, log, replies } = deps;
  const { alive } = config.push;
  const { ntfy } = config.notifier;
  if (!alive || !ntfy || !replies) return null;
  const alarm: Alarm = {
    ...{ server: ntfy, topic: ntfy.topic, host: hostname(), home: config.home },
    afterMinutes: alive.afterMinutes,
  };
  let isSet = false;
  const periodic = startPeriodic({
    what: "putting off the alarm",
    everyMs: alive.everyMinutes * 60_000,
    work: async (signal) => {
      const facts = await replies.facts(0);
      // What it lacks is said elsewhere.
      if (signal.aborted || facts === null || facts.sequences !== null) return;
      await beat();
      await putOffAlarm(alarm, new Date(), { timeoutMs, signal });
      isSet = true;
    },
    log,
  });
  void replies.known.then(periodic.run);
  return {
    stop: async () => {
      await periodic.stop();
      if (!isSet) return;
      try {
        await removeAlarm(alarm, { timeoutMs: removeMs, signal: new AbortController().signal });
      } catch (error) {
        log.warn(
          { err: error },
          "could not remove the alarm: a push will say that Deputy is silent",
        );
      }
    },
  };
}

const timeoutMs = 15_000;
/** A stop does not wait longer than this. */
const removeMs = 2_000;

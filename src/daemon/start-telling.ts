import type { Commenter } from "../delivery/forges/find-commenter.ts";
import { answerReviews } from "../delivery/github/answer-reviews.ts";
import type { Forge } from "../delivery/github/forge.ts";
import { type ReportDeps, reportChecks } from "../delivery/report-checks.ts";
import { tellStories } from "../delivery/tell-stories.ts";
import type { Db } from "../store/database/schema.ts";
import type { Log } from "./home/log.ts";
import { startPeriodic } from "./periodic.ts";

/**
 * Writes the comments on issues, the replies to reviews, and reports among checks: soon after an event,
 * and now and then in case one was missed.
 */
export function startTelling(given: {
  db: Db;
  forge: Commenter;
  /** Null: without access to it nothing is reported among checks. */
  github: Forge | null;
  hearsCommands: ReportDeps["hearsCommands"];
  log: Log;
}) {
  const { db, forge, github, hearsCommands, log } = given;
  const periodic = startPeriodic({
    what: "commenting on issues",
    everyMs: 30_000,
    work: async (stopping) => {
      const deps: Parameters<typeof tellStories>[0] = {
        ...{ db, forge },
        log: (level, fields, message) => log[level](fields, message),
      };
      await tellStories(deps, stopping);
      await answerReviews(deps, stopping);
      if (github) await reportChecks({ ...deps, forge: github, hearsCommands }, stopping);
    },
    log,
  });
  periodic.run(); // what a process that died had not told
  let timer: NodeJS.Timeout | undefined;
  return {
    /** Every event of every task wakes it: a burst is one round. */
    wake: () => {
      timer ??= setTimeout(() => {
        timer = undefined;
        periodic.run();
      }, burstMs);
    },
    stop: async () => {
      clearTimeout(timer);
      await periodic.stop();
    },
  };
}

const burstMs = 500;

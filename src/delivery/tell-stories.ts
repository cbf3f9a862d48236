import { DeputyError } from "../core/base/error.ts";
import type { Db } from "../store/database/schema.ts";
import { findOpenQuestion } from "../store/tasks/questions.ts";
import { listUntold, markStory, type UntoldStory } from "../store/triggers/stories.ts";
import type { Commenter } from "./forges/find-commenter.ts";
import { writeStory } from "./github/write-story.ts";

/**
 * Keeps one comment on each issue that a task is about, and edits it as things go. What it says is
 * derived from the task's row, and compared with what it said: so nothing is missed and nothing is
 * written twice. A comment whose address was lost is found again by its mark.
 */
export type TellDeps = {
  db: Db;
  forge: Commenter;
  log: (level: "info" | "warn", fields: object, message: string) => void;
};

const batch = 20;
const longestPauseMs = 60 * 60_000;

/** One round. Returns how many comments were written. */
export async function tellStories(deps: TellDeps, stopping: AbortSignal): Promise<number> {
  let written = 0;
  for (const story of await listUntold(deps.db, batch)) {
    if (stopping.aborted) break;
    if (await tellStory(deps, story)) written++;
  }
  return written;
}

async function tellStory({ db, forge, log }: TellDeps, story: UntoldStory): Promise<boolean> {
  const { failures, problem, stamp, target, task, told, url } = story;
  const asked =
    task.hold?.kind === "question" ? await findOpenQuestion(db, task.hold.questionId) : null;
  const body = writeStory(task, asked);
  const wasTold = { problem: null, failures: 0, toldAt: stamp, told: body };
  if (body === told) {
    await markStory(db, target, wasTold);
    return false;
  }
  try {
    const about = { target, body, taskId: `story:${target}`, known: url };
    const { url: now } = await forge.upsertComment(about);
    await markStory(db, target, { ...wasTold, url: now });
    return true;
  } catch (error) {
    if (!(error instanceof DeputyError)) throw error;
    const { message } = error;
    const say = `The comment on ${target} was not written: ${message}`;
    if (message !== problem) log("warn", { taskId: task.id }, say);
    // A refusal stands until there is something else to tell.
    const isRefused = error.code !== "unavailable";
    const pauseMs = Math.min(longestPauseMs, 30_000 * 2 ** Math.min(failures, 10));
    await markStory(db, target, {
      problem: message,
      failures: failures + 1,
      ...(isRefused
        ? { toldAt: stamp }
        : { nextAt: error.retryAt ?? new Date(Date.now() + pauseMs) }),
    });
    return false;
  }
}

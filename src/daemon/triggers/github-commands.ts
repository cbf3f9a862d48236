import type { Config } from "../../config/config.ts";
import { DeputyError } from "../../core/base/error.ts";
import type { Author } from "../../core/ledger/author.ts";
import { isTaskOver } from "../../core/task/lifecycle.ts";
import type { Task } from "../../core/task/task.ts";
import type { EventForge } from "../../delivery/forges/event-forge.ts";
import { writeStory } from "../../delivery/github/write-story.ts";
import { answerQuestion, cancelTask, retryTask } from "../../orchestrator/commands/commands.ts";
import type { AdvanceDeps } from "../../orchestrator/transitions/advance.ts";
import type { Db } from "../../store/database/schema.ts";
import { findTaskAbout, findTaskByKey, isCommandRecorded } from "../../store/tasks/find-about.ts";
import { listOpenQuestions } from "../../store/tasks/questions.ts";
import { getTask, listSubtasks } from "../../store/tasks/tasks.ts";
import type { CommandDeps } from "../../triggers/github/inbox-deps.ts";
import type { Log } from "../home/log.ts";
import { requirePlanner } from "../intake-rules.ts";

/** What commands in comments on a forge do here: the same as the command line, by other people. */
export function makeGithubCommands(deps: {
  db: Db;
  config: Config;
  intake: AdvanceDeps;
  forge: EventForge;
  appSlug: string | null;
  log: Log;
}): CommandDeps {
  const { appSlug, config, db, forge, intake, log } = deps;
  const answer = (id: string, words: string, questionId: string | null, author: Author) => {
    const mayPlan = (repository: string) => requirePlanner(config, repository);
    return answerQuestion(intake, id, words, questionId, "person", mayPlan, null, author);
  };
  return {
    appSlug,
    findOwnLogin: (repository) => forge.findOwnLogin(repository),
    // Only a sign: the command is carried out without it.
    acknowledge: (place, commentId) =>
      forge
        .acknowledgeComment(place, commentId)
        .catch((error) => log.warn({ err: error }, "A command was not acknowledged")),
    reply: async (target, body, key) => {
      try {
        await forge.upsertComment({ target, body, taskId: `reply:${key}`, known: null });
      } catch (error) {
        // What was commanded is done, and a token that may not comment will not later either.
        if (!(error instanceof DeputyError) || error.code === "unavailable") throw error;
        log.warn({ err: error, target }, "The reply to a command was not written");
      }
    },
    readPull: (target) => forge.readPullRequest(target),
    findTask: (id) => getTask(db, id),
    findMade: (key) => findTaskByKey(db, key),
    findAbout: (about) => findTaskAbout(db, about),
    isRecorded: (taskId, key) => isCommandRecorded(db, taskId, key),
    describe: (task) => describe(db, task),
    stop: async (id, author) => void (await cancelTask(intake, id, author)),
    retry: async (id, author) => void (await retryTask(intake, id, {}, author)),
    answer: async (id, words, author) => {
      try {
        await answer(id, words, null, author);
      } catch (error) {
        // Its sentence may repeat an earlier answer, which is not for everybody.
        if (!(error instanceof DeputyError) || error.code !== "conflict") throw error;
        const why = `There is no one question that this answers: see deputy show ${id} on the daemon's machine.`;
        throw new DeputyError("conflict", why);
      }
    },
    grant: async (id, amount, author) => {
      const asked = (await listOpenQuestions(db, id)).find(({ kind }) => kind === "budget");
      if (!asked) throw new DeputyError("conflict", `${id} does not ask for more budget.`);
      await answer(id, amount, asked.id, author);
    },
  };
}

/** Public readers get no question's text: what is asked is named by its kind. */
async function describe(db: Db, { id }: Task): Promise<string> {
  const task = await getTask(db, id);
  if (task === null) throw new DeputyError("not_found", `There is no task ${id}.`);
  const [subtasks, open] = await Promise.all([listSubtasks(db, id), listOpenQuestions(db, id)]);
  const [asked] = open;
  if (asked) return writeStory({ ...task, state: "waiting" }, asked.kind);
  const story = writeStory(task, null);
  if (isTaskOver(task.state)) return story;
  const parts = subtasks.filter(({ kind, state }) => kind === "work" && state !== "superseded");
  const done = parts.filter(({ state }) => state === "completed").length;
  return parts.length < 2 ? story : `${story}\n\n${done} of ${parts.length} parts are done.`;
}

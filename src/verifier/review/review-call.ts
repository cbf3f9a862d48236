import { join } from "node:path";
import type { RoleEnd, RoleRequest, RunRole } from "../../agents/agent.ts";
import { cleanText, cutText } from "../../core/text/clean-text.ts";
import { waitOut } from "../../store/database/outage.ts";
import type { Db } from "../../store/database/schema.ts";
import { getAnswer, keepAnswer, type ReviewKey } from "../../store/records/reviews.ts";
import { findAsked } from "../../store/records/sessions.ts";
import { describeTried, type TryPlace, withTries } from "../checks/try-commands.ts";
import { type CleanPlace, withCleanWorktree } from "../place/clean-worktree.ts";
import { type Patience, throwWhenHeldUp } from "./held-up.ts";

/**
 * Asks one question of an agent that took no part in the work: in its own context and worktree,
 * read-only, with an answer by a schema. A bad answer is asked for once more. The answer is stored
 * at once and final, so asking again after a crash is idempotent. An agent that cannot answer gives
 * a problem, in words.
 */
export type CallPlace = Omit<CleanPlace, "repository"> & {
  /** Where the agent tries commands; left out: it may run none. */
  tries?: TryPlace;
  db: Db;
  runRole: RunRole;
  about: { taskId: string; subtaskId: string };
  patience: Patience;
  /** How many times the agent is asked, each time in a new context, before it has no answer. */
  maxAsked: number;
  commit: string;
  env: Record<string, string>;
  logRoot: string;
  signal: AbortSignal;
};

export type Call<Answer> = {
  key: ReviewKey;
  role: "reviewer" | "planner";
  /** Null: the agent configured for the role. */
  agent: string | null;
  /** Left out: the model configured for the role. */
  model?: string | null | undefined;
  brief: string;
  outputSchema: Record<string, unknown>;
  read: (output: unknown) => { answer: Answer } | { problem: string };
};

/** Sent to an agent whose call was cut off; the question and what it read are in its session. */
const continuation =
  "You were cut off, by nothing that you did. Go on where you stopped, and end with your answer, all of it, as it was asked for.\n";

const timeoutMs = 20 * 60_000;

export async function ask<Answer>(
  place: CallPlace,
  call: Call<Answer>,
): Promise<{ answer: Answer } | { problem: string }> {
  const { db } = place;
  const known = await getAnswer(db, call.key);
  if (known) return known.problem === null ? call.read(known.output) : { problem: known.problem };
  const { output, problem } = await askPatiently(place, call);
  const agent = call.agent ?? `the ${call.role}`;
  const kept = await waitOut(() => keepAnswer(db, call.key, { agent, output, problem }));
  return kept.problem === null ? call.read(kept.output) : { problem: kept.problem };
}

async function askPatiently<Answer>(place: CallPlace, call: Call<Answer>): Promise<Given> {
  let kills = 0;
  for (let number = 1; ; number++) {
    // A killed call resumes its session.
    const asked = `${nameOf(call.key)}, ${number - kills}`;
    const given = await withCleanWorktree(place, place.commit, ({ worktree }) =>
      mayTry(place.tries, call.key, (tryCommand) =>
        askAgent(place, { ...call, asked, ...(tryCommand && { tryCommand }) }, worktree),
      ),
    );
    if (given.problem === null || given.isFinal) return given;
    if (given.wasKilled) kills++;
    if (number >= place.maxAsked)
      return number === 1
        ? given
        : { ...given, problem: `${given.problem} (tried ${number} times)` };
  }
}

function mayTry<T>(
  tries: TryPlace | undefined,
  { kind, seat }: ReviewKey,
  use: (tryCommand?: RoleRequest["tryCommand"]) => Promise<T>,
): Promise<T> {
  if (!tries) return use();
  const logRoot = join(tries.logRoot, `${kind}-${seat}-tries`);
  return withTries({ ...tries, logRoot }, (run) =>
    use(async (command, signal) => describeTried(await run(command, signal))),
  );
}

type Asked = { asked: string; tryCommand?: RoleRequest["tryCommand"] };

type Given = {
  output: unknown;
  problem: string | null;
  /** Asking again would end in the same way. */
  isFinal: boolean;
  wasKilled: boolean;
};

async function askAgent<Answer>(
  place: CallPlace,
  call: Call<Answer> & Asked,
  worktree: string,
): Promise<Given> {
  const open = call.agent ? await findAsked(place.db, call.asked, call.agent) : null;
  const first = await run(place, call, worktree, open ? continuation : call.brief, open);
  const read = readEnd(first, call);
  if (read.problem === null || !read.isBadAnswer) return read;
  const again = `# Your answer could not be used\n\n${read.problem}. Answer once more, by the schema.\n`;
  const brief = first.sessionId ? again : `${call.brief}\n\n${again}`;
  const second = readEnd(await run(place, call, worktree, brief, first.sessionId), call);
  return {
    ...second,
    problem: second.problem === null ? null : `${second.problem} (asked twice)`,
  };
}

/** The key under which the session of this call is found again. */
function nameOf({ attemptId, kind, seat }: ReviewKey): string {
  return `${kind} ${seat} of ${attemptId}`;
}

function readEnd<Answer>(
  { detail, failure, output, question, reason }: RoleEnd,
  call: Call<Answer>,
) {
  const isFinal = failure === "agent_unavailable" || failure === "out_of_budget";
  const fail = (text: string, isBadAnswer: boolean) => ({
    ...{ output: null, problem: cutText(cleanText(text), 500), isBadAnswer, isFinal },
    wasKilled: failure === "killed",
  });
  if (reason !== "done") {
    // The reviewer judges what is there: what the goal leaves open is a finding, or none.
    const asked = `it asked instead of answering ("${question}"), and nobody tells a reviewer more than it has`;
    return reason === "needs_input" && failure === "question"
      ? fail(asked, true)
      : fail(`${reason.replaceAll("_", " ")}: ${detail}`, false);
  }
  const read = call.read(output);
  return "problem" in read
    ? fail(read.problem, true)
    : { output, problem: null, isBadAnswer: false, isFinal: true, wasKilled: false };
}

async function run<Answer>(
  place: CallPlace,
  { agent, asked, key, model, outputSchema, role, tryCommand }: Call<Answer> & Asked,
  worktree: string,
  brief: string,
  sessionId: string | null,
): Promise<RoleEnd> {
  const { commit, env, logRoot, mirror, runRole, signal } = place;
  const end = await runRole({
    ...{ role, agent, model, brief, worktree, outputSchema, env, signal, sessionId, timeoutMs },
    mode: "read_only",
    ...(tryCommand && { tryCommand }),
    asked,
    // Not an attempt's work: it is not the coder's session and must not get the coder's messages.
    about: { ...place.about, attemptId: null },
    judges: key.attemptId,
    baseCommit: commit,
    sparse: place.sparse ?? null,
    gitDir: mirror.gitDir,
    logPath: join(logRoot, `${key.kind}-${key.seat}.log`),
    emit: () => {},
  });
  // An aborted call is no answer.
  signal.throwIfAborted();
  throwWhenHeldUp(end, place.patience, agent);
  return end;
}

import type { AcceptedJudge, LeftOut, Subtask } from "../task/task.ts";
import { openJudges } from "./judge-words.ts";
import type { Acceptance, JudgeChange, Verdict } from "./verdict.ts";

/**
 * Accepted changes to judge files. An acceptance covers the exact bytes of one file: a later edit
 * has to be accepted again. Pure.
 */
type Accepting = Pick<Subtask, "acceptedJudges" | "verdict" | "gateVerdict">;

/** A person's acceptances by path; a null `content` accepts the deletion. */
export function acceptedByPerson(
  subtasks: readonly Pick<Subtask, "acceptedJudges">[],
): Map<string, Omit<AcceptedJudge, "path">[]> {
  const byPath = new Map<string, Omit<AcceptedJudge, "path">[]>();
  for (const { path, content, evidence } of subtasks.flatMap((one) => one.acceptedJudges)) {
    byPath.set(path, [...(byPath.get(path) ?? []), { content, evidence }]);
  }
  return byPath;
}

/**
 * Who accepted these exact bytes before: a person, or the acceptor named in a verdict of the task.
 */
export function acceptedBefore(
  subtasks: readonly Accepting[],
  judge: Pick<JudgeChange, "path" | "content">,
): Acceptance | null {
  const own = acceptedByPerson(subtasks).get(judge.path) ?? [];
  const isSame = ({ content }: { content: string | null }) => content === judge.content;
  const person = own.findLast(isSame);
  if (person) return { by: "person", evidence: person.evidence };
  const judges = subtasks
    .flatMap(({ gateVerdict, verdict }) => [verdict, gateVerdict])
    .flatMap((verdict) => verdict?.judges ?? []);
  const known = judges.findLast((one) => one.path === judge.path && one.accepted && isSame(one));
  return known?.accepted ?? null;
}

/**
 * A person's "accept": all judge changes that the verdict leaves open or that were left out before.
 */
export function acceptOpen(
  subtask: Pick<Subtask, "acceptedJudges" | "withoutPaths">,
  verdict: Verdict | null,
  answer: string,
): AcceptedJudge[] {
  const taken = [...(verdict ? openJudges(verdict) : []), ...subtask.withoutPaths];
  const evidence = answer.trim().slice(0, 500);
  const added = taken.map(({ path, content }) => ({ path, content, evidence }));
  return [...subtask.acceptedJudges, ...added];
}

/** A person's "without": the changes to leave out of the delivered work. */
export function leaveOutOpen(
  { withoutPaths }: Pick<Subtask, "withoutPaths">,
  verdict: Verdict | null,
): LeftOut[] {
  const open = (verdict ? openJudges(verdict) : []).flatMap(({ content, from, path }) => [
    { path, content },
    ...(from === undefined ? [] : [{ path: from, content: null }]),
  ]);
  const isNew = ({ path }: LeftOut) => !open.some((one) => one.path === path);
  return [...withoutPaths.filter(isNew), ...open];
}

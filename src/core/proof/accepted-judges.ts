import type { AcceptedJudge, LeftOut, Subtask } from "../task/task.ts";
import { openJudges } from "./judge-words.ts";
import type { Acceptance, JudgeChange, Verdict } from "./verdict.ts";

/**
 * What was accepted of the files that judge the work. An acceptance is of certain bytes of a certain
 * file: what is edited once more is asked about once more. Pure.
 */
type Accepting = Pick<Subtask, "acceptedJudges" | "verdict" | "gateVerdict">;

/** Of a person, by path; `content` null: that it is deleted. */
export function acceptedByPerson(
  subtasks: readonly Pick<Subtask, "acceptedJudges">[],
): Map<string, Omit<AcceptedJudge, "path">[]> {
  const byPath = new Map<string, Omit<AcceptedJudge, "path">[]>();
  for (const { path, content, evidence } of subtasks.flatMap((one) => one.acceptedJudges)) {
    byPath.set(path, [...(byPath.get(path) ?? []), { content, evidence }]);
  }
  return byPath;
}

/** Who accepted these very bytes before: a person, or the acceptor that a verdict of the task names. */
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

/** What a person takes who answers "accept": all that the verdict holds open, or was left out before. */
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

/** What the work is to be delivered without, once a person answered "without". */
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

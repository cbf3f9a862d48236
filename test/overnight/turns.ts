import type { ModelRequest } from "../support/model-server/records.ts";
import type { TaskEnd } from "./system.ts";

/** When something was killed with -9, as soon as that was seen. */
export type Kill = { at: number; what: "process" | "database" };

/** What a kill cost a task that a model was working on. */
export type KillCost = {
  task: string;
  /** A reply was on its way to the process that died. */
  open: boolean;
  /** Requests for turns that had been asked for already, until the next kill. */
  repeated: number;
};

type Request = Pick<ModelRequest, "at" | "endedAt" | "turn" | "usage">;

/** Requests above one for each turn of the script. */
export function countRepeated(requests: readonly Request[]): number {
  return requests.length - new Set(requests.map(({ turn }) => turn)).size;
}

/**
 * Of each kill while the task was in work. A turn that is repeated because an attempt began again for
 * another reason is not the kill's: of the kill of a process only what follows an attempt that died by
 * it counts, and nothing of it where the commits of that attempt were deleted (`losses`: when a mirror
 * or a worktree was), because it has to be done again from the start.
 */
export function findKillCosts(
  task: string,
  requests: readonly Request[],
  attempts: TaskEnd["attempts"],
  kills: readonly Kill[],
  losses: readonly number[] = [],
): KillCost[] {
  const from = requests[0]?.at ?? Number.POSITIVE_INFINITY;
  const to = requests.at(-1)?.endedAt ?? 0;
  const afterDeath = (at: number) => {
    const before = attempts.filter((attempt) => attempt.at <= at).at(-2);
    const since = before?.at ?? from;
    if (losses.some((loss) => loss >= since && loss <= at)) return false;
    return before === undefined || before.ended === "died";
  };
  const isAgain = ({ at, turn }: Request) =>
    requests.some((earlier) => earlier.at < at && earlier.turn === turn);
  return kills.flatMap((kill, index) => {
    if (kill.at < from || kill.at > to) return [];
    const until = kills[index + 1]?.at ?? Number.POSITIVE_INFINITY;
    const again = requests.filter(
      (request) => request.at > kill.at && request.at <= until && isAgain(request),
    );
    const open = requests.some(
      ({ at, endedAt, usage }) =>
        at < kill.at && usage === null && (endedAt ?? kill.at) > kill.at - 250,
    );
    const mine = again.filter(({ at }) => kill.what === "database" || afterDeath(at));
    return [{ task, open, repeated: mine.length }];
  });
}

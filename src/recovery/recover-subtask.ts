import { invariant } from "../core/invariant.ts";
import type { Stage } from "../core/outcome.ts";
import type { Db } from "../store/schema.ts";
import { getSubtask, listAttempts } from "../store/tasks.ts";
import { classify } from "./classify.ts";
import { decide, type PastFailure } from "./decide.ts";

/** The recover stage: read how it ended, classify, decide. The history is the attempts' own rows, so it survives everything. */
export function makeRecoverStage(deps: {
  db: Db;
  backoffBaseMs: number;
  chance: () => number;
}): Stage {
  return async (claim) => {
    invariant(claim.subtaskId, "recovery is about a subtask");
    const subtask = await getSubtask(deps.db, claim.subtaskId);
    invariant(subtask, "a claimed subtask exists");
    const attempts = await listAttempts(deps.db, { subtaskId: subtask.id });
    const current = attempts.at(-1) ?? null;
    const history: PastFailure[] = attempts
      .filter(({ id, number }) => id !== current?.id && number >= subtask.firstCountedAttempt)
      .flatMap(({ decision }) =>
        decision ? [{ kind: decision.kind, signature: decision.signature }] : [],
      );
    const failure = classify(subtask, current);
    const decision = decide(failure, history, {
      backoffBaseMs: deps.backoffBaseMs,
      chance: deps.chance(),
    });
    const feedback =
      failure.kind === "lost" || failure.kind === "parked" || failure.kind === "question"
        ? subtask.feedback
        : describe(failure.kind, failure.detail, failure.evidence);
    return { kind: "decided", decision, feedback };
  };
}

function describe(kind: string, detail: string, evidence: string): string {
  return `The previous attempt failed (${kind}): ${detail}\n\n${evidence}`.trim();
}

/**
 * Chooses the reviewers. Pure. A model other than the coder's comes first: what a model overlooks
 * when it writes, it overlooks when it reads. If there is no other, the same model reviews in a
 * context of its own and is reported as the same.
 */
export type AgentModel = {
  agent: string;
  /** Null: the agent does not say which. */
  model: string | null;
};

export type ChosenReviewer = AgentModel & { sameAsCoder: boolean };

/**
 * Picks `count` reviewers from candidates in order of preference; if there are too few, some review
 * more than once.
 */
export function chooseReviewers(
  candidates: readonly AgentModel[],
  coder: AgentModel,
  count: number,
): ChosenReviewer[] {
  const known = candidates.filter(
    (candidate, at) => candidates.findIndex((other) => isSame(other, candidate)) === at,
  );
  const ranked = known
    .map((candidate) => ({ ...candidate, sameAsCoder: isSame(candidate, coder) }))
    .sort((left, right) => Number(left.sameAsCoder) - Number(right.sameAsCoder));
  return Array.from({ length: count }).flatMap((_, seat) => ranked[seat % ranked.length] ?? []);
}

/** The same model under two agents is the same; agents that name no model are compared by name. */
function isSame(left: AgentModel, right: AgentModel): boolean {
  if (left.model !== null && right.model !== null) return left.model === right.model;
  return left.agent === right.agent && left.model === right.model;
}

import type { ForgeKind } from "../../core/forge/place.ts";
import type { TriggerKind } from "../github/github-rule.ts";
import { fitsRepository } from "../github/match-github.ts";
import type { TriggerRules } from "../rules.ts";

/** The events that a repository's rules need: those that they name, and those that take work back. */
const eventsOf = (kind: TriggerKind): string[] => {
  if (kind.startsWith("issues.")) return ["issues", "issue_comment", "pull_request"];
  if (kind.startsWith("pull_request.")) return ["pull_request"];
  switch (kind) {
    case "command":
      return ["issue_comment", "issues", "pull_request", "check_run"];
    case "own_check.failed":
      return ["check_run", "workflow_run", "pull_request"];
    case "own_review.submitted":
      return ["pull_request_review", "pull_request"];
    case "own_base.moved":
      return ["push", "pull_request"];
    default:
      return [kind.replace(/\.failed$/, ""), "pull_request"];
  }
};

export type Wanted = { kinds: Set<TriggerKind>; events: Set<string>; labels: Set<string> };

/** The events that any of the rules for this repository needs. */
export function findEventsFor(
  { github }: Pick<TriggerRules, "github">,
  repository: string | null,
): Set<string> {
  const rules = github.filter((rule) => repository === null || fitsRepository(rule, repository));
  return new Set(rules.flatMap(({ on }) => on.flatMap(eventsOf)));
}

/** By repository of a forge; `patterns` are those of rules that name no single one. */
export function findWanted(
  rules: TriggerRules,
  forge: ForgeKind,
): {
  repositories: Map<string, Wanted>;
  patterns: string[];
} {
  const repositories = new Map<string, Wanted>();
  const patterns = new Set<string>();
  for (const { label, on, repository } of rules[forge]) {
    if (!/^[\w.-]+(?:\/[\w.-]+)+$/.test(repository)) {
      patterns.add(repository);
      continue;
    }
    const name = repository.toLowerCase();
    const wanted = repositories.get(name) ?? {
      ...{ kinds: new Set<TriggerKind>(), events: new Set<string>(), labels: new Set<string>() },
    };
    for (const kind of on) {
      wanted.kinds.add(kind);
      for (const event of eventsOf(kind)) wanted.events.add(event);
    }
    if (label !== null) wanted.labels.add(label.toLowerCase());
    repositories.set(name, wanted);
  }
  return { repositories, patterns: [...patterns] };
}

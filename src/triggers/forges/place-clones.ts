import type { OtherForge } from "../../core/forge/place.ts";
import { forgeAddress } from "../github/github-rule.ts";
import type { TriggerRules } from "../rules.ts";

/**
 * Rules with the addresses of their forges, which the daemon's settings have: a repository is cloned
 * from there unless its rule says otherwise. Rules for a forge whose address is not known are left out.
 */
export function placeClones(
  rules: TriggerRules,
  forges: readonly { kind: OtherForge; url: string }[],
): TriggerRules {
  const place = (kind: OtherForge) => {
    const url = forges.find((one) => one.kind === kind)?.url.replace(/\/+$/, "");
    if (url === undefined) return [];
    return rules[kind].map((rule) => ({ ...rule, clone: rule.clone.replace(forgeAddress, url) }));
  };
  return { ...rules, gitea: place("gitea"), gitlab: place("gitlab") };
}

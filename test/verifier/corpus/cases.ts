import { badInput } from "./bad-input.ts";
import type { Base, Case } from "./case.ts";
import { attacks } from "./cheats-attacks.ts";
import { deciding } from "./cheats-deciding.ts";
import { moreCheats } from "./cheats-more.ts";
import { replacedRunners } from "./cheats-runner.ts";
import { shadows } from "./cheats-shadows.ts";
import { weakened } from "./cheats-tests.ts";
import { unknownTests } from "./cheats-unknown-tests.ts";
import { honestMore } from "./honest-more.ts";
import { honestSource } from "./honest-source.ts";
import { honestTests } from "./honest-tests.ts";

/**
 * The whole corpus. Every second cheat has some source beside it that changes and mends nothing:
 * a cheat that also edits source is as likely as one that does not.
 */
const cheats = [
  ...unknownTests,
  ...shadows,
  ...deciding,
  ...replacedRunners,
  ...attacks,
  ...weakened,
  ...moreCheats,
].map((each, index): Case => {
  if (index % 2 === 0 || !each.base.noise) return each;
  return { ...each, change: { ...each.base.noise, ...each.change } };
});
export const cases: readonly Case[] = [
  ...cheats,
  ...honestTests,
  ...honestSource,
  ...honestMore,
  ...badInput,
];

/** The cases by project, in the order in which they are written. */
export function groupByBase(all: readonly Case[]): Map<Base, Case[]> {
  const groups = new Map<Base, Case[]>();
  for (const each of all) groups.set(each.base, [...(groups.get(each.base) ?? []), each]);
  return groups;
}

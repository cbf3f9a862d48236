import type { Story } from "./simulate.ts";
import type { Step, TaskSettings } from "./world.ts";

/**
 * Stories in which a rule was broken once, as the simulation found and shortened them. Each is named
 * by the rule, and told again in every run of the tests.
 */
const plain: TaskSettings = {
  ...{ approval: false, planApproval: false, turns: null, subject: false, isHard: false },
  asksWhenStuck: false,
};
const claim = (
  stage: "plan" | "execute" | "verify" | "integrate" | "deliver",
  limit = 0,
): Step => ({
  ...{ do: "claim", stage, by: 0, limit },
});
const report = (how = 0, n = 0, which = 0): Step => ({ do: "report", which, how, n });

/** Two subtasks that do not wait for each other, up to where both are to be merged. */
const twoToMerge: Step[] = [
  ...[claim("plan"), report(0, 3)],
  ...[claim("execute", 1), report(), report()],
  ...[claim("verify", 1), report(), report()],
];

export const stories: Record<string, Story> = {
  "the next merge is woken when one ends because its work was lost": {
    tasks: [plain],
    steps: [...twoToMerge, claim("integrate"), report(73)],
  },
};

import type { RuleView, TriggersOverview } from "../../core/page/triggers.ts";
import type { Db } from "../../store/database/schema.ts";
import { countAdmitted, listDeliveries } from "../../store/triggers/deliveries.ts";
import { listBreakers } from "../../store/triggers/guards.ts";
import type { TriggerRules } from "../../triggers/rules.ts";

/** What the rules of triggers.yaml are, and what came of their events lately. */
const shownEvents = 5;
const shownDeliveries = 50;

export async function readTriggers(
  db: Db,
  about: { file: string; problem: string | null; rules: TriggerRules; home: string },
): Promise<TriggersOverview> {
  const [breakers, admitted, deliveries] = await Promise.all([
    listBreakers(db, "open"),
    countAdmitted(db),
    listDeliveries(db, null, shownDeliveries),
  ]);
  const rules: RuleView[] = [];
  for (const { name, section, summary } of describeRules(about.rules, about.home)) {
    const open = breakers.find(({ rule }) => rule === name);
    const last = await listDeliveries(db, name, shownEvents);
    rules.push({
      ...{ name, section, summary, firedToday: admitted.get(name) ?? 0 },
      breaker: open ? { open: true, since: open.openedAt, reason: open.reason } : null,
      last: last.map(({ at, result, task }) => ({ at, result, task })),
    });
  }
  return { file: about.file, problem: about.problem, rules, deliveries };
}

/** A rule as the page names it. */
type Described = Pick<RuleView, "name" | "section" | "summary">;

/** A section of the file that had none here would be a mistake of types. */
const describe: {
  [Section in keyof TriggerRules]: (
    rule: TriggerRules[Section][number],
    index: number,
    home: string,
  ) => Omit<Described, "section">;
} = {
  github: (rule, index) => describeForge("github", rule, index),
  gitea: (rule, index) => describeForge("gitea", rule, index),
  gitlab: (rule, index) => describeForge("gitlab", rule, index),
  schedule: ({ cron, name, tz }) => ({ name, summary: `${cron} (${tz})` }),
  inbox: ({ name, path }, _, home) => ({ name, summary: `a file in ${path ?? `${home}/inbox`}` }),
  hook: ({ name }) => ({ name, summary: `POST /hooks/in/${name}` }),
  tasks: ({ name, on }) => ({ name, summary: `a task ${JSON.stringify(on).slice(1, -1)}` }),
  watch: ({ command, name, repository }) => ({
    name,
    summary: `${command === null ? "files change" : `\`${command}\` turns red`} in ${repository}`,
  }),
};

/** A rule without a name has the one that deliveries know it by. */
function describeForge(
  section: string,
  { name, on, repository }: TriggerRules["github"][number],
  index: number,
) {
  return {
    name: name ?? `${section}[${index}]`,
    summary: `${[on].flat().join(", ")} in ${repository}`,
  };
}

export function describeRules(rules: TriggerRules, home: string): Described[] {
  const all = <Section extends keyof TriggerRules>(section: Section): Described[] =>
    rules[section].map((rule: TriggerRules[Section][number], index: number) => ({
      ...{ section, ...describe[section](rule, index, home) },
    }));
  return (Object.keys(describe) as (keyof TriggerRules)[]).flatMap((section) => all(section));
}

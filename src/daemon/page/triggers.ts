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

function describeRules({ github, hook, inbox, schedule, tasks }: TriggerRules, home: string) {
  return [
    ...github.map(({ name, on, repository }, index) => ({
      ...{ name: name ?? `github[${index}]`, section: "github" },
      summary: `${[on].flat().join(", ")} in ${repository}`,
    })),
    ...schedule.map(({ cron, name, tz }) => ({
      ...{ name, section: "schedule", summary: `${cron} (${tz})` },
    })),
    ...inbox.map(({ name, path }) => ({
      ...{ name, section: "inbox", summary: `a file in ${path ?? `${home}/inbox`}` },
    })),
    ...hook.map(({ name }) => ({
      ...{ name, section: "hook", summary: `POST /hooks/in/${name}` },
    })),
    ...tasks.map(({ name, ...rule }) => ({
      ...{ name, section: "tasks", summary: `a task ${JSON.stringify(rule.on).slice(1, -1)}` },
    })),
  ];
}

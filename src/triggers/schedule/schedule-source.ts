import { z } from "zod";
import type { LocalSource } from "../process-local.ts";
import type { ScheduleRule } from "./schedule-rule.ts";

/** A slot that came, or a person's wish to have a schedule run now, becomes the rule's task. */
export const schedulePayload = z.object({ rule: z.string(), at: z.string(), by: z.string() });

export const scheduleSource: LocalSource = {
  name: "schedule",
  read({ payload }, rules) {
    const data = schedulePayload.safeParse(payload).data;
    if (data === undefined) return { ignored: "the row names no slot" };
    const rule = rules.schedule.find(({ name }) => name === data.rule);
    if (!rule) return { ignored: `there is no schedule ${data.rule} any more` };
    return { ...startOf(rule), reason: `schedule ${rule.name}, ${data.by}, at ${data.at}` };
  },
};

/** One active task per schedule: a slot that comes while its last task is at work joins that. */
export function startOf({ guards, name, task }: ScheduleRule) {
  const subject = `schedule:${name}`;
  const nobody = { outsideText: null, replyTo: null, reviewedAgainst: null };
  return {
    rule: name,
    guards,
    input: task,
    origin: { source: "schedule" as const, subject, ...nobody },
  };
}

import { z } from "zod";
import { cleanOutsideText } from "../../core/text/outside-text.ts";
import type { Inbox } from "../inbox.ts";
import type { LocalSource } from "../process-local.ts";
import { endings, type TasksRule } from "./tasks-rule.ts";

/**
 * Chains: the end of a task starts another. Ends are looked for in the rows of tasks, not heard, so
 * none is missed; each becomes a delivery named after rule and task. What the earlier task was about,
 * and how it ended, may be a stranger's or an agent's words, so it is outside text.
 */
export type EndedTask = {
  id: string;
  goal: string;
  branch: string | null;
  endDetail: string | null;
  depth: number;
};

const payloadSchema = z.object({
  id: z.string(),
  goal: z.string(),
  branch: z.string().nullable(),
  endDetail: z.string().nullable(),
  depth: z.number(),
});

export async function storeEnded(
  deps: {
    /** Tasks that ended so since the rule is in force and have no delivery yet, oldest first. */
    listEnded(about: {
      rule: string;
      state: "completed" | "failed";
      after: string | null;
      from: string | null;
    }): Promise<EndedTask[]>;
    insert: Inbox["insert"];
  },
  rules: readonly TasksRule[],
): Promise<void> {
  for (const { after, from, name, on } of rules) {
    const ended = await deps.listEnded({ rule: name, state: endings[on], after, from });
    for (const payload of ended) {
      const deliveryId = `tasks:${name}:${payload.id}`;
      await deps.insert({ deliveryId, source: "tasks", event: name, action: null, payload });
    }
  }
}

export const tasksSource: LocalSource = {
  name: "tasks",
  read({ event, payload }, rules) {
    const rule = rules.tasks.find(({ name }) => name === event);
    if (!rule) return { ignored: `there is no rule ${event} any more` };
    const { branch, depth, endDetail, goal, id } = payloadSchema.parse(payload);
    const said = [
      `Goal of ${id}: ${goal}`,
      branch === null ? null : `Branch with its work: ${branch}`,
      endDetail === null ? null : `How it ended: ${endDetail}`,
    ];
    return {
      ...{ rule: rule.name, guards: rule.guards, reason: `${rule.name} follows ${id}` },
      input: { ...rule.task, goal: `${rule.task.goal}\n\nThis follows ${id}.` },
      origin: {
        ...{ source: "tasks", subject: `tasks:${rule.name}:${id}`, depth: depth + 1 },
        outsideText: cleanOutsideText(said.filter((line) => line !== null).join("\n")),
        ...{ replyTo: null, reviewedAgainst: null },
      },
    };
  },
};

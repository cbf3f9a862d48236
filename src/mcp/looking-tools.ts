import { z } from "zod";
import { isTaskOver } from "../core/task/lifecycle.ts";
import { defineMcpTool, looks, type McpTool } from "./define-tool.ts";
import type { DeputyApi } from "./deputy-api.ts";
import {
  describeAttention,
  describeStatus,
  describeTask,
  describeUnreadable,
  toLines,
  writeWhy,
} from "./describe-task.ts";
import { taskId } from "./input-schemas.ts";

/** The read-only tools: status, inbox, why, receipt. */
export function makeLookingTools(api: DeputyApi): McpTool[] {
  const { explain } = api;
  return [
    defineMcpTool({
      name: "status",
      title: "Status of a task",
      description:
        "How far a task is: its state, attempts, open questions, and branch and result once it is over. Without task_id: the ten newest tasks.",
      input: z.strictObject({ task_id: taskId.optional() }),
      annotations: looks,
      explain,
      async run({ task_id }) {
        if (task_id === undefined) {
          const listed = await api.list(10);
          const tasks = listed.tasks.map(describeTask);
          const unreadable = listed.unreadable.map(describeUnreadable);
          const isEmpty = tasks.length + unreadable.length === 0;
          const text = isEmpty ? "There are no tasks." : toLines({ tasks, unreadable });
          return { ok: true, text, data: { tasks, unreadable } };
        }
        const detail = await api.show(task_id);
        const why = isTaskOver(detail.task.state) ? null : await api.why(detail.task.id);
        const data = describeStatus(detail, why);
        return { ok: true, text: toLines(data), data };
      },
    }),
    defineMcpTool({
      name: "inbox",
      title: "What needs a person",
      description:
        "Everything that waits for a person, most pressing first: questions, work to accept, failures, Deputy's own troubles. Decisions are theirs; a plain question may be answered with the answer tool.",
      input: z.strictObject({}),
      annotations: looks,
      explain,
      async run() {
        const { archived, items } = await api.attention();
        const data = { items: items.map(describeAttention), archived };
        const text =
          items.length === 0 ? "Nothing needs a person." : toLines({ items: data.items });
        return { ok: true, text, data };
      },
    }),
    defineMcpTool({
      name: "why",
      title: "What a task waits for",
      description:
        "What a task and each of its parts is waiting for, since when, what happens next and at what time, and what would unblock it.",
      input: z.strictObject({ task_id: taskId }),
      annotations: looks,
      explain,
      async run({ task_id }) {
        const why = await api.why(task_id);
        return { ok: true, text: writeWhy(why), data: { ...why } };
      },
    }),
    defineMcpTool({
      name: "receipt",
      title: "Evidence of a task",
      description:
        "The evidence handed over with the work: checks that Deputy ran itself, attempts, cost, what was not checked.",
      input: z.strictObject({ task_id: taskId }),
      annotations: looks,
      explain,
      async run({ task_id }) {
        const whole = await api.receipt(task_id);
        const cut = whole.length - maxReceiptLength;
        const receipt =
          cut > 0
            ? `${whole.slice(0, maxReceiptLength)}\n\n(${cut} more characters: deputy receipt ${task_id})`
            : whole;
        return { ok: true, text: receipt, data: { task_id, receipt } };
      },
    }),
  ];
}

const maxReceiptLength = 20_000;

import { z } from "zod";
import type { FollowUp } from "../../../core/task/plan.ts";
import { cutText } from "../../../core/text/clean-text.ts";
import { defineTool, type Tool } from "./tool.ts";

/** An agent's reports to others; delivered when it ends, however it ends. */
export type Reports = { discoveries: string[]; followUps: FollowUp[] };

const maxReports = 20;

/** Collects into `reports`; beyond the limit the tool returns an error. */
export function makeReportTool(reports: Reports): Tool {
  return defineTool({
    name: "report",
    effect: "talks",
    description:
      "Report discoveries that matter beyond your task (parts that wait for yours are told, and the receipt lists them), or needed work that is not yours (follow_ups: new parts of the task). Does not end your work.",
    input: z.strictObject({
      discoveries: z.array(z.string().trim().min(1)).optional(),
      follow_ups: z
        .array(
          z.strictObject({
            title: z.string().trim().min(1),
            brief: z.string().trim().min(1),
            writes: z.array(z.string().min(1)).optional().describe("globs of files to write"),
          }),
        )
        .optional(),
    }),
    about: ({ discoveries = [], follow_ups = [] }) =>
      [...discoveries, ...follow_ups.map(({ title }) => title)].join("; "),
    async run({ discoveries = [], follow_ups = [] }) {
      const { discoveries: known, followUps } = reports;
      const room = { known: maxReports - known.length, asked: maxReports - followUps.length };
      for (const text of discoveries.slice(0, room.known)) known.push(cutText(text, 1_000));
      for (const { title, brief, writes = [] } of follow_ups.slice(0, room.asked)) {
        followUps.push({
          title: cutText(title, 200),
          brief: cutText(brief, 4_000),
          writes: writes.slice(0, 50),
        });
      }
      const left = discoveries.length > room.known || follow_ups.length > room.asked;
      if (left) return { ok: false, text: `Error: only ${maxReports} of each are taken` };
      return { ok: true, text: "Noted." };
    },
  });
}

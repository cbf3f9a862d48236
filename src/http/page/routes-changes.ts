import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { changesWire, filePatchWire } from "../../api/task/changes.ts";
import { toWire } from "../../api/to-wire.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";
import { taskParams } from "../task-id.ts";

/** The change of a task as a page shows it: its files, and the patch of one at a time. */
export function changesRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    const which = {
      attempt: z.coerce
        .number()
        .int()
        .min(1)
        .optional()
        .describe("What this attempt of the subtask wrote; the whole change if left out."),
      subtask: z.string().max(64).optional().describe("The key of a subtask."),
    };
    app.get(
      "/v1/tasks/:id/changes",
      {
        schema: {
          operationId: "listChanges",
          tags: ["tasks"],
          summary: "The files that the work changes",
          description:
            "Of the whole change, or of one attempt. `tree` names what is shown: reviews and `accept` carry it. At most 5,000 files are listed; where more than 3,000 changed, neither lines nor renames are looked for.",
          params: taskParams,
          querystring: z.strictObject(which),
          response: { 200: json("The files.", changesWire), ...problems(400, 401, 404, 409) },
        },
      },
      async ({ params, query: { attempt = null, subtask = null } }) =>
        toWire(changesWire, await service.changes(params.id, { attempt, subtask })),
    );

    app.get(
      "/v1/tasks/:id/changes/file",
      {
        schema: {
          operationId: "readFilePatch",
          tags: ["tasks"],
          summary: "The unified patch of one file",
          description: "Of at most a megabyte: what is longer is cut after a whole line.",
          params: taskParams,
          querystring: z.strictObject({ ...which, path: z.string().min(1).max(4_096) }),
          response: { 200: json("The patch.", filePatchWire), ...problems(400, 401, 404, 409) },
        },
      },
      async ({ params, query: { attempt = null, path, subtask = null } }) =>
        toWire(filePatchWire, await service.patch(params.id, { attempt, subtask, path })),
    );
  };
}

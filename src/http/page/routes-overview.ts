import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { costWire, previewWire, repositoriesWire } from "../../api/overview.ts";
import { hideCredentials, newTaskWire } from "../../api/task/task.ts";
import { toWire } from "../../api/to-wire.ts";
import { triggersWire } from "../../api/triggers.ts";
import { json, problems } from "../openapi.ts";
import { noSubject } from "../routes/routes-tasks.ts";
import type { Service } from "../service.ts";
import { taskParams } from "../task-id.ts";

/** What a page shows beside a task's own state: cost, repositories, what a task would start with. */
export function overviewRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/v1/tasks/:id/cost",
      {
        schema: {
          operationId: "readCost",
          tags: ["tasks"],
          summary: "What it cost, by role, model and attempt",
          params: taskParams,
          response: { 200: json("The account.", costWire), ...problems(400, 401, 404) },
        },
      },
      async ({ params }) => toWire(costWire, await service.cost(params.id)),
    );

    app.get(
      "/v1/repositories",
      {
        schema: {
          operationId: "listRepositories",
          tags: ["daemon"],
          summary: "The repositories that tasks were given for, the last used first",
          response: { 200: json("The repositories.", repositoriesWire), ...problems(401) },
        },
      },
      async () => {
        const known = await service.repositories();
        const shown = known.map((one) => ({ ...one, pathOrUrl: hideCredentials(one.pathOrUrl) }));
        return toWire(repositoriesWire, shown);
      },
    );

    app.get(
      "/v1/triggers",
      {
        schema: {
          operationId: "listTriggers",
          tags: ["triggers"],
          summary: "The rules of triggers.yaml, and what came of their events lately",
          response: { 200: json("The rules.", triggersWire), ...problems(401) },
        },
      },
      async () => toWire(triggersWire, await service.triggers()),
    );

    app.post(
      "/v1/tasks/preview",
      {
        bodyLimit: 8 * 1024 * 1024,
        schema: {
          operationId: "previewTask",
          tags: ["tasks"],
          summary: "What a task would start with; none is created",
          description:
            "Fetches the repository, and reads setup and checks from the base commit as the task would.",
          body: newTaskWire,
          response: {
            200: json("What it would start with.", previewWire),
            ...problems(400, 401, 413, 415, 422, 503),
          },
        },
      },
      async ({ body }) => {
        const preview = await service.preview(body, { source: "http", ...noSubject });
        const repository = hideCredentials(preview.repository);
        return toWire(previewWire, { ...preview, repository });
      },
    );
  };
}

import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { ladderWire } from "../../api/task/ladder.ts";
import { newTaskWire, taskWire, toTaskWire } from "../../api/task/task.ts";
import {
  taskDetailWire,
  taskListWire,
  toTaskDetailWire,
  toTaskListWire,
} from "../../api/task/task-detail.ts";
import { whyWire } from "../../api/task/why.ts";
import { toWire } from "../../api/to-wire.ts";
import { taskSorts } from "../../core/page/task-list.ts";
import { taskStates } from "../../core/task/lifecycle.ts";
import type { TaskOrigin } from "../../core/task/task.ts";
import { hashBody } from "../hash-body.ts";
import { readIdempotencyKey } from "../idempotency-key.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";
import { taskParams } from "../task-id.ts";

/** Create and read tasks. POST /v1/tasks is the hot path: validate, submit, respond. */
export function taskRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      "/v1/tasks",
      {
        bodyLimit: 8 * 1024 * 1024,
        schema: {
          operationId: "createTask",
          tags: ["tasks"],
          summary: "Delegate a task",
          description:
            "Answers as soon as the task is durable. With an Idempotency-Key the same body gives the same task, " +
            "however often it is sent, and another body is refused with 409.",
          headers: z.object({ "idempotency-key": z.string().max(255).optional() }),
          body: newTaskWire,
          response: {
            202: taskWire,
            ...problems(400, 401, 409, 413, 415, 422, 503, 507),
          },
        },
      },
      async (request, reply) => {
        // The raw headers: fastify would merge them with the schema's on every access.
        const { headers } = request.raw;
        const key = readIdempotencyKey(headers["idempotency-key"]);
        const { task, created } = await service.submit(
          request.body,
          { source: readSource(headers["deputy-client"]), ...noSubject },
          key === null ? null : { key, bodyHash: hashBody(request.body) },
        );
        if (!created) reply.header("idempotency-replayed", "true");
        reply.header("location", `/v1/tasks/${task.id}`);
        return reply.code(202).send(toTaskWire(task));
      },
    );

    app.get(
      "/v1/tasks",
      {
        schema: {
          operationId: "listTasks",
          tags: ["tasks"],
          summary: "List tasks, newest first",
          description:
            "`q` is a part of the goal, the id, or of the issue it is about. A page of another order starts anew: a " +
            "cursor belongs to its `sort`.",
          querystring: z.strictObject({
            state: stateList.optional().describe("One or more, repeated or with commas between."),
            q: z.string().trim().max(200).optional(),
            repository: z.string().max(4_096).optional().describe("As the task shows it."),
            sort: z.enum(taskSorts).default("new"),
            limit: z.coerce.number().int().min(1).max(200).default(50),
            cursor: z.string().min(1).max(200).optional(),
          }),
          response: {
            200: json("One page; next_cursor asks for the next.", taskListWire),
            ...problems(400, 401),
          },
        },
      },
      async ({ query: { cursor = null, limit, q, repository = null, sort, state = [] } }) => {
        const search = q || null;
        const query = { states: state, limit, cursor, search, repository, sort };
        return toTaskListWire(await service.list(query));
      },
    );

    app.get(
      "/v1/tasks/:id",
      {
        schema: {
          operationId: "showTask",
          tags: ["tasks"],
          summary: "A task with its subtasks, attempts, questions and worktrees",
          params: taskParams,
          response: {
            200: json("The task and its parts.", taskDetailWire),
            ...problems(400, 401, 404),
          },
        },
      },
      async ({ params }) => toTaskDetailWire(await service.show(params.id)),
    );

    app.get(
      "/v1/tasks/:id/why",
      {
        schema: {
          operationId: "explainTask",
          tags: ["tasks"],
          summary: "What it waits for, since when, what happens next, what would unblock it",
          params: taskParams,
          response: { 200: json("The answer.", whyWire), ...problems(400, 401, 404) },
        },
      },
      async ({ params }) => toWire(whyWire, await service.why(params.id)),
    );

    app.get(
      "/v1/tasks/:id/ladder",
      {
        schema: {
          operationId: "showLadder",
          tags: ["tasks"],
          summary: "Where its subtasks stand on recovery's ladder, and what comes next",
          params: taskParams,
          response: { 200: json("The ladder.", ladderWire), ...problems(400, 401, 404) },
        },
      },
      async ({ params }) => toWire(ladderWire, await service.ladder(params.id)),
    );
  };
}

const stateList = z.union([z.string(), z.array(z.string())]).transform((given, context) =>
  [given].flat().flatMap((part) =>
    part.split(",").flatMap((word) => {
      const state = taskStates.find((known) => known === word.trim());
      if (state) return [state];
      const message = `must be one of ${taskStates.join(", ")}, not ${JSON.stringify(word.slice(0, 40))}`;
      context.addIssue({ code: "custom", message });
      return [];
    }),
  ),
);

export const noSubject = { subject: null, outsideText: null, replyTo: null, reviewedAgainst: null };

/** A label for people, never a permission. */
function readSource(header: unknown): TaskOrigin["source"] {
  return header === "cli" || header === "demo" ? header : "http";
}

import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { json, problems } from "./openapi.ts";
import { commentBody, sayBody, toldWire } from "./schema-answer.ts";
import { taskWire } from "./schema-task.ts";
import type { Service } from "./service.ts";
import { taskParams } from "./task-id.ts";
import { toTaskWire } from "./wire.ts";

/** What a person tells a task on its way. What the state does not allow is a 409 that says why. */
export function steerRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    const refusals = problems(400, 401, 404, 409);
    const answer = { 200: json("The task as it is now.", taskWire), ...refusals };
    const bodied = { ...answer, ...problems(413, 415) };

    app.post(
      "/v1/tasks/:id/say",
      {
        schema: {
          operationId: "sayToTask",
          tags: ["commands"],
          summary: "Tell the agents that work on it something; `told` says when they hear it",
          params: taskParams,
          body: sayBody,
          response: { ...bodied, 200: json("The task as it is now.", toldWire) },
        },
      },
      async ({ params, body }) => {
        const { task, told } = await service.say(params.id, body.text, body.subtask ?? null);
        return { ...toTaskWire(task), told };
      },
    );

    app.post(
      "/v1/tasks/:id/comment",
      {
        schema: {
          operationId: "commentOnTask",
          tags: ["commands"],
          summary: "Comment on lines of the change; what was delivered is worked on again",
          description:
            "While the task works its agent is told. A completed or failed one is reopened: the comment and the change so far are the brief of a further attempt on the merged state.",
          params: taskParams,
          body: commentBody,
          response: bodied,
        },
      },
      async ({ params, body }) =>
        toTaskWire(await service.comment(params.id, { place: body.place, text: body.text })),
    );

    for (const [verb, operationId, summary] of [
      ["pause", "pauseTask", "Park what runs and start nothing until it is resumed"],
      ["resume", "resumeTask", "Go on with a paused task where it was stopped"],
    ] as const) {
      app.post(
        `/v1/tasks/:id/${verb}`,
        {
          schema: {
            operationId,
            tags: ["commands"],
            summary,
            params: taskParams,
            response: answer,
          },
        },
        async ({ params }) => toTaskWire(await service[verb](params.id)),
      );
    }
  };
}

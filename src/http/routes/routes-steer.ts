import type { IncomingMessage } from "node:http";
import type { FastifyReply } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  budgetBody,
  commentBody,
  deedWire,
  sayBody,
  sentWire,
  snoozeBody,
} from "../../api/command.ts";
import { taskWire, toTaskWire } from "../../api/task/task.ts";
import { hashBody } from "../hash-body.ts";
import { readIdempotencyKey } from "../idempotency-key.ts";
import { json, problems } from "../openapi.ts";
import type { Sent, Service } from "../service.ts";
import { taskParams } from "../task-id.ts";

/**
 * Commands that steer a task in progress. One that the task's state does not allow is a 409 that
 * says why.
 */
export function steerRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    const refusals = problems(400, 401, 404, 409);
    const answer = { 200: json("The task as it is now.", taskWire), ...refusals };
    const bodied = { ...answer, ...problems(413, 415) };

    const when = {
      headers: z.object({ "idempotency-key": z.string().max(255).optional() }),
      params: taskParams,
      response: { ...bodied, 200: json("The task as it is now.", sentWire) },
    };
    /** Requests with the same key and body are one message, however often they are sent. */
    const readKey = ({ raw, body }: { raw: IncomingMessage; body: unknown }) => {
      const key = readIdempotencyKey(raw.headers["idempotency-key"]);
      return key === null ? null : { key, bodyHash: hashBody(body) };
    };
    const answerSent = (reply: FastifyReply, { isNew, task, when }: Sent) => {
      if (!isNew) reply.header("idempotency-replayed", "true");
      return { ...toTaskWire(task), when };
    };

    app.post(
      "/v1/tasks/:id/say",
      {
        schema: {
          operationId: "sayToTask",
          tags: ["commands"],
          summary:
            "Send a message to the agents at work on the task; `when` says when they receive it",
          body: sayBody,
          ...when,
        },
      },
      async (request, reply) => {
        const { params, body } = request;
        const { subtask = null, text } = body;
        return answerSent(reply, await service.say(params.id, text, subtask, readKey(request)));
      },
    );

    app.post(
      "/v1/tasks/:id/comment",
      {
        schema: {
          operationId: "commentOnTask",
          tags: ["commands"],
          summary: "Comment on lines of the change; `when` says when it is worked on",
          description:
            "Comments are kept until an attempt that had them is merged. A running attempt receives it if it can; otherwise the subtask that wrote the file is worked on again with all comments in its brief, once nothing else of the task is open. A completed or failed task is reopened.",
          body: commentBody,
          ...when,
        },
      },
      async (request, reply) => {
        const { params, body } = request;
        const { place, text } = body;
        const comment = { place, text };
        return answerSent(reply, await service.comment(params.id, comment, readKey(request)));
      },
    );

    app.post(
      "/v1/tasks/:id/snooze",
      {
        schema: {
          operationId: "snoozeTask",
          tags: ["commands"],
          summary: "Put off what a task asks of a person",
          description:
            "Until then no push is sent about it, and it is at the end of what needs you; then what still waits is pushed again. Nothing of the task changes; 0 minutes ends it.",
          body: snoozeBody,
          params: taskParams,
          response: { ...bodied, 200: json("What was done.", deedWire) },
        },
      },
      async ({ body, params }) => {
        const { detail, task } = await service.snooze(params.id, body.minutes);
        return { task: toTaskWire(task), detail };
      },
    );

    app.post(
      "/v1/tasks/:id/budget",
      {
        schema: {
          operationId: "setBudget",
          tags: ["commands"],
          summary: "Set what the task may cost",
          description:
            "Higher or lower, but not below what is spent. A task that asks for more goes on, if no other cap is used up.",
          body: budgetBody,
          params: taskParams,
          response: { ...bodied, ...problems(422), 200: json("What was done.", deedWire) },
        },
      },
      async ({ body, params }) => {
        const { detail, task } = await service.setBudget(params.id, body.budget_usd);
        return { task: toTaskWire(task), detail };
      },
    );

    for (const [verb, operationId, summary] of [
      ["pause", "pauseTask", "Park running attempts and start nothing until it is resumed"],
      ["resume", "resumeTask", "Continue a paused task where it stopped"],
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

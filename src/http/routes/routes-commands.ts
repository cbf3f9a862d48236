import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { acceptBody, answerBody, deedWire, restoredWire, retryBody } from "../../api/command.ts";
import { restoredSnapshotWire, snapshotParams, snapshotsWire } from "../../api/task/snapshots.ts";
import { taskWire, toTaskWire } from "../../api/task/task.ts";
import { toWire } from "../../api/to-wire.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";
import { taskParams } from "../task-id.ts";

/** Commands of a person. One that the task's state does not allow is a 409 that says why. */
export function commandRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    const refusals = problems(400, 401, 404, 409);

    app.post(
      "/v1/tasks/:id/cancel",
      {
        schema: {
          operationId: "cancelTask",
          tags: ["commands"],
          summary: "Ask for the task to stop",
          description: "A request first: the task is cancelled once nothing of it runs.",
          params: taskParams,
          response: { 202: json("The task as it is now.", taskWire), ...refusals },
        },
      },
      async ({ params }, reply) =>
        reply.code(202).send(toTaskWire(await service.cancel(params.id))),
    );

    app.post(
      "/v1/tasks/:id/retry",
      {
        schema: {
          operationId: "retryTask",
          tags: ["commands"],
          summary: "Retry what failed; finished work stays",
          description:
            "A body gives the unfinished subtasks another agent, model or time limit, or replaces the caller's checks. A task that is stuck and asks for help can be retried, too.",
          params: taskParams,
          body: retryBody.nullish(),
          response: {
            202: json("The task as it is now.", taskWire),
            ...refusals,
            ...problems(413, 415, 422),
          },
        },
      },
      async ({ params, body }, reply) =>
        reply.code(202).send(toTaskWire(await service.retry(params.id, body ?? {}))),
    );

    app.post(
      "/v1/tasks/:id/accept",
      {
        schema: {
          operationId: "acceptTask",
          tags: ["commands"],
          summary: "Merge the delivered branch into the current branch of the repository",
          description:
            "Refused with 409 when the working tree has changes of its own, when the branch that the task was started from has moved since (the two were not checked together), or when the work is not the `tree` that was shown any more.",
          params: taskParams,
          body: acceptBody.nullish(),
          response: { 200: json("Done.", deedWire), ...refusals, ...problems(413, 415) },
        },
      },
      async ({ body, params }) => {
        const { task, detail } = await service.accept(params.id, body?.tree ?? null);
        return { task: toTaskWire(task), detail };
      },
    );

    for (const [verb, operationId, summary, description] of [
      [
        "update",
        "updateTask",
        "Bring delivered work up to date with its base",
        "The base as it is now is merged into the work, with what people pushed to its branch, and the checks run again before it is delivered on the same branch. Where they conflict, or the checks are red with both, the work is done on, as after a comment. Where it is up to date already nothing changes.",
      ],
      ["discard", "discardTask", "Delete the delivered branch, its patch and worktrees"],
      [
        "rollback",
        "rollBackTask",
        "Undo what a completed task brought",
        "By a revert commit on the current branch of the repository, which has merged it, or by closing its pull request. Refused with 409 when there is nothing to undo, or when later commits or the working tree are in its way.",
      ],
    ] as const) {
      app.post(
        `/v1/tasks/:id/${verb}`,
        {
          schema: {
            operationId,
            tags: ["commands"],
            summary,
            ...(description && { description }),
            params: taskParams,
            response: { 200: json("Done.", deedWire), ...refusals },
          },
        },
        async ({ params }) => {
          const { task, detail } = await service[verb](params.id);
          return { task: toTaskWire(task), detail };
        },
      );
    }

    app.post(
      "/v1/tasks/:id/answer",
      {
        schema: {
          operationId: "answerQuestion",
          tags: ["commands"],
          summary: "Answer the question that a task waits for",
          description:
            "The first valid answer counts; a later one is a 409 that says what was answered. A decision that is asked again, because what it is about has changed, has to be named by `question_id`.",
          params: taskParams,
          body: answerBody,
          response: {
            200: json("The task as it is now.", taskWire),
            ...refusals,
            ...problems(413, 415),
          },
        },
      },
      async ({ params, body, headers }) => {
        // `deputy mcp` sends this header: its answers come from an agent, whoever started it.
        const speaker = headers["deputy-client"] === "mcp" ? "agent" : "person";
        const questionId = body.question_id ?? null;
        const { answer, hash = null } = body;
        return toTaskWire(await service.answer(params.id, answer, questionId, speaker, hash));
      },
    );

    app.post(
      "/v1/tasks/:id/restore",
      {
        schema: {
          operationId: "restoreTask",
          tags: ["commands"],
          summary: "Bring removed worktrees back from their last snapshot",
          params: taskParams,
          response: { 200: json("Where they are.", restoredWire), ...refusals },
        },
      },
      async ({ params }) => toWire(restoredWire, await service.restore(params.id)),
    );

    app.get(
      "/v1/tasks/:id/snapshots",
      {
        schema: {
          operationId: "listSnapshots",
          tags: ["tasks"],
          summary: "The states of its files that are kept, the oldest first",
          params: taskParams,
          response: { 200: json("The snapshots.", snapshotsWire), ...refusals },
        },
      },
      async ({ params }) => toWire(snapshotsWire, await service.snapshots(params.id)),
    );

    app.post(
      "/v1/tasks/:id/snapshots/:number/restore",
      {
        schema: {
          operationId: "restoreSnapshot",
          tags: ["commands"],
          summary: "Put one snapshot into a folder of its own",
          description: "As changes that are not committed. The folder is not removed by Deputy.",
          params: taskParams.extend(snapshotParams.shape),
          response: { 200: json("Where it is.", restoredSnapshotWire), ...refusals },
        },
      },
      async ({ params }) =>
        toWire(restoredSnapshotWire, await service.restoreSnapshot(params.id, params.number)),
    );
  };
}

import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  commentsWire,
  movedWire,
  placeBody,
  placedWire,
  reviewBody,
  reviewedWire,
} from "../../api/task/comments.ts";
import { toWire } from "../../api/to-wire.ts";
import { hashBody } from "../hash-body.ts";
import { readIdempotencyKey } from "../idempotency-key.ts";
import { json, problems } from "../openapi.ts";
import { makeProblem, sendProblem } from "../problem.ts";
import type { Service } from "../service.ts";
import { taskParams } from "../task-id.ts";

/** Comments on lines of the change: what became of them, and a batch of new ones. */
export function reviewRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/v1/tasks/:id/comments",
      {
        schema: {
          operationId: "listComments",
          tags: ["tasks"],
          summary: "The comments on its lines, and what became of each",
          params: taskParams,
          response: { 200: json("The comments.", commentsWire), ...problems(400, 401, 404, 409) },
        },
      },
      async ({ params }) => toWire(commentsWire, await service.comments(params.id)),
    );

    app.post(
      "/v1/tasks/:id/comments/place",
      {
        schema: {
          operationId: "placeComments",
          tags: ["tasks"],
          summary: "Where lines of an earlier tree are now; nothing is sent",
          params: taskParams,
          body: placeBody,
          response: {
            200: json("Where they are.", placedWire),
            ...problems(400, 401, 404, 409, 413, 415),
          },
        },
      },
      async ({ body: { comments, tree }, params }) => {
        const places = { tree, comments: comments.map(toLines) };
        return toWire(placedWire, await service.placeComments(params.id, places));
      },
    );

    app.post(
      "/v1/tasks/:id/reviews",
      {
        schema: {
          operationId: "reviewTask",
          tags: ["commands"],
          summary: "Send a batch of comments on the tree that was shown",
          description:
            "They are worked on together, as comments are: a running attempt receives them if it can, otherwise one rework has all of them. Where another tree stands by now nothing is sent, and the 409 says where those lines are.",
          headers: z.object({ "idempotency-key": z.string().max(255).optional() }),
          params: taskParams,
          body: reviewBody,
          response: {
            202: json("The comments as they were taken.", reviewedWire),
            ...problems(400, 401, 404, 413, 415, 422),
            409: {
              description: "Refused; with `tree` and `moved` where the work moved on.",
              content: { "application/problem+json": { schema: movedWire } },
            },
          },
        },
      },
      async ({ body, params, raw }, reply) => {
        const key = readIdempotencyKey(raw.headers["idempotency-key"]);
        const comments = body.comments.map(toLines);
        const idempotency = key === null ? null : { key, bodyHash: hashBody(body) };
        const sent = await service.review(params.id, { tree: body.tree, comments }, idempotency);
        if (!("moved" in sent)) {
          if (!sent.isNew) reply.header("idempotency-replayed", "true");
          return reply.code(202).send(toWire(reviewedWire, sent));
        }
        const problem = makeProblem(
          409,
          "conflict",
          "The work moved on since it was shown, so nothing was sent; look at it again.",
        );
        const moved = sent.moved.map(
          (lines) => lines && { line: lines.line, end_line: lines.endLine },
        );
        return sendProblem(reply, { ...problem, ...{ tree: sent.tree, moved } });
      },
    );
  };
}

const toLines = <Comment extends { line: number; end_line?: number | undefined }>({
  end_line,
  ...comment
}: Comment) => ({ ...comment, endLine: end_line ?? comment.line });

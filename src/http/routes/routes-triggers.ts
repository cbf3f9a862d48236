import rateLimit from "@fastify/rate-limit";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { triggerTestBody } from "../../api/command.ts";
import { keptWire, messageWire } from "../../api/daemon.ts";
import { DeputyError } from "../../core/base/error.ts";
import { json, problems } from "../openapi.ts";
import { makeProblem, sendProblem } from "../problem.ts";
import type { Service } from "../service.ts";

const wrongPerMinute = 20;

/**
 * Where events come in: the webhooks of forges, and the hooks of rules. Not with the API's token: a
 * forge's signature is over the raw bytes, so the body stays a Buffer, whatever its content type; a hook
 * has a token of its own. The service checks them all.
 */
export function hookRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    await app.register(rateLimit, { global: false });
    const countWrong = app.createRateLimit({ max: wrongPerMinute, timeWindow: 60_000 });
    /** A refusal; after too many from one address only that. What is right always passes. */
    const refuse = async (
      request: FastifyRequest,
      reply: FastifyReply,
      { message, status }: { status: number; message: string },
    ) => {
      const isGuess = status === 401 || status === 404;
      const limit = isGuess ? await countWrong(request) : null;
      if (limit && !limit.isAllowed && limit.isExceeded) {
        reply.header("retry-after", limit.ttlInSeconds);
        const tooMany = "Too many wrong tokens or signatures; wait a minute.";
        return sendProblem(reply, makeProblem(429, "too_many_requests", tooMany));
      }
      return sendProblem(reply, makeProblem(status, "refused", message));
    };
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) =>
      done(null, body),
    );
    app.post(
      "/hooks/github",
      {
        bodyLimit: 25 * 1024 * 1024, // the largest payload that GitHub sends
        schema: {
          operationId: "receiveGithub",
          tags: ["triggers"],
          summary: "Receive a GitHub webhook",
          description: "Authenticated by X-Hub-Signature-256 over the raw body.",
          security: [],
          headers: z.object({
            "x-github-delivery": z.string().optional(),
            "x-github-event": z.string().optional(),
            "x-hub-signature-256": z.string().optional(),
          }),
          response: { 202: json("Received.", messageWire), ...problems(400, 401, 413, 429) },
        },
      },
      async (request, reply) => {
        const { headers, body } = request;
        const { status, message } = await service.receiveGithub({
          id: one(headers["x-github-delivery"]),
          event: one(headers["x-github-event"]),
          signature: one(headers["x-hub-signature-256"]),
          rawBody: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
        });
        return status < 400
          ? reply.code(status as 202).send({ message })
          : refuse(request, reply, { status, message });
      },
    );
    for (const { forge, proof } of others)
      app.post(
        `/hooks/${forge}`,
        {
          bodyLimit: 25 * 1024 * 1024,
          schema: {
            operationId: forge === "gitea" ? "receiveGitea" : "receiveGitlab",
            tags: ["triggers"],
            summary: `Receive a webhook of ${forge === "gitea" ? "Gitea or Forgejo" : "GitLab"}`,
            description: `Authenticated by ${proof}.`,
            security: [],
            response: { 202: json("Received.", messageWire), ...problems(400, 401, 413, 429) },
          },
        },
        async (request, reply) => {
          const { body, headers } = request;
          const { status, message } = await service.receiveForge(forge, {
            header: (name) => one(headers[name]),
            rawBody: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
          });
          return status < 400
            ? reply.code(status as 202).send({ message })
            : refuse(request, reply, { status, message });
        },
      );
    app.post(
      "/hooks/in/:name",
      {
        bodyLimit: 1024 * 1024,
        schema: {
          operationId: "receiveHook",
          tags: ["triggers"],
          summary: "Receive an event for a hook of triggers.yaml",
          description: "Authenticated by the hook's own token, as Authorization: Bearer.",
          security: [],
          params: z.object({ name: z.string().min(1).max(100) }),
          response: { 202: json("Stored.", keptWire), ...problems(400, 401, 404, 413, 429) },
        },
      },
      async (request, reply) => {
        const { body, headers, params } = request;
        const { deliveryId, message, status } = await service.receiveHook({
          name: params.name,
          authorization: headers.authorization,
          header: (name) => one(headers[name]),
          rawBody: Buffer.isBuffer(body) ? body : Buffer.alloc(0),
        });
        return deliveryId === null
          ? refuse(request, reply, { status, message })
          : reply.code(202).send({ message, delivery_id: deliveryId });
      },
    );
  };
}

const others = [
  {
    forge: "gitea",
    proof: "X-Gitea-Signature, X-Forgejo-Signature or X-Hub-Signature-256 over the raw body",
  },
  { forge: "gitlab", proof: "X-Gitlab-Token, or webhook-signature over the raw body" },
] as const;

export function triggerTestRoute(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      "/v1/triggers/test",
      {
        schema: {
          operationId: "testTrigger",
          tags: ["triggers"],
          summary: "Show what a payload, or a rule, would start, and start nothing",
          body: triggerTestBody,
          response: {
            200: json("What would fire, and why.", z.unknown()),
            ...problems(400, 401, 404, 413, 415),
          },
        },
      },
      async ({ body: { event, forge, payload, rule, text } }) => {
        if (rule !== undefined) return service.tryRule({ rule, text: text ?? null });
        if (payload) return service.testTrigger(event ?? null, payload, forge ?? null);
        throw new DeputyError(
          "invalid_input",
          "Give the payload of a forge's webhook in `payload`, or the name of another rule in `rule`.",
          { field: "payload" },
        );
      },
    );
  };
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

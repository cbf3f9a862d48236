import rateLimit from "@fastify/rate-limit";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { messageWire } from "../../api/daemon.ts";
import { sessionWire, signInBody } from "../../api/session.ts";
import { toWire } from "../../api/to-wire.ts";
import type { Device } from "../../core/attention/device.ts";
import { DeputyError } from "../../core/base/error.ts";
import { json, problems } from "../openapi.ts";
import { makeProblem, sendProblem } from "../problem.ts";
import type { SessionService } from "../service.ts";
import type { Sessions } from "./guard-access.ts";
import type { OpenStreams } from "./open-streams.ts";
import { assertOwnPage, readSession, requireSafePlace, writeSession } from "./session-cookie.ts";

/**
 * A browser's session: who it is, in by a code, and out. Whoever is not signed in yet may ask, so wrong
 * codes are counted by address; the right one always passes, and nobody can lock its owner out.
 */
export type SessionOptions = {
  service: SessionService;
  sessions: Sessions;
  streams: OpenStreams;
  publicUrl: string | null;
  version: string;
  /** Which page the daemon serves; null: none. */
  build: () => Promise<string | null>;
};

const wrongCodesPerMinute = 10;

export function sessionRoutes(options: SessionOptions): FastifyPluginAsyncZod {
  const { build, publicUrl, service, sessions, streams, version } = options;
  const show = async ({ id, name, scope }: Device) =>
    toWire(sessionWire, {
      ...{ device: { id, name, scope }, version, build: await build() },
      serverTime: new Date(),
    });
  return async (app) => {
    await app.register(rateLimit, { global: false });
    const countWrong = app.createRateLimit({ max: wrongCodesPerMinute, timeWindow: 60_000 });

    app.get(
      "/v1/session",
      {
        schema: {
          operationId: "readSession",
          tags: ["daemon"],
          summary: "Which device this browser is, and what serves it",
          security: [{ session: [] }],
          response: { 200: json("The session.", sessionWire), ...problems(401) },
        },
      },
      async (request, reply) => {
        const device = await sessions.admit(request);
        // Its last day moves with each visit.
        const sent = readSession(request.headers);
        if (sent) reply.header("set-cookie", writeSession(sent.session, sent.isSecure));
        return show(device);
      },
    );

    app.post(
      "/v1/session",
      {
        schema: {
          operationId: "signIn",
          tags: ["daemon"],
          summary: "Pair this browser by a code, or what follows # in a link, of deputy pair",
          description: "Sets a cookie. Needs the header `x-deputy: 1`.",
          security: [],
          body: signInBody,
          response: {
            200: json("The session.", sessionWire),
            ...problems(400, 403, 413, 415, 429),
          },
        },
      },
      async (request, reply) => {
        const { body, headers, method } = request;
        assertOwnPage(method, headers, publicUrl);
        const isSecure = requireSafePlace(headers, publicUrl); // before the code is used up
        const earlier = readSession(headers)?.session ?? null;
        try {
          const made = await service.signIn(body.code, body.name, earlier);
          reply.header("set-cookie", writeSession(made.session, isSecure));
          return await show(made.device);
        } catch (error) {
          if (!(error instanceof DeputyError) || error.code !== "forbidden") throw error;
          const limit = await countWrong(request);
          if (limit.isAllowed || !limit.isExceeded) throw error;
          reply.header("retry-after", limit.ttlInSeconds);
          return sendProblem(
            reply,
            makeProblem(429, "too_many_requests", "Too many wrong codes; wait a minute."),
          );
        }
      },
    );

    app.delete(
      "/v1/session",
      {
        schema: {
          operationId: "signOut",
          tags: ["daemon"],
          summary: "Forget this browser: its session ends",
          security: [{ session: [] }],
          response: { 200: json("It is signed out.", messageWire), ...problems(401, 403) },
        },
      },
      async (request, reply) => {
        const { id } = await sessions.admit(request);
        await service.revokeDevice(id);
        streams.revoke(id);
        reply.header("set-cookie", [writeSession(null, true), writeSession(null, false)]);
        return { message: "This browser is signed out." };
      },
    );
  };
}

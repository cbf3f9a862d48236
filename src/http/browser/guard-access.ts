import type { FastifyRequest, onRequestHookHandler } from "fastify";
import type { Device } from "../../core/attention/device.ts";
import { DeputyError } from "../../core/base/error.ts";
import type { SessionService } from "../service.ts";
import { assertOwnPage, changes, readSession } from "./session-cookie.ts";

/**
 * The two ways into /v1: a program's bearer token, and the session of a paired device, a cookie. A
 * token that is there decides, whatever cookie comes along. A device that may only look gets through no
 * request that may change something; by the method, so that no new route can be forgotten.
 */
declare module "fastify" {
  interface FastifyRequest {
    /** Whose session it came with; null: a program's, or nobody's. */
    device: Device | null;
  }
}

export type Sessions = {
  /** The device of a browser's request. Throws unauthorized and forbidden. */
  admit(request: FastifyRequest): Promise<Device>;
};

export function makeSessions(
  service: Pick<SessionService, "findSession">,
  publicUrl: string | null,
): Sessions {
  return {
    admit: async ({ headers, method }) => {
      const sent = readSession(headers);
      const device = sent && (await service.findSession(sent.session));
      if (!device)
        throw new DeputyError(
          "unauthorized",
          "This browser is not signed in, or not any more: run deputy open on the daemon's machine, or deputy pair for another device.",
        );
      assertOwnPage(method, headers, publicUrl);
      return device;
    },
  };
}

/** Lets in who has the token, by `byToken`, or a session. */
export function guardAccess(
  sessions: Sessions,
  byToken: onRequestHookHandler,
): onRequestHookHandler {
  return function (request, reply, done) {
    const { headers, method } = request;
    if (headers.authorization !== undefined || readSession(headers) === null)
      return byToken.call(this, request, reply, done);
    sessions.admit(request).then((device) => {
      request.device = device;
      if (device.scope === "act" || !changes(method)) return done();
      done(
        new DeputyError(
          "forbidden",
          `This device may look and change nothing; deputy devices change ${device.id} --act lets it.`,
        ),
      );
    }, done);
  };
}

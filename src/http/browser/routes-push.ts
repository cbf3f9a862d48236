import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { messageWire } from "../../api/daemon.ts";
import { pushKeyWire, subscriptionBody } from "../../api/push.ts";
import { toWire } from "../../api/to-wire.ts";
import { DeputyError } from "../../core/base/error.ts";
import { json, problems } from "../openapi.ts";
import type { PushService } from "../service.ts";

/** Pushes to the browser that asks. */
export function pushRoutes(service: PushService): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/v1/push/key",
      {
        schema: {
          operationId: "readPushKey",
          tags: ["daemon"],
          summary: "The key that a browser subscribes to pushes with",
          response: { 200: json("The key.", pushKeyWire), ...problems(401, 409) },
        },
      },
      async () => toWire(pushKeyWire, { publicKey: service.pushKey() }),
    );

    app.post(
      "/v1/push/subscriptions",
      {
        schema: {
          operationId: "subscribeToPushes",
          tags: ["daemon"],
          summary: "Send pushes to this browser from now on",
          body: subscriptionBody,
          response: {
            200: json("It gets them.", messageWire),
            ...problems(400, 401, 409, 413, 415),
          },
        },
      },
      async (request) => {
        const { endpoint, keys } = request.body;
        await service.subscribe(deviceOf(request), { endpoint, ...keys });
        return { message: "This device gets pushes." };
      },
    );

    app.delete(
      "/v1/push/subscriptions",
      {
        schema: {
          operationId: "unsubscribeFromPushes",
          tags: ["daemon"],
          summary: "Send no more pushes to this browser",
          response: { 200: json("It gets none.", messageWire), ...problems(400, 401) },
        },
      },
      async (request) => {
        await service.unsubscribe(deviceOf(request));
        return { message: "This device gets no pushes." };
      },
    );
  };
}

function deviceOf({ device }: FastifyRequest): string {
  if (device) return device.id;
  throw new DeputyError(
    "invalid_input",
    "Only a browser that is signed in gets pushes by Web Push; a program has none.",
  );
}

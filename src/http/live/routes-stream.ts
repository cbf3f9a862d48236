import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import {
  liveBeatWire,
  liveByeWire,
  liveResyncWire,
  liveSnapshotWire,
  liveTasksWire,
} from "../../api/live.ts";
import type { OpenStreams } from "../browser/open-streams.ts";
import type { StreamLimits } from "../event-stream.ts";
import { problems } from "../openapi.ts";
import { type Log, reportFailure } from "../problem.ts";
import { type LiveSource, makeLiveHub } from "./live-hub.ts";

/** What happens to all tasks, in one stream for each page that is open. */
export function streamRoutes(
  service: LiveSource,
  limits: StreamLimits,
  streams: OpenStreams,
  log: Log,
): FastifyPluginAsyncZod {
  return async (app) => {
    const onError = (error: unknown) =>
      void reportFailure(error, { id: "stream", method: "GET", url: "/v1/stream" }, log);
    const hub = makeLiveHub(service, { ...limits, onError });
    app.get(
      "/v1/stream",
      {
        exposeHeadRoute: false,
        schema: {
          operationId: "followAll",
          tags: ["tasks"],
          summary: "Follow all tasks",
          description:
            "Server-Sent Events for a page that shows many tasks. First `snapshot`, or, after Last-Event-ID or `cursor`, " +
            "what happened since; then `tasks` names those with news, at most four times a second, with the numbers of all; " +
            "`beat` comes every 15 seconds. Details are read from the other routes. `resync`: read everything anew and " +
            "connect without a cursor. `bye` is the last of a connection that the daemon ends. One that closes without was " +
            "cut: come back with the last cursor, nothing is missed, also across restarts of the daemon.",
          headers: z.object({ "last-event-id": z.string().optional() }),
          querystring: z.strictObject({ cursor: z.string().max(2_000).optional() }),
          response: {
            200: {
              description: "The events; `data` is one of these objects.",
              content: {
                "text/event-stream": {
                  schema: z.union([
                    liveSnapshotWire,
                    liveTasksWire,
                    liveBeatWire,
                    liveResyncWire,
                    liveByeWire,
                  ]),
                },
              },
            },
            ...problems(400, 401, 503),
          },
        },
      },
      async (request, reply) => {
        const { headers, query } = request;
        const place = streams.enter(request);
        const response = reply.raw;
        response.once("close", place.leave);
        // The header wins: a browser that reconnects repeats its original URL.
        const cursor = (headers["last-event-id"] || query.cursor) ?? null;
        const client = await hub.join(response, cursor, place.signal).catch((error: unknown) => {
          place.leave();
          throw error;
        });
        reply.hijack();
        response.writeHead(200, {
          "content-type": "text/event-stream; charset=utf-8",
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
          "x-accel-buffering": "no",
        });
        response.write("retry: 2000\n\n");
        client.start();
        return reply;
      },
    );
  };
}

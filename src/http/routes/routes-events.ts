import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { eventPageWire, toEventWire } from "../../api/event.ts";
import { DeputyError } from "../../core/base/error.ts";
import type { OpenStreams } from "../browser/open-streams.ts";
import { type StreamOptions, streamEvents } from "../event-stream.ts";
import { problems } from "../openapi.ts";
import { type Log, reportFailure } from "../problem.ts";
import type { Service } from "../service.ts";
import { taskParams } from "../task-id.ts";

/** A task's events: as a live stream, or in pages of JSON. */
export function eventRoutes(
  service: Service,
  limits: StreamOptions,
  streams: OpenStreams,
  log: Log,
): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/v1/tasks/:id/events",
      {
        exposeHeadRoute: false,
        schema: {
          operationId: "readEvents",
          tags: ["tasks"],
          summary: "Follow a task",
          description:
            "Server-Sent Events: `id` is the event's seq, `event` its type, `data` the event as JSON. Starts after " +
            "Last-Event-ID or `after`, continues live, also across restarts of the daemon, and ends with `event: end` " +
            '(`data: {"state": …}`, no id) once the task is over and everything was sent. A stream that closes without ' +
            "`end` was cut: come back with Last-Event-ID. With Accept: application/json one page as JSON.",
          params: taskParams,
          headers: z.object({ "last-event-id": z.string().optional() }),
          querystring: z.strictObject({
            after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
            limit: z.coerce.number().int().min(1).max(1000).default(200),
          }),
          response: {
            200: {
              description: "The events.",
              content: {
                "text/event-stream": { schema: z.string() },
                "application/json": { schema: eventPageWire },
              },
            },
            ...problems(400, 401, 404, 406, 503),
          },
        },
      },
      async (request, reply) => {
        const { headers, query } = request;
        const after = readLastEventId(headers["last-event-id"]) ?? query.after;
        const wanted = wantsStream(headers.accept);
        const taskId = (await service.find(request.params.id)).id;
        if (!wanted) {
          const events = await service.events(taskId, after, query.limit);
          return reply.type("application/json; charset=utf-8").send({
            events: events.map(toEventWire),
            next_after: events.at(-1)?.seq ?? after,
          });
        }
        const place = streams.enter(request);
        reply.hijack();
        const response = reply.raw;
        response.writeHead(200, {
          "content-type": "text/event-stream; charset=utf-8",
          "cache-control": "no-store",
          "x-content-type-options": "nosniff",
          "x-accel-buffering": "no",
        });
        try {
          await streamEvents(service, taskId, after, response, limits, place.signal);
        } catch (error) {
          // Too late for a status: log it and cut the stream; the client reconnects.
          reportFailure(error, request, log);
          response.destroy();
        } finally {
          place.leave();
        }
        return reply;
      },
    );
  };
}

/** The header wins over `?after=`: a browser that reconnects repeats its original URL. */
function readLastEventId(header: unknown): number | null {
  if (header === undefined || header === "") return null;
  const seq = typeof header === "string" && /^\d{1,15}$/.test(header) ? Number(header) : null;
  if (seq !== null) return seq;
  throw new DeputyError(
    "invalid_input",
    "Last-Event-ID must be the id of an event of this stream.",
    {
      field: "Last-Event-ID",
    },
  );
}

function wantsStream(accept: string | undefined): boolean {
  const types = (accept ?? "*/*")
    .split(",")
    .map((part) => part.split(";")[0]?.trim().toLowerCase());
  if (types.includes("text/event-stream")) return true;
  if (types.includes("application/json")) return false;
  if (types.includes("*/*") || types.includes("text/*")) return true;
  throw new DeputyError(
    "not_acceptable",
    "Events come as text/event-stream or as application/json.",
  );
}

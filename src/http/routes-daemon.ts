import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { json, problems } from "./openapi.ts";
import { healthWire, readinessWire } from "./schema-answer.ts";
import type { Service } from "./service.ts";

const anyone: [] = [];

/** For whoever keeps the daemon running. Health says nothing secret and wants no token. */
export function healthRoutes(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/healthz",
      {
        schema: {
          operationId: "checkHealth",
          tags: ["daemon"],
          summary: "Whether the process answers",
          security: anyone,
          response: { 200: json("It does.", healthWire) },
        },
      },
      async () => {
        const { version, bootId, uptimeS } = service.health();
        return { status: "alive" as const, version, boot_id: bootId, uptime_s: uptimeS };
      },
    );

    app.get(
      "/readyz",
      {
        schema: {
          operationId: "checkReadiness",
          tags: ["daemon"],
          summary: "Whether it can take and work tasks; 503 names what is missing",
          security: anyone,
          response: { 200: json("Ready.", readinessWire), 503: json("Not ready.", readinessWire) },
        },
      },
      async (_request, reply) => {
        const readiness = await service.ready();
        return reply.code(readiness.ready ? 200 : 503).send(readiness);
      },
    );
  };
}

export function metricsRoute(service: Service): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/metrics",
      {
        schema: {
          operationId: "readMetrics",
          tags: ["daemon"],
          summary: "Metrics in Prometheus' text format",
          response: {
            200: { description: "Metrics.", content: { "text/plain": { schema: z.string() } } },
            ...problems(401),
          },
        },
      },
      async (_request, reply) => {
        const metrics = await service.metrics();
        return reply.type("text/plain; version=0.0.4; charset=utf-8").send(metrics);
      },
    );
  };
}

import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { healthWire, pointerWire, readinessWire } from "../../api/daemon.ts";
import { toWire } from "../../api/to-wire.ts";
import { installPage, noPage, type WebPage } from "../browser/web-page.ts";
import { json, problems } from "../openapi.ts";
import type { Service } from "../service.ts";

const anyone: [] = [];

const places = { docs: "/docs", openapi: "/openapi.json", health: "/healthz" } as const;

/** For opening the daemon's address in a browser, where there is no page. */
function welcome(version: string): string {
  const links = Object.values(places).map((path) => `<li><a href="${path}">${path}</a></li>`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Deputy</title><h1>Deputy ${version}</h1><p>A daemon that delegates tasks to coding agents. This is its HTTP API; the command line is <code>deputy --help</code>.</p><p>${noPage}</p><ul>${links.join("")}</ul></html>\n`;
}

/** The first address: the page for a browser, for a program where to read on. */
export function wayRoute(service: Service, { folder }: WebPage): FastifyPluginAsyncZod {
  return async (app) => {
    if (folder !== null) await installPage(app, folder);
    app.get(
      "/",
      {
        schema: {
          operationId: "findWay",
          tags: ["daemon"],
          summary: "What this is, and where to read on",
          security: anyone,
          response: {
            200: {
              description: "Where to read on; for a browser as a page.",
              content: {
                "application/json": { schema: pointerWire },
                "text/html": { schema: z.string() },
              },
            },
          },
        },
      },
      async ({ headers }, reply) => {
        const { version } = service.health();
        if (headers.accept?.includes("text/html")) {
          if (folder !== null) return reply.sendFile("index.html");
          const page = reply.type("text/html; charset=utf-8");
          return page
            .header("content-security-policy", "default-src 'none'")
            .send(welcome(version));
        }
        return { name: "deputy" as const, version, ...places };
      },
    );
  };
}

/** For operators. Health reveals no secrets and needs no token. */
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
      async () => toWire(healthWire, { status: "alive", ...service.health() }),
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

import { randomUUID } from "node:crypto";
import Fastify, {
  type FastifyInstance,
  type onRequestHookHandler,
  type RouteOptions,
} from "fastify";
import { DeputyError } from "../core/base/error.ts";
import { type Redact, redactDeep } from "../core/text/redact.ts";
import { guardAccess, makeSessions } from "./browser/guard-access.ts";
import { makeOpenStreams } from "./browser/open-streams.ts";
import { pushRoutes } from "./browser/routes-push.ts";
import { sessionRoutes } from "./browser/routes-session.ts";
import { findPage, pageRoutes } from "./browser/web-page.ts";
import type { StreamLimits } from "./event-stream.ts";
import { assertSafeBind, guardOrigin, guardToken } from "./guard.ts";
import { streamRoutes } from "./live/routes-stream.ts";
import { compileValidator, installOpenApi } from "./openapi.ts";
import { changesRoutes } from "./page/routes-changes.ts";
import { overviewRoutes } from "./page/routes-overview.ts";
import { reviewRoutes } from "./page/routes-reviews.ts";
import { installJsonParser } from "./parse-body.ts";
import {
  answerClientError,
  installErrorHandlers,
  type Log,
  makeProblem,
  type Space,
  sendProblem,
  toProblem,
} from "./problem.ts";
import { agentRoutes } from "./routes/routes-agents.ts";
import { answerRoutes } from "./routes/routes-answer.ts";
import { attentionRoutes } from "./routes/routes-attention.ts";
import { commandRoutes } from "./routes/routes-commands.ts";
import { healthRoutes, metricsRoute, wayRoute } from "./routes/routes-daemon.ts";
import { deviceRoutes } from "./routes/routes-devices.ts";
import { eventRoutes } from "./routes/routes-events.ts";
import { evidenceRoutes } from "./routes/routes-evidence.ts";
import { freezeRoutes } from "./routes/routes-freeze.ts";
import { mcpRoute } from "./routes/routes-mcp.ts";
import { notifyRoutes } from "./routes/routes-notify.ts";
import { scheduleRoutes } from "./routes/routes-schedules.ts";
import { steerRoutes } from "./routes/routes-steer.ts";
import { taskRoutes } from "./routes/routes-tasks.ts";
import { hookRoutes, triggerTestRoute } from "./routes/routes-triggers.ts";
import { warmRoutes } from "./routes/routes-warm.ts";
import type { AnswerService, Service } from "./service.ts";

/**
 * The HTTP server. A request passes the host and origin guard, then, on all but the open routes,
 * the bearer token or, on /v1, a browser's session, then its schema, and reaches the service, which knows nothing of HTTP.
 * Responses are made by `toWire`. Every wait and every size is limited.
 */
export type HttpServerOptions = {
  service: Service;
  host: string;
  /** 0 takes a free port. */
  port: number;
  /** Null: no authentication, which only a loopback address allows. */
  token: string | null;
  /** Accepted host names besides localhost, the bind address and the public URL's. */
  allowedHosts: string[];
  publicUrl?: string | null;
  /** Without it there are no answer pages. */
  answers?: AnswerService;
  /** The folder of the page; without it there is none. */
  page?: string;
  /** Applied to every text in a response. */
  redact: Redact;
  version: string;
  log: Log;
  /** Full volumes, and whether an error was caused by one. */
  space?: Space;
  limits?: Partial<HttpLimits>;
};

type HttpLimits = StreamLimits & {
  headersTimeoutMs: number;
  /** For a whole request to arrive, including its body. */
  requestTimeoutMs: number;
  checkIntervalMs: number;
};

const defaultLimits: HttpLimits = {
  heartbeatMs: 15_000,
  drainTimeoutMs: 30_000,
  pageSize: 100,
  batchMs: 250,
  streamsPerClient: 200,
  headersTimeoutMs: 8_000,
  requestTimeoutMs: 30_000,
  checkIntervalMs: 2_000,
};

/** Starts listening. Throws a DeputyError if the address is unsafe or in use. */
export async function startHttpServer(
  options: HttpServerOptions,
): Promise<{ url: string; close(): Promise<void> }> {
  assertSafeBind(options.host, options.token);
  const app = createApp({ ...defaultLimits, ...options.limits });
  app.setValidatorCompiler(compileValidator);
  app.setSerializerCompiler(() => JSON.stringify);
  installErrorHandlers(app, options.log, options.space);
  installJsonParser(app);
  app.addHook("onRequest", guardOrigin(options.host, allowedHostsOf(options)));
  app.addHook("onRequest", (_request, reply, done) => {
    reply.header("x-content-type-options", "nosniff").header("cache-control", "no-store");
    done();
  });
  app.addHook("preSerialization", async (_request, _reply, answer) =>
    redactDeep(answer, options.redact),
  );
  await installOpenApi(app, options.version);
  await registerRoutes(app, options);
  await app.ready();
  try {
    await app.listen({ host: options.host, port: options.port });
  } catch (error) {
    await app.close();
    throw explainListenError(error as NodeJS.ErrnoException, options);
  }
  return { url: readUrl(app, options.host), close: () => app.close() };
}

function allowedHostsOf({ allowedHosts, publicUrl }: HttpServerOptions): string[] {
  return publicUrl ? [...allowedHosts, new URL(publicUrl).host] : allowedHosts;
}

async function registerRoutes(app: FastifyInstance, options: HttpServerOptions): Promise<void> {
  const { answers, service, log, redact, version } = options;
  const publicUrl = options.publicUrl ?? null;
  const limits = { ...defaultLimits, ...options.limits, redact };
  const streams = makeOpenStreams(limits.streamsPerClient);
  app.addHook("preClose", async () => streams.stop());
  app.decorateRequest("device", null);
  const sessions = makeSessions(service, publicUrl);
  const page = findPage(options.page ?? null);
  await app.register(wayRoute(service, page));
  await app.register(pageRoutes(page));
  await app.register(healthRoutes(service));
  await app.register(hookRoutes(service));
  if (answers) await app.register(answerRoutes({ answers, service, publicUrl, redact }));
  await app.register(
    sessionRoutes({ service, sessions, streams, publicUrl, version, build: page.build }),
  );
  await app.register(async (programs) => {
    const byToken = await requireToken(programs, options.token);
    await programs.register(async (closed) => {
      closed.addHook("onRequest", byToken);
      closed.addHook("onRoute", (route) => secure(route, ["bearer"]));
      await closed.register(mcpRoute(service, { version, log, redact }));
      await closed.register(metricsRoute(service));
    });
    await programs.register(async (guarded) => {
      guarded.addHook("onRequest", guardAccess(sessions, byToken));
      guarded.addHook("onRoute", (route) => secure(route, ["bearer", "session"]));
      await guarded.register(taskRoutes(service));
      await guarded.register(evidenceRoutes(service));
      await guarded.register(changesRoutes(service));
      await guarded.register(overviewRoutes(service));
      await guarded.register(commandRoutes(service));
      await guarded.register(steerRoutes(service));
      await guarded.register(reviewRoutes(service));
      await guarded.register(eventRoutes(service, limits, streams, log));
      await guarded.register(streamRoutes(service, limits, streams, log));
      await guarded.register(triggerTestRoute(service));
      await guarded.register(scheduleRoutes(service));
      await guarded.register(agentRoutes(service));
      await guarded.register(freezeRoutes(service));
      await guarded.register(attentionRoutes(service));
      await guarded.register(warmRoutes(service));
      await guarded.register(deviceRoutes(service, { publicUrl, streams }));
      await guarded.register(notifyRoutes(service));
      await guarded.register(pushRoutes(service));
    });
  });
}

/** Without a token, which only a loopback address allows, everybody passes. */
async function requireToken(
  app: FastifyInstance,
  token: string | null,
): Promise<onRequestHookHandler> {
  return token === null ? (_request, _reply, done) => done() : guardToken(app, token);
}

/** Writes into the document by which of these a route is used. */
function secure(route: RouteOptions, ways: ("bearer" | "session")[]): void {
  route.schema = { security: ways.map((way) => ({ [way]: [] })), ...route.schema };
}

function createApp(limits: HttpLimits): FastifyInstance {
  return Fastify({
    bodyLimit: 1024 * 1024,
    requestTimeout: limits.requestTimeoutMs,
    http: {
      headersTimeout: limits.headersTimeoutMs,
      connectionsCheckingInterval: limits.checkIntervalMs,
    },
    forceCloseConnections: true,
    genReqId: () => randomUUID(),
    clientErrorHandler: answerClientError,
    frameworkErrors: (error, _request, reply) => {
      sendProblem(reply, toProblem(error) ?? makeProblem(500, "internal", "Something went wrong."));
    },
  });
}

function explainListenError(
  error: NodeJS.ErrnoException,
  { host, port }: HttpServerOptions,
): unknown {
  switch (error.code) {
    case "EADDRINUSE":
      return new DeputyError(
        "conflict",
        `Port ${port} on ${host} is taken by another program; choose another port.`,
        { field: "port" },
      );
    case "EACCES":
      return new DeputyError(
        "invalid_input",
        `This user may not listen on port ${port}; choose one above 1023.`,
        { field: "port" },
      );
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new DeputyError("invalid_input", `This machine has no address ${host} to listen on.`, {
        field: "host",
      });
  }
  return error;
}

/** The URL for clients on this machine; a wildcard address is no destination. */
function readUrl(app: FastifyInstance, host: string): string {
  const address = app.addresses()[0];
  const port = typeof address === "object" ? address.port : "";
  const name = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}

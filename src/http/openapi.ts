import helmet from "@fastify/helmet";
import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance, FastifySchema, FastifySchemaCompiler } from "fastify";
import {
  createJsonSchemaTransform,
  createJsonSchemaTransformObject,
} from "fastify-type-provider-zod";
import type { z } from "zod";
import { problemWire } from "../api/daemon.ts";
import { schemaRegistry } from "../api/registry.ts";
import { DeputyError } from "../core/base/error.ts";
import { findUnstorable } from "../core/text/storable.ts";
import { toInputError } from "./explain-issue.ts";

/**
 * One zod schema per object serves as validation, type and documentation. Responses are
 * type-checked against their schema by the compiler and not validated at run time; headers are in
 * the schema for documentation only, because each is read by the one handler that uses it.
 */
export const compileValidator: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  const part = httpPart === "querystring" ? "query" : (httpPart ?? "input");
  if (part === "headers") return (data) => ({ value: data });
  return (data) => {
    const result = schema.safeParse(data);
    if (!result.success) return { error: toInputError(result.error, part) };
    // %00 in an address; a body is looked at when it is parsed.
    const odd = part === "body" ? null : findUnstorable(result.data);
    if (odd === null) return { value: result.data };
    const field = odd.join(".");
    const sentence = `"${field}" holds a NUL, which cannot be stored.`;
    return { error: new DeputyError("invalid_input", sentence, { field }) };
  };
};

/** The document at /openapi.json and its page at /docs. Register before the routes. */
export async function installOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Deputy",
        version,
        description:
          "Hand off a task, walk away, come back to a verified branch. Errors are RFC 9457 problem details.",
        license: { name: "MIT", identifier: "MIT" },
      },
      servers: [{ url: "/", description: "The daemon that serves this document." }],
      tags: [
        { name: "tasks", description: "Delegate work and follow it." },
        { name: "commands", description: "A person's commands to a task." },
        { name: "triggers", description: "Outside events that become tasks." },
        { name: "daemon", description: "The daemon itself." },
      ],
      components: {
        securitySchemes: {
          bearer: {
            type: "http",
            scheme: "bearer",
            description: "The token in the file `token` of the daemon's home.",
          },
          session: {
            type: "apiKey",
            in: "cookie",
            name: "__Host-deputy",
            description:
              "The session of a paired device (`deputy` by plain http on the daemon's machine). What changes something needs the header `x-deputy: 1` and comes from the daemon's own page.",
          },
        },
      },
    },
    transform: ({ schema, ...route }) => toSchema({ schema: withRefusals(schema), ...route }),
    transformObject: (document) => tidyComponents(toDocument(document)),
  });
  await app.register(async (docs) => {
    await docs.register(helmet, {
      hsts: false, // the daemon speaks plain HTTP; a TLS proxy adds HSTS
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'self'"],
          // swagger-ui writes style attributes and data: images
          styleSrc: ["'self'", "'unsafe-inline'"],
          imgSrc: ["'self'", "data:"],
          objectSrc: ["'none'"],
          baseUri: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
    });
    await docs.register(swaggerUi, { routePrefix: "/docs" });
    docs.get("/openapi.json", { schema: { hide: true } }, () => app.swagger());
  });
}

const toSchema = createJsonSchemaTransform({ schemaRegistry });

/** What the guards in front of every route, and of those that require the token, answer. */
function withRefusals(schema: FastifySchema): FastifySchema {
  if (schema.hide) return schema;
  const refusals = schema.security?.length ? problems(403, 429) : problems(403);
  return { ...schema, response: { ...(schema.response ?? {}), ...refusals } };
}

const toDocument = createJsonSchemaTransformObject({ schemaRegistry });

/**
 * The transform writes each schema twice, as response (`Task`) and as input (`TaskInput`). Keeps
 * those that are referenced, and gives inputs their plain name.
 */
function tidyComponents(document: ReturnType<typeof toDocument>): ReturnType<typeof toDocument> {
  if (!("components" in document) || !document.components?.schemas) return document;
  const { schemas, ...components } = document.components;
  const used = new Set<string>();
  const visit = (text: string) => {
    for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      if (used.has(name)) continue;
      used.add(name);
      visit(JSON.stringify(schemas[name] ?? {}));
    }
  };
  visit(JSON.stringify("paths" in document ? document.paths : {}));
  const renamed = (name: string) => {
    const plain = name.replace(/Input$/, "");
    return used.has(plain) ? name : plain;
  };
  const kept = Object.fromEntries([...used].map((name) => [renamed(name), schemas[name]]));
  const text = JSON.stringify({ ...document, components: { ...components, schemas: kept } });
  return JSON.parse(
    text.replace(
      /"#\/components\/schemas\/([^"]+)"/g,
      (_, name: string) => `"#/components/schemas/${renamed(name)}"`,
    ),
  );
}

/** A JSON `response` entry. */
export function json<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { "application/json": { schema } } };
}

/** The `response` entries of a route's errors. */
export function problems<Status extends number>(
  ...statuses: Status[]
): Record<
  Status,
  {
    description: string;
    content: { "application/problem+json": { schema: typeof problemWire } };
  }
> {
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      {
        description: problemDescriptions[status] ?? "Refused.",
        content: { "application/problem+json": { schema: problemWire } },
      },
    ]),
  ) as ReturnType<typeof problems<Status>>;
}

const problemDescriptions: Record<number, string> = {
  400: "The input is not valid; `field` and `line` say where.",
  401: "The token is missing or wrong, or the browser is not signed in.",
  403: "The request is for a host that is not the daemon's, or of another web site's page, or of a device that may only look.",
  404: "There is no such task.",
  406: "The response is not available in the format that Accept asks for.",
  409: "The current state does not allow it.",
  413: "The body is too large.",
  415: "The body is not JSON.",
  429: "Too many wrong tokens came from this address.",
  503: "The daemon cannot do it now.",
  507: "A volume of the daemon is full; nothing was changed.",
};

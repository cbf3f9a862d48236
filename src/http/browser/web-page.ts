import { hash } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import helmet from "@fastify/helmet";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyPluginAsync } from "fastify";
import { makeProblem, sendProblem } from "../problem.ts";
import { pagePaths } from "./page-paths.ts";

/**
 * The page, as `npm run build` made it: files of one folder, some of them compressed beforehand, for
 * everybody, because they hold nothing; what they show comes from the API, for who is signed in. The
 * one document is never kept by a browser, so that an open page and its daemon are of one version; what
 * it names has its content in its name and is kept for ever.
 */
export type WebPage = {
  /** Null: it is not there. */
  folder: string | null;
  /** Changes with everything in it; null: it is not there. */
  build(): Promise<string | null>;
};

export function findPage(folder: string | null): WebPage {
  const index = folder === null ? null : join(folder, "index.html");
  if (folder === null || index === null || !existsSync(index))
    return { folder: null, build: async () => null };
  return {
    folder,
    build: async () => hash("sha256", await readFile(index), "hex").slice(0, 12),
  };
}

export const noPage =
  "The page is not built here: npm run build in Deputy's checkout makes it; the API and the command line work without.";

/** The worker, the manifest and the icons, beside the document. */
const beside = "/:file(^[\\w-]+\\.(?:js|webmanifest|svg|png|ico)$)";

/** All but `/` itself, which is also for programs. */
export function pageRoutes({ folder }: WebPage): FastifyPluginAsync {
  return async (app) => {
    const schema = { hide: true };
    if (folder === null) {
      for (const path of pagePaths)
        app.get(path, { schema }, (_request, reply) =>
          sendProblem(reply, makeProblem(404, "not_found", noPage)),
        );
      return;
    }
    await installPage(app, folder);
    for (const path of pagePaths)
      app.get(path, { schema }, (_request, reply) => reply.sendFile("index.html"));
    app.get("/assets/*", { schema }, (request, reply) => {
      reply.header("cache-control", "public, max-age=31536000, immutable");
      return reply.sendFile(`assets/${(request.params as { "*": string })["*"]}`);
    });
    app.get(beside, { schema }, (request, reply) => {
      reply.header("cache-control", "no-cache");
      return reply.sendFile((request.params as { file: string }).file);
    });
  };
}

/** The headers of the page, and `reply.sendFile`, for the routes of this scope. */
export async function installPage(app: FastifyInstance, folder: string): Promise<void> {
  await app.register(helmet, {
    hsts: false, // a TLS proxy adds it
    referrerPolicy: { policy: "no-referrer" },
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        ...{ defaultSrc: ["'self'"], scriptSrc: ["'self'"], styleSrc: ["'self'"] },
        ...{ imgSrc: ["'self'", "data:"], connectSrc: ["'self'"], objectSrc: ["'none'"] },
        ...{ frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'self'"] },
      },
    },
  });
  await app.register(fastifyStatic, {
    ...{ root: folder, serve: false, preCompressed: true, dotfiles: "deny" },
    cacheControl: false, // each route says it
  });
}

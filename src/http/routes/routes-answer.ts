import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { DeputyError, errorStatus } from "../../core/base/error.ts";
import type { Redact } from "../../core/text/redact.ts";
import { findUnstorable } from "../../core/text/storable.ts";
import { readSession, requireSafePlace, writeSession } from "../browser/session-cookie.ts";
import {
  maxWords,
  renderAnswerPage,
  renderNotice,
  renderPairing,
  styleHash,
} from "../pages/answer-page.ts";
import type { AnswerService, SessionService } from "../service.ts";

/**
 * The pages behind pushes, `/q/<token>`. To look changes nothing, whoever looks: link previews do,
 * too. A form answers. The token is the right to do what has a low risk; the rest takes the session of
 * a paired device, the same as that of the page.
 */
export type AnswerOptions = {
  answers: AnswerService;
  service: Pick<SessionService, "signIn">;
  publicUrl: string | null;
  redact: Redact;
};

const pressForm = z.object({
  option: z.coerce.number().int().min(0).max(9),
  words: z
    .string()
    .max(maxWords, { error: `must have at most ${maxWords} characters` })
    .optional(),
  shown: z.string().max(64).optional(),
});
const pairForm = z.object({ code: z.string().max(64) });
const wrongTokensPerMinute = 20;

export function answerRoutes(options: AnswerOptions): FastifyPluginAsync {
  const { answers, publicUrl, redact, service } = options;
  return async (app) => {
    await app.register(helmet, {
      hsts: false, // a TLS proxy adds it
      referrerPolicy: { policy: "no-referrer" },
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          styleSrc: [styleHash],
          formAction: ["'self'"],
          baseUri: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
    });
    await app.register(rateLimit, { global: false });
    const countWrong = app.createRateLimit({ max: wrongTokensPerMinute, timeWindow: 60_000 });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      "application/x-www-form-urlencoded",
      { parseAs: "string", bodyLimit: 64 * 1024 },
      (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body)))),
    );

    /** Shows what `work` returns, or the error as a page. */
    const show = async (
      request: FastifyRequest,
      reply: FastifyReply,
      work: () => Promise<string>,
    ): Promise<FastifyReply> => {
      reply.type("text/html; charset=utf-8");
      try {
        return reply.send(await work());
      } catch (error) {
        if (!(error instanceof DeputyError)) throw error;
        if (error.code === "not_found") {
          const limit = await countWrong(request);
          if (!limit.isAllowed && limit.isExceeded)
            return reply
              .code(429)
              .header("retry-after", limit.ttlInSeconds)
              .send(renderNotice("Too many wrong links", "Wait a minute, then try again."));
        }
        const { code, message } = error;
        return reply
          .code(errorStatus[code])
          .send(renderNotice(titles[code] ?? "Not done", redact(message)));
      }
    };
    const tokenOf = ({ params }: FastifyRequest) => (params as { token: string }).token;
    const schema = { hide: true };

    app.get("/q/:token", { schema }, (request, reply) =>
      show(request, reply, async () => {
        const token = tokenOf(request);
        return renderAnswerPage(`/q/${token}`, await answers.page(token), null);
      }),
    );

    app.post("/q/:token", { schema }, (request, reply) =>
      show(request, reply, async () => {
        const token = tokenOf(request);
        const { option, shown = null, words = null } = readForm(pressForm, request.body);
        const session = readSession(request.headers)?.session ?? null;
        try {
          return renderNotice(
            "Done",
            await answers.answer(token, { option, words, session, shown }),
          );
        } catch (error) {
          if (!(error instanceof DeputyError)) throw error;
          if (error.code === "unauthorized") {
            reply.code(403);
            return renderPairing(`/q/${token}`, null);
          }
          if (error.code !== "invalid_input") throw error;
          reply.code(400);
          return renderAnswerPage(`/q/${token}`, await answers.page(token), redact(error.message));
        }
      }),
    );

    app.post("/q/:token/pair", { schema }, (request, reply) =>
      show(request, reply, async () => {
        const token = tokenOf(request);
        await answers.page(token); // only who was pushed may try codes
        const { code } = readForm(pairForm, request.body);
        try {
          const { headers } = request;
          const isSecure = requireSafePlace(headers, publicUrl);
          const earlier = readSession(headers)?.session ?? null;
          const name = nameOf(headers["user-agent"] ?? "");
          const { session } = await service.signIn(code, name, earlier);
          reply.code(303).header("set-cookie", writeSession(session, isSecure));
          reply.header("location", `/q/${token}`);
          return "";
        } catch (error) {
          if (!(error instanceof DeputyError)) throw error;
          reply.code(403);
          return renderPairing(`/q/${token}`, error.message);
        }
      }),
    );
  };
}

const titles: Partial<Record<keyof typeof errorStatus, string>> = {
  not_found: "No such page",
  gone: "Nothing to answer",
  conflict: "Nothing was changed",
  forbidden: "Nothing was changed",
};

function readForm<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body ?? {});
  if (parsed.success && findUnstorable(parsed.data) === null) return parsed.data;
  const issue = parsed.error?.issues[0];
  const what = issue
    ? `"${issue.path.join(".")}" ${issue.message}`
    : "it holds what cannot be stored";
  throw new DeputyError("invalid_input", `The form is not valid: ${what}; go back and try again.`);
}

/** What `deputy devices ls` calls it: the kind of device, no more. */
function nameOf(agent: string): string {
  const kind = ["iPhone", "iPad", "Android", "Macintosh", "Windows", "Linux"];
  return kind.find((name) => agent.includes(name)) ?? "another device";
}

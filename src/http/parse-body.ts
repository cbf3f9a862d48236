import { isUtf8 } from "node:buffer";
import type { FastifyInstance } from "fastify";
import { DeputyError } from "../core/base/error.ts";
import { formatPath } from "../core/base/explain-issue.ts";
import { findUnstorable } from "../core/text/storable.ts";

/**
 * Strict JSON bodies: broken UTF-8 is refused instead of replaced, and so are characters that
 * Postgres cannot store (NUL, lone surrogates), because a task whose text silently differs from
 * what was sent is worse than none.
 */
export function installJsonParser(app: FastifyInstance): void {
  const parseJson = app.getDefaultJsonParser("error", "error");
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    const bytes = body as Buffer;
    if (bytes.length === 0) return done(null, undefined);
    if (!isUtf8(bytes)) {
      return done(new DeputyError("invalid_input", "The body is not valid UTF-8."), undefined);
    }
    const text = bytes.toString("utf8");
    // Uses fastify's own parser, which refuses __proto__ and constructor.prototype. It calls back
    // synchronously; the promise in its type is for parsers that do not.
    void parseJson(request, text, (error, value) => {
      if (error) return done(explainJsonError(text), undefined);
      const path = text.includes("\\u") ? findUnstorable(value) : null;
      if (path === null) return done(null, value);
      const stray = formatPath(path);
      done(
        new DeputyError(
          "invalid_input",
          `${stray === "" ? "The body" : `"${stray}"`} holds a NUL or half of a surrogate pair, which cannot be stored.`,
          stray === "" ? {} : { field: stray },
        ),
        undefined,
      );
    });
  });
}

/** JSON.parse locates an error by offset or snippet; people count lines. */
function explainJsonError(text: string): DeputyError {
  const refuse = (reason: string, where: { line?: number } = {}) =>
    new DeputyError("invalid_input", `The body is not valid JSON: ${reason}.`, where);
  try {
    JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const offset = Number(/at position (\d+)/.exec(message)?.[1] ?? Number.NaN);
    if (offset >= text.length || message.includes("end of JSON")) {
      return refuse("it ends too early");
    }
    if (Number.isNaN(offset)) {
      const snippet = message.replace(/ is not valid JSON$/, "").replace(/\s+/g, " ");
      return refuse(snippet.charAt(0).toLowerCase() + snippet.slice(1));
    }
    const before = text.slice(0, offset);
    const line = before.split("\n").length;
    const column = offset - before.lastIndexOf("\n");
    return refuse(`something is wrong at line ${line}, column ${column}`, { line });
  }
  return refuse("it names __proto__ or a constructor's prototype");
}

import { DeputyError } from "../../core/base/error.ts";

/**
 * GitHub's response as one sentence that says what to do about it. `app`: the login of the App that
 * asked; null: a person's token did.
 */
export function explainGithubError(
  error: unknown,
  doing: string,
  { apiUrl, app }: { apiUrl: string; app: string | null },
): DeputyError {
  if (error instanceof DeputyError) return error;
  const { status, response, message } = error as {
    status?: number;
    message?: string;
    response?: { data?: unknown; headers?: Record<string, string | undefined> };
  };
  const said = sayingOf(response?.data) ?? message ?? String(error);
  switch (response === undefined ? undefined : status) {
    case undefined:
      return new DeputyError(
        "unavailable",
        `Could not ${doing}: GitHub was not reached at ${apiUrl} (${causeOf(error)}).`,
      );
    case 401:
      if (app !== null) return explainAppRefusal(doing, app, said);
      return new DeputyError(
        "forbidden",
        `Could not ${doing}: GitHub does not accept the token (401); set a valid GITHUB_TOKEN.`,
      );
    case 403:
    case 429: {
      const headers = response?.headers ?? {};
      if (headers["x-ratelimit-remaining"] === "0" || /rate limit/i.test(said)) {
        const retryAt = findRetryAt(headers);
        const until = retryAt ? ` until ${retryAt.toISOString()}` : "";
        return new DeputyError(
          "unavailable",
          `Could not ${doing}: GitHub's rate limit is used up${until}.`,
          { retryAt },
        );
      }
      return new DeputyError(
        "forbidden",
        `Could not ${doing}: ${app ?? "the token"} may not do that (${status}): ${said}; ${app === null ? "give it write access to contents, issues and pull requests" : "deputy github status says which rights it lacks"}.`,
      );
    }
    case 404:
      return new DeputyError(
        "not_found",
        `Could not ${doing}: GitHub shows nothing by that name to ${app ?? "this token"} (404); check the name and ${app === null ? "the token's access" : "where it is installed"}.`,
      );
    case 422:
      return new DeputyError("unprocessable", `Could not ${doing}: GitHub refused it: ${said}.`);
    default:
      return new DeputyError(
        "unavailable",
        `Could not ${doing}: GitHub answered ${status}: ${said.slice(0, 200)}.`,
      );
  }
}

/** GitHub does not believe that it is the App, or took back a token that it had given. */
function explainAppRefusal(doing: string, app: string, said: string): DeputyError {
  if (/\b(exp|iat|expiration time|issued at|assertion)\b/i.test(said))
    return new DeputyError(
      "unavailable",
      `Could not ${doing}: the clock of this machine (${new Date().toISOString()}) and GitHub's differ too much (401: ${said}); set it right.`,
    );
  if (/json web token|integration/i.test(said))
    return new DeputyError(
      "forbidden",
      `Could not ${doing}: GitHub does not know ${app} by its key (401: ${said}); it was deleted, or got another key: deputy github disconnect, and connect again.`,
    );
  // One that was made a moment ago is not known to all of GitHub's servers yet.
  return new DeputyError(
    "unavailable",
    `Could not ${doing}: GitHub does not take the token that it gave to ${app} (401: ${said}).`,
  );
}

/**
 * When a limit ends: the hour's by its reset, that on many requests at once by its pause, which is a
 * minute where GitHub names none.
 */
function findRetryAt(headers: Record<string, string | undefined>): Date | null {
  const reset = Number(headers["x-ratelimit-reset"]);
  if (headers["x-ratelimit-remaining"] === "0" && reset > 0) return new Date(reset * 1_000);
  const pauseS = Number(headers["retry-after"] ?? 60);
  return pauseS >= 0 ? new Date(Date.now() + pauseS * 1_000) : null;
}

/** The first error that GitHub details, or its message. */
function sayingOf(data: unknown): string | null {
  const { message, errors } = (typeof data === "object" && data !== null ? data : {}) as {
    message?: unknown;
    errors?: unknown;
  };
  const first: unknown = Array.isArray(errors) ? errors[0] : null;
  const detail =
    typeof first === "string" ? first : (first as { message?: unknown } | null)?.message;
  const text = typeof detail === "string" ? detail : message;
  return typeof text === "string" ? text.slice(0, 300).replace(/\.$/, "") : null;
}

/** The client's error wraps fetch's, which wraps the socket's: the innermost has the reason. */
function causeOf(error: unknown): string {
  let cause = error;
  for (let depth = 0; depth < 5 && cause instanceof Error && cause.cause; depth++) {
    cause = cause.cause;
  }
  const { code, message } = cause as { code?: unknown; message?: string };
  return typeof code === "string" ? code : (message ?? String(cause));
}

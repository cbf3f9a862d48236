import type { z } from "zod";
import { DeputyError } from "../../core/base/error.ts";
import type { Redact } from "../../core/text/redact.ts";
import { readEnd } from "../github/checks/read-checks.ts";

/**
 * JSON over HTTP for a forge's API, by hand: the clients that there are for these forges repeat a
 * request that writes by themselves, which makes a second comment, and leave every field of an answer
 * optional, so that each has to be checked again anyway. Redirects are not followed, because the token
 * belongs to this address alone.
 */
export type ForgeClient = <T>(
  /** For messages: "open a pull request in acme/app". */
  doing: string,
  request: {
    method?: "GET" | "POST" | "PATCH" | "PUT";
    path: string;
    body?: object;
    /** The answer is a log, of which the end is read. */
    isLog?: boolean;
  },
  schema: z.ZodType<T>,
) => Promise<T>;

const timeoutMs = 30_000;

/** Its errors are DeputyErrors of one sentence; `variable` is where the token came from. */
export function makeForgeClient(options: {
  name: string;
  apiUrl: string;
  headers: Record<string, string>;
  variable: string;
  /** A server may repeat in its words what it was sent. */
  redact: Redact;
}): ForgeClient {
  const { apiUrl, headers, name, redact, variable } = options;
  return async (doing, { body, isLog = false, method = "GET", path }, schema) => {
    const fail = (code: ConstructorParameters<typeof DeputyError>[0], why: string) =>
      new DeputyError(code, redact(`Could not ${doing}: ${why}.`));
    let response: Response;
    let answer: unknown;
    try {
      response = await fetch(`${apiUrl}${path}`, {
        ...{ method, redirect: "manual", signal: AbortSignal.timeout(timeoutMs) },
        headers: { "content-type": "application/json", "user-agent": "deputy", ...headers },
        ...(body && { body: JSON.stringify(body) }),
      });
      answer =
        isLog && response.ok && response.body
          ? await readEnd(response.body)
          : await response.json().catch(() => null); // a proxy's page is no JSON
    } catch (error) {
      throw fail("unavailable", `${name} was not reached at ${apiUrl} (${causeOf(error)})`);
    }
    const { ok, status } = response;
    if (ok) {
      const read = schema.safeParse(answer);
      if (read.success) return read.data;
      const [issue] = read.error.issues;
      throw fail(
        "unavailable",
        `${name} answered something else than expected at ${path} (${issue?.path.join(".") || "the whole"}: ${issue?.message})`,
      );
    }
    const said = sayingOf(answer);
    if (status === 401)
      throw fail(
        "unauthorized",
        `${name} does not accept the token (401); set a valid ${variable}`,
      );
    if (status === 403)
      throw fail(
        "forbidden",
        `the token may not do that (403)${said}; give it write access to repositories, issues and pull requests`,
      );
    if (status === 404)
      throw fail(
        "not_found",
        `${name} shows nothing by that name to this token (404); check the name and the token's access`,
      );
    if (status >= 500 || status === 429 || status === 408)
      throw fail("unavailable", `${name} answered ${status}${said}`);
    throw fail("unprocessable", `${name} refused it (${status})${said}`);
  };
}

function sayingOf(answer: unknown): string {
  const { message, error } = (answer ?? {}) as { message?: unknown; error?: unknown };
  const said = message ?? error;
  if (said === undefined || said === null) return "";
  const text = typeof said === "string" ? said : JSON.stringify(said);
  return `: ${text.replace(/\s+/g, " ").slice(0, 300).replace(/\.$/, "")}`;
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const { code, message } = cause as { code?: unknown; message?: string };
  return typeof code === "string" ? code : (message ?? String(cause));
}

import { readText } from "../core/base/read-until.ts";

/**
 * One request to an external server, and its result. Never throws because of the server. Redirects are
 * not followed: the owner chooses the address, not the server.
 */
export type PostResult =
  | {
      kind: "taken";
      /** What a channel that can change it calls what it took. */
      message?: string | null;
    }
  /** There is nobody to send it to any more. */
  | { kind: "nobody"; why: string }
  | {
      kind: "refused";
      /** `unlikely`: a deliberate refusal (a 4xx, a redirect), to be retried rarely. */
      hope: "likely" | "unlikely";
      error: string;
      retryAfterMs: number | null;
      /** The HTTP status, where there was an answer. */
      status?: number;
    }
  /** Stopped before there was a response. */
  | { kind: "aborted" };

export async function post(
  url: string,
  request: { headers: Record<string, string>; body?: string | Uint8Array<ArrayBuffer> },
  options: {
    timeoutMs: number;
    signal: AbortSignal;
    method?: "POST" | "DELETE";
    /** Finds the name of what was taken in the answer. */
    readMessage?: (answer: unknown) => string | null;
  },
): Promise<PostResult> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const signal = AbortSignal.any([options.signal, timeout]);
  try {
    const response = await fetch(url, {
      method: options.method ?? "POST",
      headers: { "content-type": "application/json", "user-agent": "deputy", ...request.headers },
      ...(request.body === undefined ? {} : { body: request.body }),
      redirect: "manual",
      signal,
    });
    if (response.ok) {
      if (options.readMessage)
        return { kind: "taken", message: options.readMessage(await readJson(response, signal)) };
      await response.body?.cancel();
      return { kind: "taken" };
    }
    const { status } = response;
    const said = await readStart(response, signal);
    const mayPass = status >= 500 || status === 408 || status === 429;
    return {
      kind: "refused",
      status,
      hope: mayPass ? "likely" : "unlikely",
      error: `answered ${status}${status >= 300 && status < 400 ? " (redirects are not followed)" : ""}${said ? `: ${said}` : ""}`,
      retryAfterMs:
        readRetryAfter(response.headers.get("retry-after")) ?? findRetryAfter(status, said),
    };
  } catch (error) {
    if (options.signal.aborted) return { kind: "aborted" };
    const what = timeout.aborted
      ? `no answer within ${options.timeoutMs / 1000} s`
      : causeOf(error);
    return { kind: "refused", hope: "likely", error: what, retryAfterMs: null };
  }
}

/** Null for an answer that is none. */
async function readJson(response: Response, signal: AbortSignal): Promise<unknown> {
  try {
    return JSON.parse(await readText(response, maxAnswer, signal));
  } catch {
    return null; // the server took it; only what it calls it is not known
  }
}

const maxAnswer = 256 * 1024;

async function readStart(response: Response, signal: AbortSignal): Promise<string> {
  const text = await readText(response, 200, signal).catch(() => ""); // it broke off; the status is what counts
  return text
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim()
    .slice(0, 200);
}

function readRetryAfter(header: string | null): number | null {
  if (header === null) return null;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) && ms > 0 ? ms : null;
}

/** Telegram and Discord say it in the body, in seconds. */
function findRetryAfter(status: number, said: string): number | null {
  const [, seconds] = (status === 429 && /"retry_after":\s*([\d.]{1,12})/.exec(said)) || [];
  return seconds === undefined ? null : readRetryAfter(String(Math.ceil(Number(seconds))));
}

/** fetch only says "fetch failed"; the reason is in its cause. */
export function causeOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = (cause as NodeJS.ErrnoException).code;
  const message = cause instanceof Error ? cause.message : String(cause);
  return code && !message.includes(code) ? `${code} ${message}`.trim() : message;
}

/**
 * The page as a client of the daemon's API: same origin, signed in by a cookie. A refusal is an
 * `ApiError` whose message is the daemon's sentence, which the page shows as it is.
 */
export class ApiError extends Error {
  /** 0: the daemon did not answer. */
  readonly status: number;
  /** The problem object (RFC 9457), for fields beside the sentence. */
  readonly problem: Record<string, unknown>;

  constructor(status: number, message: string, problem: Record<string, unknown> = {}) {
    super(message);
    this.status = status;
    this.problem = problem;
  }
}

/** Reads JSON. Rejects with an ApiError, or with an AbortError when `signal` ends it. */
export async function read<Body>(path: string, signal?: AbortSignal): Promise<Body> {
  return call("GET", path, { signal });
}

/** Sends JSON, and reads the answer. The header tells the daemon that a script of its own page asks. */
export async function send<Body>(
  method: "POST" | "PATCH" | "DELETE",
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Body> {
  return call(method, path, { body, headers: { "x-deputy": "1", ...headers } });
}

async function call<Body>(
  method: string,
  path: string,
  {
    body,
    headers = {},
    signal,
  }: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal | undefined },
): Promise<Body> {
  const response = await fetch(path, {
    method,
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    credentials: "same-origin",
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  }).catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "Deputy does not answer. It may be stopped, or this device is offline.");
  });
  if (!response.ok) throw await toError(response);
  if (response.status === 204) return null as Body;
  return (await response.json().catch((error: unknown) => {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, "What answered is not Deputy, or it broke off: the answer is no JSON.");
  })) as Body;
}

async function toError(response: Response): Promise<ApiError> {
  const problem: unknown = await response.json().catch(() => null); // a proxy may answer in HTML
  const fields = typeof problem === "object" && problem !== null ? problem : {};
  const { detail, title } = fields as { detail?: string; title?: string };
  const words = detail ?? title ?? `Deputy answered ${response.status}.`;
  return new ApiError(response.status, words, fields as Record<string, unknown>);
}

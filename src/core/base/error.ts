/**
 * A request or input that cannot be served: one clear sentence that says what, where and what to
 * do. The HTTP server turns it into problem+json with this status, the CLI into an exit code.
 * Anything else that is thrown is a bug or lost infrastructure.
 */
export class DeputyError extends Error {
  readonly code: ErrorCode;
  /** The input field as a path in wire names (`plan.subtasks[2].depends_on`), if there is one. */
  readonly field: string | null;
  /** The line of the file, counted from 1, if there is one. */
  readonly line: number | null;
  /** When to try again, where a server said so: a limit that ends then. */
  readonly retryAt: Date | null;

  constructor(
    code: ErrorCode,
    message: string,
    where: { field?: string; line?: number; retryAt?: Date | null } = {},
  ) {
    super(message);
    this.name = "DeputyError";
    this.code = code;
    this.field = where.field ?? null;
    this.line = where.line ?? null;
    this.retryAt = where.retryAt ?? null;
  }
}

export type ErrorCode = keyof typeof errorStatus;

/** The HTTP status of each code. */
export const errorStatus = {
  invalid_input: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  not_acceptable: 406,
  conflict: 409,
  gone: 410,
  too_large: 413,
  unprocessable: 422,
  unavailable: 503,
  insufficient_storage: 507,
} as const;

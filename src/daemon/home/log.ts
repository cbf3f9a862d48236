import pino from "pino";
import { makeRedact } from "../../core/text/redact.ts";
import { openLogDestination } from "./log-destination.ts";

/**
 * One log for the process: JSON lines on stderr, verb + outcome + ids, secrets redacted by name and
 * by value. Logging never throws, blocks or ends the process, whatever happens to stderr.
 */
export type Log = pino.Logger;

export function openLog(level: string, secrets: readonly string[] = []): Log {
  const redact = makeRedact(secrets);
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: [
          "token",
          "secret",
          "password",
          "authorization",
          "*.token",
          "*.secret",
          "*.password",
          "*.authorization",
          "*.apiKey",
        ],
        censor: "[redacted]",
      },
      hooks: { streamWrite: redact },
      serializers: { err: describeError },
    },
    openLogDestination(2),
  );
}

/** Resolves when the log is written, or after a second; for the end of the process. */
export function flushLog(log: Log): Promise<void> {
  return new Promise((resolve) => log.flush(() => resolve()));
}

/** Only an error's own fields: drivers attach whole connections to theirs, keys included. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const { code } = error as { code?: unknown };
  const cause = error.cause === undefined ? {} : { cause: describeError(error.cause) };
  return { type: name, message, ...(code === undefined ? {} : { code }), stack, ...cause };
}

const repeatMs = 30_000;

/**
 * Returns a listener for errors that repeat while something is unavailable: each message is logged
 * when it is new, and then at most twice a minute, with the number of repeats.
 */
export function logErrors(log: Log, what: string): (error: Error) => void {
  const seen = new Map<string, { until: number; count: number }>();
  return (error) => {
    const now = Date.now();
    const known = seen.get(error.message);
    if (known && now < known.until) {
      known.count++;
      return;
    }
    if (seen.size > 100) seen.clear();
    seen.set(error.message, { until: now + repeatMs, count: 0 });
    const times = known?.count ? { times: known.count + 1 } : {};
    log.error({ err: error, ...times }, what);
  };
}

import pino from "pino";

/** One log for the process: JSON lines on stderr, verb + outcome + ids, secrets redacted by name. */
export type Log = pino.Logger;

export function openLog(level: string): Log {
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
      serializers: { err: pino.stdSerializers.err },
    },
    pino.destination({ dest: 2, sync: false }),
  );
}

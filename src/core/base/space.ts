/**
 * Recognises errors that mean a file cannot be written for want of space, not because of a fault in
 * the work or the program: a full volume, no inodes left, a quota, a volume remounted read-only, a
 * file size limit. They come as system codes, PostgreSQL codes, and messages of git, initdb or a
 * server's log.
 */
export const spaceCodes = ["ENOSPC", "EDQUOT", "EROFS", "EFBIG"] as const;
export type SpaceCode = (typeof spaceCodes)[number];

export type SpaceProblem = {
  code: SpaceCode;
  /** The path, if the error names it; else null. */
  path: string | null;
  /** Reported by PostgreSQL: the volume of the database's data. */
  ofDatabase: boolean;
};

const inWords: Record<SpaceCode, RegExp> = {
  ENOSPC: /No space left on device|Out of diskspace|\bENOSPC\b/,
  EDQUOT: /Disk quota exceeded|\bEDQUOT\b/,
  EROFS: /Read-only file system|\bEROFS\b/,
  // A program that writes past its limit is ended by SIGXFSZ, which a shell reports as 128 + 25. A
  // forge that refuses a large file ("remote: …") is excluded.
  EFBIG: /^(?!remote:).*: File too large$|\bEFBIG\b|\bSIGXFSZ\b|\bexit code 153\b/m,
};

/** The space problem that an error, its causes or its text report; else null. */
export function findSpaceProblem(error: unknown): SpaceProblem | null {
  for (const one of unfold(error)) {
    const { code, path, severity } = one as { code?: unknown; path?: unknown; severity?: unknown };
    const message = textOf(one);
    const ofDatabase = severity !== undefined || /PostgreSQL/.test(message);
    const named = spaceCodes.find((known) => known === code);
    const found =
      named ??
      (code === "53100" ? "ENOSPC" : spaceCodes.find((known) => inWords[known].test(message)));
    if (found === undefined) continue;
    return {
      code: found,
      path: typeof path === "string" ? path : findPath(message, ofDatabase),
      ofDatabase,
    };
  }
  return null;
}

/** A program's output takes precedence over its command line, which names other paths. */
function textOf(error: unknown): string {
  if (typeof error === "string") return error;
  const { message, stderr } = error as { message?: unknown; stderr?: unknown };
  return String(stderr || message || "");
}

/** A server names its files by numbers relative to its data directory, which are no paths. */
function findPath(message: string, ofDatabase: boolean): string | null {
  if (ofDatabase) return /PostgreSQL in (\/\S+)/.exec(message)?.[1] ?? null;
  return /(?<![\w.])\/[^\s'":]+/.exec(message)?.[0] ?? null;
}

/** An error with its causes and aggregated errors, bounded because they may be cyclic. */
function unfold(error: unknown): unknown[] {
  const found: unknown[] = [error];
  for (let at = 0; at < found.length && at < 20; at++) {
    const { cause, errors } = (found[at] ?? {}) as { cause?: unknown; errors?: unknown };
    if (cause) found.push(cause);
    if (Array.isArray(errors)) found.push(...errors);
  }
  return found.filter((one) => one !== null && one !== undefined);
}

/** A space error whose text does not name the path. */
export class SpaceError extends Error {
  readonly code: SpaceCode;
  readonly path: string | null;

  constructor(code: SpaceCode, path: string | null, message: string) {
    super(message);
    this.name = "SpaceError";
    this.code = code;
    this.path = path;
  }
}

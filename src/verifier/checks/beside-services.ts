import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { Service, ServicesRun } from "../../core/settings/service.ts";
import { cleanText, cutText } from "../../core/text/clean-text.ts";
import { describeFailure } from "../../core/text/telling-line.ts";
import { keepLog, writeServices } from "../../sandbox/services/write-services.ts";
import { readContainedFile } from "../../worktree/git/contain-path.ts";

/**
 * Runs a check beside its services: one program in the check's box starts them, waits until they are
 * ready, runs the check and stops them. So each run has services of its own, in the check's network,
 * home and /tmp, and none of them outlives it. What went wrong with one says nothing about the change.
 */
export type BesideServices = {
  argv: readonly [string, ...string[]];
  /** How much longer than the check it may take. */
  extraMs: number;
  /** How they ran; null: nothing is known. With `logPath` their output is kept beside the check's. */
  read(logPath: string | null): Promise<ServicesRun | null>;
};

/** What services do within their own limits, stopping included. */
const spareMs = 15_000;
const maxLogBytes = 8 * 1024 * 1024;
/** In bounds, because the check may write it, too. */
const outcomeSchema = z.object({
  failed: z
    .object({ name: z.string().max(40), says: z.string().max(5_000), tail: z.string().max(8_000) })
    .nullable(),
  ready: z
    .array(z.object({ name: z.string().max(40), readyMs: z.number().nonnegative() }))
    .max(200),
  notes: z.array(z.string().max(5_000)).max(200),
}) satisfies z.ZodType<ServicesRun>;

/**
 * Null where there is no service. `reports`: a folder that the box may write; `env`: variables for the
 * command alone.
 */
export async function besideServices(
  services: readonly Service[],
  reports: string,
  command: readonly [string, ...string[]],
  env: Record<string, string>,
): Promise<BesideServices | null> {
  if (services.length === 0) return null;
  const name = randomUUID(); // new for each run, so that two never share a log
  const { argv } = await writeServices(join(reports, name), services, { env });
  // The check may have written what it likes there.
  const read = (file: string) =>
    readContainedFile(reports, join(name, file), maxLogBytes).catch(() => null); // no regular file
  return {
    argv: [...argv, ...command],
    extraMs: services.reduce((sum, { startTimeoutMs }) => sum + startTimeoutMs + spareMs, 0),
    read: async (logPath) => {
      for (const service of logPath === null ? [] : services) {
        const log = await read(`${service.name}.log`);
        const to = `${logPath?.replace(/\.log$/, "")}.${service.name}.log`;
        if (log && log.length > 0) await keepLog(to, log);
      }
      return readOutcome(await read("outcome.json"));
    },
  };
}

function readOutcome(text: Buffer | null): ServicesRun | null {
  try {
    return outcomeSchema.parse(JSON.parse(text?.toString("utf8") ?? ""));
  } catch {
    return null; // the check ended the program, or wrote over what it said
  }
}

/** One clause: which service did not run as long as its check, how that was, and its telling line. */
export function describeFailed({ name, says, tail }: NonNullable<ServicesRun["failed"]>): string {
  return describeFailure(`service \`${name}\` ${cutText(cleanText(says), 500)}`, tail);
}

/** Its last lines, to follow the output of the check; empty: no service failed, or it said nothing. */
export function describeServiceOutput(failed: ServicesRun["failed"]): string {
  const { name, tail } = failed ?? { name: "", tail: "" };
  return tail === "" ? "" : `\nThe last lines of service \`${name}\`:\n${tail}`;
}
